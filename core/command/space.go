package command

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/quota"
)

// Space is a namespace: one State of each structure behind one gate, until it is deleted.
type Space struct {
	ID     uint32
	Name   string
	States []State // in the table's order of structures
	Shared []bool  // which of them are the whole server's, and count for no namespace; nil is none
	Meter  *quota.Meter
	gate   gate

	gone atomic.Bool     // set with the gate held alone, and never again unset: no command begins in it any more
	life context.Context // what goes on in the namespace, waiting or following, ends with it
	end  context.CancelFunc
}

// NewSpace returns a namespace holding the given states.
func NewSpace(id uint32, name string, states []State) *Space {
	life, end := context.WithCancel(context.Background())
	return &Space{ID: id, Name: name, States: states, Meter: quota.NewMeter(), gate: newGate(), life: life, end: end}
}

// Save is the Save of the state at that place, with the gate held. Of a namespace that is gone there is nothing to save.
func (space *Space) Save(place, part int, from []byte, add func(entry []byte)) (next []byte) {
	gate, err := space.enter()
	if err != nil {
		return nil
	}
	defer gate.RUnlock()
	return space.States[place].Save(part, from, add)
}

// Pass returns when the transaction that has the namespace to itself, if there is one, has ended.
func (space *Space) Pass() { space.gate.enter(0).RUnlock() }

// enter takes the gate shared; whoever gets it without an error gives it back. Nobody enters a namespace that is gone.
func (space *Space) enter() (*sync.RWMutex, error) { return space.enterBy(ownStripe()) }

// enterBy is enter by that stripe.
func (space *Space) enterBy(stripe int) (*sync.RWMutex, error) {
	gate := space.gate.enter(stripe)
	if space.gone.Load() {
		gate.RUnlock()
		return nil, space.deleted()
	}
	return gate, nil
}

// End deletes the namespace. No command is at work in it while record makes it so; if that succeeds none begins any
// more, whoever waits is sent away and every watch ends. If it fails, nothing has happened.
func (space *Space) End(record func() error) error {
	space.gate.close()
	defer space.gate.open()
	if space.gone.Load() {
		return space.deleted()
	}
	if err := record(); err != nil {
		return err
	}
	space.gone.Store(true)
	space.gate.turns.Add(1) // so that it stays odd when the gate opens: who only looks must enter too, and cannot
	space.end()
	return nil
}

// Gone reports whether the namespace was deleted.
func (space *Space) Gone() bool { return space.gone.Load() }

func (space *Space) deleted() error {
	return fault.New(fault.NotFound, "namespace %q was deleted", space.Name).With("namespace", space.Name)
}

// within returns a context that ends when the namespace does, too. The function must be called when it is over: of
// what came of that end it makes an error that says so.
func (space *Space) within(ctx context.Context) (context.Context, func(error) error) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(space.life, cancel)
	return ctx, func(err error) error {
		stop()
		cancel()
		if space.gone.Load() && (err == nil || fault.CodeOf(err) == fault.Canceled) {
			return space.deleted()
		}
		return err
	}
}
