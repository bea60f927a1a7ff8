package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
)

// waiting are the quick calls in progress that may wait, so that their clients can take them back (notifications/cancelled). Those
// that go through mcp-go are in its own list. How many there can be is bounded where calls come in.
type waiting struct {
	mu    sync.Mutex
	calls map[callID]*context.CancelFunc
}

// callID is how a client names a call of its own: the id is written as in the message.
type callID struct{ session, id string }

func newWaiting() *waiting { return &waiting{calls: map[callID]*context.CancelFunc{}} }

// begin makes a call one that its client can take back, until end is called. Calls over HTTP that belong to no session are not: their
// clients close the connection.
func (w *waiting) begin(ctx context.Context, session string, c *quickCall) (with context.Context, end func()) {
	if session == "" || !c.mayWait() {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	key := callID{session, string(c.id)}
	w.mu.Lock()
	w.calls[key] = &cancel // of two with one id, the later one
	w.mu.Unlock()
	return ctx, func() {
		cancel()
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.calls[key] == &cancel {
			delete(w.calls, key)
		}
	}
}

// mayCancel reports whether a message may take a call back.
func mayCancel(message []byte) bool { return bytes.Contains(message, []byte("cancelled")) }

// cancel ends the call that the message takes back, and reports whether the message is one that takes a call back at all.
func (w *waiting) cancel(session string, message []byte) bool {
	var m struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
		Params struct {
			RequestID any `json:"requestId"`
		} `json:"params"`
	}
	if json.Unmarshal(message, &m) != nil || m.ID != nil || m.Method != string(mcp.MethodNotificationCancelled) {
		return false
	}
	id, err := json.Marshal(m.Params.RequestID) // written as quick calls write theirs
	w.mu.Lock()
	defer w.mu.Unlock()
	if cancel := w.calls[callID{session, string(id)}]; cancel != nil && err == nil {
		(*cancel)()
	}
	return true
}

// count is how many calls can be taken back.
func (w *waiting) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.calls)
}
