package command

import (
	"context"
	"sync"
	"time"
)

// MaxWait bounds how long a command may wait for something to happen: proxies and clients give up at 30 s.
const MaxWait = 25 * time.Second

// parking lets the handler of a command declared with Waits leave its namespace's gate while it waits.
type parking struct {
	gate *gate
	held *sync.RWMutex // the stripe that is held now
}

type parkingKey struct{}

// park returns a context whose handler can Wait, and the spot that knows which stripe to give back at the end.
func (space *Space) park(ctx context.Context) (context.Context, *parking) {
	p := &parking{gate: &space.gate, held: space.gate.enter()}
	return context.WithValue(ctx, parkingKey{}, p), p
}

func (p *parking) leave() { p.held.RUnlock() }

// Wait is how a handler waits: without the namespace's gate, so that transactions go on meanwhile. The handler
// must hold no lock. It returns true when ready was closed or sent to, and false when the time is over; then,
// and whenever it returns nil, the handler has its place back and must look at everything anew. In a
// transaction nothing can happen by waiting, so it returns false at once.
func Wait(ctx context.Context, ready <-chan struct{}, atMost time.Duration) (bool, error) {
	p, _ := ctx.Value(parkingKey{}).(*parking)
	if p == nil || atMost <= 0 {
		return false, nil
	}
	p.held.RUnlock()
	defer func() { p.held = p.gate.enter() }()
	timer := time.NewTimer(min(atMost, MaxWait))
	defer timer.Stop()
	select {
	case <-ready:
		return true, nil
	case <-timer.C:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
