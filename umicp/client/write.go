package client

import (
	"context"
	"net"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/umicp/umx"
)

// send sends a message in as many frames as it takes; one that opens a stream waits for credit.
func (s *session) send(ctx context.Context, m *umx.Message, p *pending, sub *subscription) error {
	var err error
	if m.Request, err = s.register(p); err != nil {
		return err
	}
	opens := m.Flags&umx.StreamStart != 0
	if opens {
		if err := s.acquire(ctx, m); err != nil {
			s.forget(m.Request)
			return err
		}
	}
	if err := s.write(m, p, sub, opens); err != nil {
		return err
	}
	return s.flush()
}

// write sends the frames of a message, which nobody gets in between.
func (s *session) write(m *umx.Message, p *pending, sub *subscription, opens bool) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if opens { // streams are opened in the order of their numbers: while nobody else writes
		s.mu.Lock()
		s.stream += 2 // from minus one
		s.in.Expect(s.stream)
		m.Stream = s.stream
		if p != nil {
			p.stream = m.Stream
		}
		if sub != nil {
			sub.stream, sub.request = m.Stream, m.Request
			s.open[m.Stream] = sub
		}
		s.mu.Unlock()
	}
	s.pen.Lock()
	if !opens {
		m.Sequence = s.next
	}
	frames, err := m.Frames(s.limits.MaxFrame)
	if err == nil && !opens {
		s.next += uint32(len(frames)) //nolint:gosec // bounded by the largest message
	}
	s.pen.Unlock()
	if err != nil {
		s.forget(m.Request)
		if opens { // it never was
			s.mu.Lock()
			s.in.Cancelled(m.Stream)
			delete(s.open, m.Stream)
			s.ended()
			s.mu.Unlock()
		}
		return umx.AsFault(err)
	}
	for _, parts := range frames {
		if err := s.drain(parts); err != nil {
			return err
		}
	}
	return nil
}

// acquire waits until another stream may be opened and there is credit on the connection, and takes both.
func (s *session) acquire(ctx context.Context, m *umx.Message) error {
	total := int64(len(m.Meta) + umx.HeaderBytes)
	for i := range m.Tensors {
		total += int64(len(m.Tensors[i].Data)) + 2*umx.HeaderBytes
	}
	for {
		s.mu.Lock()
		if s.err != nil {
			defer s.mu.Unlock()
			return lost(s.err)
		}
		if s.credit > 0 && s.streams < umx.MaxStreams {
			s.credit -= total
			s.streams++
			s.mu.Unlock()
			return nil
		}
		more := s.more
		s.blocked++
		s.mu.Unlock()
		var err error
		select {
		case <-more:
		case <-ctx.Done():
			err = fault.From(ctx.Err())
		}
		s.mu.Lock()
		s.blocked--
		s.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// flush writes what was gathered, unless somebody is writing: who does looks again afterwards.
func (s *session) flush() error {
	for s.unsent() && s.writing.TryLock() {
		err := s.drain(nil)
		s.writing.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *session) unsent() bool {
	s.pen.Lock()
	defer s.pen.Unlock()
	return len(s.out) > 0
}

// maxUnsent is how much is gathered before callers wait until it is written.
const maxUnsent = 256 << 10

// press is flush of much: it waits until it is written.
func (s *session) press() error {
	s.writing.Lock()
	err := s.drain(nil)
	s.writing.Unlock()
	if err != nil {
		return err
	}
	return s.flush()
}

func (s *session) drain(more net.Buffers) error {
	s.pen.Lock()
	b := s.out
	s.out, s.spare = s.spare[:0], nil
	s.pen.Unlock()
	if len(b) == 0 && len(more) == 0 {
		s.spare = b
		return nil
	}
	err := s.carrier.write(b, more)
	if cap(b) <= 128<<10 {
		s.spare = b[:0]
	}
	if err != nil {
		s.fail(err)
		return lost(err)
	}
	return nil
}
