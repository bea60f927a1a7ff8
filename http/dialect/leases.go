package dialect

import (
	"maps"
	"sync"
	"time"
)

// MaxLeases is how many messages that were handed out are remembered by their ids. Of more, any one is forgotten: it cannot be
// acknowledged any more, and is handed out again.
const MaxLeases = 100_000

// leaseID is how a client names a message that it was handed.
type leaseID struct{ namespace, queue, message string }

// lease is what a native call wants to know of it.
type lease struct {
	receipt    string
	ends       int64 // in Unix milliseconds
	attempt    int64 // which delivery it is, from 1
	maxRetries int64
}

// leases are the messages that were handed out and not settled since. The process forgets them when it ends; then they are handed out again.
type leases struct {
	most int

	mu    sync.Mutex
	byID  map[leaseID]lease
	swept int64 // when those that had ended were forgotten last, in Unix milliseconds
}

// keep remembers a message that was handed out.
func (l *leases) keep(id leaseID, one lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now().UnixMilli(); now-l.swept > sweepEvery.Milliseconds() {
		l.swept = now
		maps.DeleteFunc(l.byID, func(_ leaseID, one lease) bool { return one.ends <= now })
	}
	if len(l.byID) >= l.most {
		for any := range l.byID {
			delete(l.byID, any)
			break
		}
	}
	l.byID[id] = one
}

// sweepEvery is how often leases that have ended are looked for.
const sweepEvery = time.Minute

// find returns the lease, if there is one.
func (l *leases) find(id leaseID) (lease, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one, ok := l.byID[id]
	return one, ok
}

// forget forgets a lease that was settled, unless the message has been handed out again meanwhile.
func (l *leases) forget(id leaseID, settled lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byID[id] == settled {
		delete(l.byID, id)
	}
}
