package quota

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

const (
	// Hold is how long the refusal of a rate is held back. Who waits for an answer before he asks again, and asks again at once
	// whatever it is, would else be refused tens of thousands of times a second, and each refusal costs those who keep to their
	// rate as much as a small read (bench/neighbour). It is that long give or take a half: many that were refused at the same
	// time would else ask again at the same time, and take in one burst what the rate has for them by then.
	Hold = 100 * time.Millisecond
	// maxHeld bounds how many refusals are held back at a time; further ones are given at once.
	maxHeld = 1024
)

// Penalty holds back refusals. The zero Penalty is ready for use.
type Penalty struct{ held atomic.Int64 }

type onceKey struct{}

// HoldOnce returns the context of several requests that are one to whoever waits for them: they are held back together, not
// each for itself.
func HoldOnce(ctx context.Context) context.Context {
	return context.WithValue(ctx, onceKey{}, new(atomic.Bool))
}

// Hold returns after a while, or when the context ends.
func (p *Penalty) Hold(ctx context.Context) {
	if once, ok := ctx.Value(onceKey{}).(*atomic.Bool); ok && once.Swap(true) {
		return
	}
	if p.held.Add(1) <= maxHeld {
		timer := time.NewTimer(Hold/2 + rand.N(Hold)) //nolint:gosec // spreading needs no secret
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
	p.held.Add(-1)
}
