package core

import (
	"fmt"
	"sync"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// interactiveID is the permanent number of the structure of transactions that are put together call by call.
const interactiveID = 7

// Limits of the transactions that are being put together in one namespace. They are kept in memory only.
const (
	MaxOpenTransactions = 10_000
	MaxOpenBytes        = 64 << 20 // of all of them
	MaxQueuedCommands   = 1000     // of one
	MaxQueuedBytes      = 16 << 20 // of one
	MaxWatched          = 100      // by one

	defaultOpenMS = 60_000
	sessionBytes  = 256 // about what an empty one takes
	queuedBytes   = 96  // and a command or a watched thing besides its text
)

// interactive is the structure of transactions that are put together call by call, as SDKs with MULTI, WATCH and EXEC do.
func (e *Engine) interactive() *command.Structure {
	return &command.Structure{
		Name: "transaction", ID: interactiveID,
		Summary: "Transactions that are put together call by call: watch, multi, queue, exec.",
		New: func(env command.Env) command.State {
			return &interactive{engine: e, env: env, open: map[client]*session{}}
		},
		Commands: []*command.Command{
			command.Act(command.Info{
				Name: "transaction.watch", Op: 0x0701, Open: true, Args: "client_id",
				Summary: "Remember how things are, so that the transaction fails if they change before it is executed.",
				Doc: "Before transaction.multi or after it; what the transaction itself changes does not count. A thing is named as in a " +
					"condition: {\"key\":…} or {\"room\":…}; what else is expected of it is checked now and again at the end.",
			}, (*interactive).watch),
			command.Act(command.Info{
				Name: "transaction.unwatch", Op: 0x0706, Open: true, Hints: command.Idempotent, Args: "client_id",
				Summary: "Forget what is watched.",
			}, (*interactive).unwatch),
			command.Act(command.Info{
				Name: "transaction.multi", Op: 0x0702, Open: true, Args: "client_id",
				Summary: "Begin a transaction.",
				Doc: "It belongs to the caller and the client_id, and is kept in memory until it is executed, discarded, or nothing was asked " +
					"of it for its timeout. To send a transaction in one call use txn.exec.",
			}, (*interactive).multi),
			command.Act(command.Info{
				Name: "transaction.queue", Op: 0x0703, Open: true, Args: "client_id command payload",
				Summary: "Add a command to the transaction, to be run when it is executed.",
				Doc: "The command is checked at once: that there is one of that name, its fields, and whether you may. One that is refused is " +
					"not added; those before it stay.",
			}, (*interactive).queue),
			command.Compose(command.Info{
				Name: "transaction.exec", Op: 0x0704, Open: true, Hints: command.Destructive, Args: "client_id",
				Summary: "Run the commands of the transaction as one, all of them or none.",
				Doc: "Conflict means that something that is watched has changed; the message names it, and nothing has happened. Whatever the " +
					"answer, the transaction is over and nothing is watched any more.",
			}, (*interactive).exec),
			command.Act(command.Info{
				Name: "transaction.discard", Op: 0x0705, Open: true, Hints: command.Idempotent, Args: "client_id",
				Summary: "Forget the transaction, and what is watched.",
			}, (*interactive).discard),
		},
	}
}

// interactive is the State of that structure: the open transactions of one namespace. Nothing of it is in the
// journal but the record of an exec.
type interactive struct {
	command.NoData
	engine *Engine
	env    command.Env

	mu    sync.Mutex
	open  map[client]*session
	bytes int // of all of them
}

// client is whom a transaction belongs to.
type client struct{ principal, id string }

func (c client) none() error {
	return fault.New(fault.NotFound, "client %q has no open transaction: begin one with transaction.multi; it is forgotten "+
		"when nothing was asked of it for its timeout", c.id)
}

// session is one client's transaction, or what it watches before it begins one.
type session struct {
	begun   bool  // by multi
	life    int64 // milliseconds from the last call until it is forgotten
	expires int64 // Unix milliseconds
	bytes   int
	watched []*command.Clause
	queued  []queued
}

// queued is a command to be run; its request is kept as it came, for that is smaller.
type queued struct {
	command *command.Command
	payload command.JSON
}

// find returns the client's session, or nil. t.mu is held.
func (t *interactive) find(c client) *session {
	s := t.open[c]
	if s != nil && s.expires <= t.env.Clock.Now() {
		t.forget(c)
		return nil
	}
	return s
}

// begun is find for a transaction that was begun.
func (t *interactive) begun(c client) (*session, error) {
	if s := t.find(c); s != nil && s.begun {
		return s, nil
	}
	return nil, c.none()
}

// findOrMake is find for who would begin one. t.mu is held.
func (t *interactive) findOrMake(c client) (*session, error) {
	if s := t.find(c); s != nil {
		return s, nil
	}
	if len(t.open) >= MaxOpenTransactions {
		return nil, fault.New(fault.Exhausted, "%d transactions are open in this namespace, and no more are allowed", MaxOpenTransactions).
			With("limit", MaxOpenTransactions)
	}
	s := &session{life: defaultOpenMS}
	if err := t.grow(s, sessionBytes+len(c.principal)+len(c.id)); err != nil {
		return nil, err
	}
	t.open[c] = s
	return s, nil
}

// grow makes room for what is about to be kept. t.mu is held.
func (t *interactive) grow(s *session, bytes int) error {
	switch {
	case s.bytes+bytes > MaxQueuedBytes:
		return fault.New(fault.TooLarge, "the transaction would take %d bytes; one may take %d until it is executed",
			s.bytes+bytes, MaxQueuedBytes).With("limit", MaxQueuedBytes)
	case t.bytes+bytes > MaxOpenBytes:
		return fault.New(fault.Exhausted, "the open transactions of this namespace take %d bytes, and may take %d", t.bytes, MaxOpenBytes).
			With("limit", MaxOpenBytes)
	}
	s.bytes += bytes
	t.bytes += bytes
	return nil
}

// touch says that the client is still there. t.mu is held.
func (t *interactive) touch(s *session) {
	s.expires = t.env.Clock.Now() + s.life
	t.env.Wake(s.expires)
}

// forget drops the client's session, if there is one. t.mu is held.
func (t *interactive) forget(c client) {
	if s := t.open[c]; s != nil {
		t.bytes -= s.bytes
		delete(t.open, c)
	}
}

// Sweep implements command.State: it forgets what nobody asked about in time.
func (t *interactive) Sweep(tx *command.Tx) (next int64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c, s := range t.open {
		switch {
		case s.expires <= tx.Now():
			t.forget(c)
		case next == 0 || s.expires < next:
			next = s.expires
		}
	}
	return next, nil
}

// Stats implements command.State.
func (t *interactive) Stats() command.Usage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return command.Usage{Items: int64(len(t.open)), Bytes: int64(t.bytes)}
}

// Check implements command.State.
func (t *interactive) Check() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	bytes := 0
	for c, s := range t.open {
		bytes += s.bytes
		if s.expires == 0 || (len(s.queued) > 0 && !s.begun) || (!s.begun && len(s.watched) == 0) {
			return fmt.Errorf("the transaction of client %q is in no state to be in", c.id)
		}
	}
	if bytes != t.bytes {
		return fmt.Errorf("%d bytes are said to be kept, but it is %d", t.bytes, bytes)
	}
	return nil
}

// clientOf is whom a call is from.
func clientOf(caller *auth.Identity, id string) client { return client{caller.Name, id} }
