package client

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/umicp/umx"
)

// Event is one thing that a watch found.
type Event[T any] struct {
	Position string // to go on after it
	Value    T
}

// Marks has Watch also yield events without a value, which say that there is nothing more for now and that everything up to their
// position was seen; the first one says that the watch is in place. Over HTTP there are none.
func Marks() Option { return func(r *request) { r.marks = true } }

// UntilBroken has Watch end with an error of code Unavailable when its connection breaks, for those who want to take it up themselves.
func UntilBroken() Option { return func(r *request) { r.fragile = true } }

// Watch follows changes as they happen. The sequence ends when the context does, when the watch has delivered what it was
// limited to, or with an error; a connection that breaks is dialled again and the watch goes on after the last
// event. A caller that is slow holds back this watch and nothing else.
func (c *Client) Watch(ctx context.Context, operation string, args any, opts ...Option) iter.Seq2[Event[Raw], error] {
	return func(yield func(Event[Raw], error) bool) {
		raw, err := packed(args)
		if err != nil {
			yield(Event[Raw]{}, err)
			return
		}
		var bounds struct {
			Limit int64 `json:"limit"`
		}
		_ = raw.Decode(&bounds) // what is no number is for the server to refuse
		asked := &request{}
		for _, o := range opts {
			o(asked)
		}
		fragile := asked.fragile
		count := int64(0)
		deliver := func(e Event[Raw], err error) bool {
			if err == nil && e.Value != nil {
				count++
			}
			return yield(e, err)
		}
		for wait := firstBackoff; ; wait = min(2*wait, maxBackoff) {
			var from string
			var on, again bool
			if c.http != nil {
				from, on, again, err = c.http.watch(ctx, operation, raw, opts, deliver)
			} else {
				from, on, again, err = c.watchOnce(ctx, operation, raw, opts, deliver)
			}
			if !on {
				return
			}
			if from != "" {
				raw = with(raw, "from", pack.AppendString(nil, from))
				wait = firstBackoff
			}
			if bounds.Limit > 0 && from != "" {
				if count >= bounds.Limit {
					return
				}
				raw = with(raw, "limit", pack.AppendUint(nil, uint64(bounds.Limit-count))) //nolint:gosec // just compared
			}
			if !again || fragile {
				if err != nil && ctx.Err() == nil {
					yield(Event[Raw]{}, err)
				}
				return
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return
			}
		}
	}
}

// WatchAs is Watch with events of a type.
func WatchAs[T any](events iter.Seq2[Event[Raw], error]) iter.Seq2[Event[T], error] {
	return func(yield func(Event[T], error) bool) {
		for raw, err := range events {
			e := Event[T]{Position: raw.Position}
			if err == nil {
				err = raw.Value.Decode(&e.Value)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// Repeat runs a command that waits for something and takes it, such as queue.receive, again and again: every answer is
// delivered, and the server takes no more than this side has room for. It ends with the context or an error; a connection
// that breaks is dialled again.
func (c *Client) Repeat(ctx context.Context, operation string, args any, opts ...Option) iter.Seq2[Raw, error] {
	return func(yield func(Raw, error) bool) {
		if c.http != nil {
			for ctx.Err() == nil {
				var answer Raw
				err := c.Call(ctx, operation, args, &answer, opts...)
				if ctx.Err() != nil || !yield(answer, err) || err != nil {
					return
				}
			}
			return
		}
		opts = append(opts[:len(opts):len(opts)], func(r *request) { r.Repeat = true })
		for e, err := range c.Watch(ctx, operation, args, opts...) {
			if !yield(e.Value, err) {
				return
			}
		}
	}
}

// RepeatAs is Repeat with answers of a type.
func RepeatAs[T any](answers iter.Seq2[Raw, error]) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for raw, err := range answers {
			answer := new(T)
			if err == nil {
				err = raw.Decode(answer)
			}
			if !yield(answer, err) {
				return
			}
		}
	}
}

// with replaces an entry of a MessagePack map.
func with(args Raw, key string, value []byte) Raw {
	n, rest, ok := pack.ReadMap(args)
	if !ok {
		n, rest = 0, nil
	}
	var entries []byte
	kept := 0
	for range n {
		name, after, _ := pack.ReadString(rest)
		end, ok := pack.Skip(after)
		if !ok {
			break
		}
		if string(name) != key {
			entries = append(entries, rest[:len(rest)-len(end)]...)
			kept++
		}
		rest = end
	}
	b := append(pack.AppendMap(nil, kept+1), entries...)
	return append(pack.AppendString(b, key), value...)
}

// watchOnce follows on one session. on is false when the caller has had enough, again true when it is worth to try again.
func (c *Client) watchOnce(ctx context.Context, operation string, args Raw, opts []Option, yield func(Event[Raw], error) bool,
) (from string, on, again bool, err error) {
	s, err := c.connected(ctx)
	if err != nil {
		return "", true, fault.CodeOf(err) == fault.Unavailable && !errors.Is(err, errClosed), err
	}
	r := &request{operation: operation, args: args, stream: true}
	for _, o := range opts {
		o(r)
	}
	sub, err := s.subscribe(ctx, r)
	if err != nil {
		return "", true, fault.CodeOf(err) == fault.Unavailable, err
	}
	defer s.unsubscribe(sub)
	for {
		e, err := sub.next(ctx)
		switch {
		case errors.Is(err, errEnded):
			return from, true, false, nil
		case err != nil:
			return from, true, fault.CodeOf(err) == fault.Unavailable, err
		}
		if e.position != "" {
			from = e.position
		}
		if e.result == nil && !r.marks {
			continue
		}
		more := yield(Event[Raw]{e.position, e.result}, nil)
		if err := s.taken(sub.stream, &sub.back, e.body, umx.KindMessage); err != nil {
			return from, more, true, err
		}
		if !more {
			return from, false, false, nil
		}
	}
}

// subscription is a stream that carries events.
type subscription struct {
	stream, request uint64
	back            int64 // guarded by the session's mu

	mu     sync.Mutex
	events []event
	err    error         // why no more come
	wake   chan struct{} // one token
}

type event struct {
	result   Raw // nil: a mark that everything up to the position was seen
	position string
	body     int
}

var errEnded = errors.New("the watch has ended")

func (s *session) subscribe(ctx context.Context, r *request) (*subscription, error) {
	meta, err := r.appendMeta(nil)
	if err != nil {
		return nil, err
	}
	sub := &subscription{wake: make(chan struct{}, 1)}
	m := r.message(meta)
	m.Flags = umx.StreamStart | umx.StreamEnd
	return sub, s.send(ctx, &m, nil, sub)
}

// unsubscribe gives the stream up.
func (s *session) unsubscribe(sub *subscription) {
	s.mu.Lock()
	_, live := s.open[sub.stream]
	delete(s.open, sub.stream)
	s.mu.Unlock()
	sub.mu.Lock()
	ended := sub.err != nil
	left := 0
	for _, e := range sub.events {
		left += max(e.body, umx.HeaderBytes)
	}
	sub.events = nil
	sub.mu.Unlock()
	if live && !ended {
		s.cancel(sub.stream, sub.request)
	}
	if left > 0 {
		_ = s.taken(sub.stream, nil, left, umx.KindMessage) // a broken session has told everybody
	}
}

// take takes a message of the stream, of which so many bytes are not given back yet. Bytes that wait here are bounded by the credit that was given for
// them.
func (sub *subscription) take(f *umx.Frame, body int) {
	var e event
	var err error
	if f.BodyLen > 0 {
		var a answer
		a, err = parseAnswer(f)
		e.result, e.position, e.body = a.result, a.position, body
		if _, isNil := pack.ReadNil(e.result); isNil && err == nil {
			e.result = nil
		}
		e.result = append(Raw(nil), e.result...)
	}
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if err == nil && f.BodyLen > 0 && sub.err == nil {
		sub.events = append(sub.events, e)
	}
	if err == nil && f.Flags&umx.StreamEnd != 0 {
		err = errEnded
	}
	if err != nil && sub.err == nil {
		sub.err = err
	}
	sub.notify()
}

func (sub *subscription) notify() {
	select {
	case sub.wake <- struct{}{}:
	default:
	}
}

func (sub *subscription) finish(err error) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.err == nil {
		sub.err = err
	}
	sub.notify()
}

// next returns the next event, or why there is none.
func (sub *subscription) next(ctx context.Context) (event, error) {
	for {
		sub.mu.Lock()
		if len(sub.events) > 0 {
			e := sub.events[0]
			if sub.events = sub.events[1:]; len(sub.events) == 0 {
				sub.events = nil
			}
			sub.mu.Unlock()
			return e, nil
		}
		err := sub.err
		sub.mu.Unlock()
		if err != nil {
			return event{}, err
		}
		select {
		case <-sub.wake:
		case <-ctx.Done():
			return event{}, fault.From(ctx.Err())
		}
	}
}
