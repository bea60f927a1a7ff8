package auth

import (
	"sync"
	"sync/atomic"

	"github.com/hivellm/synap-go/core/fault"
)

// Principal is somebody whose rights may change or end while requests and streams of theirs go on. An Identity that a
// Principal gave out follows it: whoever serves it asks Now before each request, and OnChange during a long one.
type Principal struct {
	current atomic.Pointer[Identity] // nil once it has ended

	mu       sync.Mutex
	why      error             // set when it has ended
	watchers map[*watcher]bool // who is told of changes; one stays until it stops itself
}

type watcher struct{ changed func() }

// NewPrincipal returns one that is the identity for now.
func NewPrincipal(id *Identity) *Principal {
	p := &Principal{watchers: map[*watcher]bool{}}
	p.set(id)
	return p
}

// Identity returns who it is now, or why it is nobody any more.
func (p *Principal) Identity() (*Identity, error) {
	if id := p.current.Load(); id != nil {
		return id, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return nil, p.why
}

// Change makes it another identity, or a living one again, and tells those who serve it.
func (p *Principal) Change(id *Identity) {
	p.set(id)
	p.tell()
}

func (p *Principal) set(id *Identity) {
	own := *id
	own.principal = p
	p.current.Store(&own)
}

// End makes it nobody, for that reason, and tells those who serve it.
func (p *Principal) End(why *fault.Error) {
	p.mu.Lock()
	p.why = why
	p.current.Store(nil)
	p.mu.Unlock()
	p.tell()
}

// tell calls everybody who watches.
func (p *Principal) tell() {
	p.mu.Lock()
	told := make([]*watcher, 0, len(p.watchers))
	for w := range p.watchers {
		told = append(told, w)
	}
	p.mu.Unlock()
	for _, w := range told {
		w.changed()
	}
}

// Now returns the identity with the rights that it has by now, or an error when it is nobody any more.
func (id *Identity) Now() (*Identity, error) {
	p := id.principal
	if p == nil {
		return id, nil
	}
	now := p.current.Load()
	switch {
	case now == id:
		return id, nil
	case now == nil:
		_, err := p.Identity()
		return nil, err
	case now.Namespace == id.Namespace:
		return now.As(id.Agent)
	}
	moved, err := now.In(id.Namespace) // where the door had moved it to
	if err != nil {
		return nil, err
	}
	return moved.As(id.Agent)
}

// MayChange reports whether Now may ever answer anything but the identity itself.
func (id *Identity) MayChange() bool { return id.principal != nil }

// OnChange has f called, perhaps several times and at once, whenever Now may answer otherwise than before, until stop is
// called; also when that happened already since the identity was given out. f must not block.
func (id *Identity) OnChange(f func()) (stop func()) {
	p := id.principal
	if p == nil {
		return func() {}
	}
	w := &watcher{f}
	p.mu.Lock()
	p.watchers[w] = true
	p.mu.Unlock()
	if p.current.Load() != id {
		f()
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.watchers, w)
	}
}

// OnEnd has f called once the identity is nobody any more, with the reason, until stop is called. f must not block.
func (id *Identity) OnEnd(f func(why error)) (stop func()) {
	var once sync.Once
	return id.OnChange(func() {
		if _, err := id.Now(); err != nil {
			once.Do(func() { f(err) })
		}
	})
}
