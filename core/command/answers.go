package command

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/json"
	"sync"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// How long and how many answers are remembered for callers that give idempotency keys, and how much memory
// they may take. When it is too much, the oldest are forgotten first.
const (
	answerLifeMS    = 24 * 60 * 60 * 1000
	maxAnswers      = 100_000
	maxAnswersBytes = 64 << 20
	answerOverhead  = 400 // bytes of one answer besides its key and its JSON
)

// answers remembers what callers with idempotency keys were told.
type answers struct {
	mu    sync.Mutex
	byKey map[answerKey]*list.Element
	order *list.List // of *remembered, oldest first
	bytes int        // of all answers in order
}

type answerKey struct {
	space       uint32
	caller, key string
}

// remembered is one answer, or the promise of one.
type remembered struct {
	key    answerKey
	digest [32]byte
	born   int64
	done   chan struct{} // closed when value or failed is set
	value  any
	answer *journal.Answer // what is kept of it, once that is in the journal; nil when the call changed nothing. Guarded by answers.mu
	// unsettled is set while the record is in the journal but its caller did not live to hear how safe it is: the next
	// one waits for that again. It is guarded by answers.mu.
	unsettled *joint
	size      int  // about how many bytes of memory it takes
	failed    bool // the call failed, so that nothing happened and a retry runs
}

func newAnswers() *answers {
	return &answers{byKey: map[answerKey]*list.Element{}, order: list.New()}
}

// claim returns the answer to the key and whether the caller is the one to work it out.
func (a *answers) claim(key answerKey, digest [32]byte, now int64) (r *remembered, mine bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.trim(now)
	if e := a.byKey[key]; e != nil {
		return e.Value.(*remembered), false
	}
	r = &remembered{key: key, digest: digest, born: now, done: make(chan struct{}), size: answerOverhead + len(key.key)}
	a.byKey[key] = a.order.PushBack(r)
	a.bytes += r.size
	return r, true
}

// trim forgets what is too old or too much. a.mu is held.
func (a *answers) trim(now int64) {
	for e := a.order.Front(); e != nil; e = a.order.Front() {
		old := e.Value.(*remembered)
		if old.born+answerLifeMS > now && a.order.Len() < maxAnswers && a.bytes < maxAnswersBytes {
			return
		}
		a.remove(e)
	}
}

// Forget drops the answers of callers in a namespace: it was deleted, and they are a part of it.
func (d *Dispatcher) Forget(space uint32) {
	a := d.answers
	a.mu.Lock()
	defer a.mu.Unlock()
	for e := a.order.Front(); e != nil; {
		next := e.Next()
		if e.Value.(*remembered).key.space == space {
			a.remove(e)
		}
		e = next
	}
}

func (a *answers) remove(e *list.Element) {
	r := a.order.Remove(e).(*remembered)
	a.bytes -= r.size
	if a.byKey[r.key] == e {
		delete(a.byKey, r.key)
	}
}

// keep records what is in the journal of the answer, though the call has not ended.
func (a *answers) keep(r *remembered, answer *journal.Answer) {
	a.mu.Lock()
	r.answer = answer
	a.mu.Unlock()
}

// settle records how the call went and lets those who wait for it go on.
func (a *answers) settle(r *remembered, value any, answer *journal.Answer, failed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r.value, r.failed = value, failed
	close(r.done)
	e := a.byKey[r.key]
	if e == nil || e.Value != any(r) {
		return // forgotten meanwhile
	}
	if r.failed {
		a.remove(e)
		return
	}
	grown := 0
	if answer != nil && answer.Value != nil {
		r.answer = answer             // that of a call which ran here was kept before; see keeping
		grown = 2 * len(answer.Value) // once as a value, once as JSON
	} else {
		grown = weigh(value)
	}
	r.size += grown
	a.bytes += grown
}

// keeping is an answer to put into the same record as the change that it tells of, so that there is no moment at which
// one is in the log without the other. kept says that the record is in the journal. It is called with the namespace's gate
// still closed, so that there is no such moment in a snapshot either: what has a number when a save begins has its answer
// when the save comes to answers.
type keeping struct {
	answer *journal.Answer
	kept   func()
}

// once runs what must not run twice, unless it ran before.
func (d *Dispatcher) once(ctx context.Context, r *Request, space *Space, args any, run func(*keeping) (*joint, error),
) (any, error) {
	digest, err := digestOf(r.Command, args)
	if err != nil {
		return nil, err
	}
	key := answerKey{space.ID, r.Caller.AgentName(), r.IdempotencyKey} // agents that share a credential do not share answers
	for {
		known, mine := d.answers.claim(key, digest, d.clock.Now())
		if mine {
			return d.first(r, known, run)
		}
		select {
		case <-known.done:
		case <-ctx.Done():
			return nil, fault.From(ctx.Err())
		}
		switch {
		case known.failed:
		case known.digest != digest:
			return nil, fault.New(fault.Conflict,
				"idempotency key %q was used for another request; a new request takes a new key", clip(r.IdempotencyKey))
		default:
			return d.again(ctx, known)
		}
	}
}

// first runs the call and records its answer.
func (d *Dispatcher) first(r *Request, promise *remembered, run func(*keeping) (*joint, error)) (resp any, err error) {
	answer := &journal.Answer{
		Caller: r.Caller.AgentName(), Key: r.IdempotencyKey, Command: r.Command.Name, Digest: promise.digest, Born: promise.born,
	}
	failed := true // what waiters see after a panic
	defer func() { d.answers.settle(promise, resp, answer, failed) }()
	j, err := run(&keeping{answer, func() { d.answers.keep(promise, answer) }})
	switch {
	case err == nil:
		resp, failed = j.response(), false
	case j != nil && j.seq != 0: // it has happened, and must not happen again
		resp, failed, promise.unsettled = j.response(), false, j
	}
	return resp, err
}

// again answers as the first call was answered, once that is as safe as was asked for then.
func (d *Dispatcher) again(ctx context.Context, known *remembered) (any, error) {
	d.answers.mu.Lock()
	j := known.unsettled
	d.answers.mu.Unlock()
	if j == nil {
		return known.value, nil
	}
	level, err := d.settle(ctx, j.seq, j.asked)
	if err != nil {
		return nil, err
	}
	d.answers.mu.Lock()
	defer d.answers.mu.Unlock()
	if known.unsettled != nil {
		j.promise(level)
		known.unsettled = nil
	}
	return known.value, nil
}

// writeOnce runs a Write under an idempotency key: as a transaction of one command.
func (d *Dispatcher) writeOnce(ctx context.Context, r *Request, space *Space, args any) (any, error) {
	return d.once(ctx, r, space, args, func(k *keeping) (*joint, error) {
		j := &joint{space: space, steps: []step{{Request: r, args: args}}, asked: r.Durability, single: true}
		return j, d.run(ctx, j, k)
	})
}

// digestOf identifies a request, to tell a retry from a key that is used twice.
func digestOf(c *Command, args any) ([32]byte, error) {
	text, err := json.Marshal(args)
	if err != nil {
		return [32]byte{}, fault.From(err)
	}
	return sha256.Sum256(append([]byte(c.Name+"\x00"), text...)), nil
}
