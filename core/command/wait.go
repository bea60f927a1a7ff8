package command

import (
	"context"
	"sync"
	"time"
)

// MaxWait bounds how long a command may wait for something to happen: proxies and clients give up at 30 s.
const MaxWait = 25 * time.Second

// parking is the context of a handler that is declared with Waits: it lets the handler leave its namespace's
// gate while it waits, and knows which stripe to give back at the end.
type parking struct {
	context.Context
	space *Space
	held  *sync.RWMutex // the stripe that is held now
}

type parkingKey struct{}

// Value implements context.Context.
func (p *parking) Value(key any) any {
	if key == (parkingKey{}) {
		return p
	}
	return p.Context.Value(key)
}

// park takes the space's gate for a handler that can Wait.
func (p *parking) park(ctx context.Context, space *Space) error {
	gate, err := space.enter()
	*p = parking{Context: ctx, space: space, held: gate}
	return err
}

func (p *parking) leave() { p.held.RUnlock() }

// Wait is how a handler waits: without the namespace's gate, so that transactions go on meanwhile. The handler
// must hold no lock. It returns true when ready was closed or sent to, and false when the time is over; then,
// and whenever it returns nil, the handler has its place back and must look at everything anew. In a
// transaction nothing can happen by waiting, so it returns false at once. An error says that it is over: the caller
// went away, or the namespace was deleted.
func Wait(ctx context.Context, ready <-chan struct{}, atMost time.Duration) (woken bool, err error) {
	p, _ := ctx.Value(parkingKey{}).(*parking)
	if p == nil || atMost <= 0 {
		return false, nil
	}
	p.held.RUnlock()
	defer func() {
		p.held = p.space.gate.enter(ownStripe())
		if p.space.gone.Load() {
			woken, err = false, p.space.deleted()
		}
	}()
	timer := time.NewTimer(min(atMost, MaxWait))
	defer timer.Stop()
	select {
	case <-ready:
		return true, nil
	case <-timer.C:
		return false, nil
	case <-p.space.life.Done():
		return false, p.space.deleted()
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// Outside runs f, which takes a while and changes no data, without the namespace's gate, so that transactions go on
// meanwhile, for a handler that is declared with Waits. The handler must hold no lock. In a transaction there is no
// outside: f is not run, and Outside returns false. If the namespace is deleted meanwhile, nothing can be committed.
func Outside(ctx context.Context, f func()) bool {
	p, _ := ctx.Value(parkingKey{}).(*parking)
	if p == nil {
		return false
	}
	p.held.RUnlock()
	defer func() { p.held = p.space.gate.enter(ownStripe()) }()
	f()
	return true
}
