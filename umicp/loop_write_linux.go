package umicp

import "slices"

// A loop whose peers send many requests at a time spends a third of its time writing the answers. It hands those to its writer, which writes them
// on another processor while the loop goes on with what has come meanwhile. Where few come at a time, the loop writes: to wake another costs as
// much as to write a few, and the peers, who have as much to do for each request as the server then, may be in need of that processor.

// writer writes for one loop. It is one goroutine.
type writer struct {
	todo   chan *batch
	done   chan *batch // those that can be filled again
	lacked int         // how many batches there may still be; of the loop
}

// batch is the answers of one round of a loop, and the memory that they are in.
type batch struct {
	held    []held // lent to the sessions whose turn it is, one after the other
	pending []byte // as above
	written []toWrite
}

// toWrite is what one session is to be sent. The session's writing is held, for the writer to release.
type toWrite struct {
	to     *polled
	frames []byte
}

// When a loop hands what it answers to its writer: when so many frames came in one round, and on average so many from each of those who sent
// any. What a writer has not written yet is at most maxBatches rounds.
const (
	handedFrames = 256
	handedEach   = 4
	maxBatches   = 2
)

func newBatch() *batch {
	return &batch{held: make([]held, 0, maxEvents), pending: make([]byte, 0, loopRoom)}
}

func (b *batch) empty() {
	clear(b.held)
	clear(b.written)
	b.held, b.pending, b.written = b.held[:0], b.pending[:0], b.written[:0]
}

func newWriter() *writer {
	return &writer{todo: make(chan *batch, maxBatches), done: make(chan *batch, maxBatches), lacked: maxBatches}
}

// run writes until todo is closed.
func (w *writer) run() {
	for b := range w.todo {
		for _, one := range b.written {
			one.to.send(one.frames)
		}
		b.empty()
		w.done <- b
	}
}

// another returns an empty batch; nil if the writer has enough to do.
func (w *writer) another() *batch {
	select {
	case b := <-w.done:
		return b
	default:
	}
	if w.lacked == 0 {
		return nil
	}
	w.lacked--
	return newBatch()
}

// take puts the session's answers into the batch, if nothing is before them or between.
func (b *batch) take(p *polled) bool {
	x := p.session
	if x.later != nil || len(x.pending) == 0 || !x.writing.TryLock() {
		return false
	}
	if x.unsent() {
		x.writing.Unlock()
		return false
	}
	b.written = append(b.written, toWrite{p, x.pending})
	x.pending = nil
	return true
}

// send writes frames as far as the peer takes them at once. The rest, and what was gathered meanwhile, a goroutine writes. x.writing is held, and
// released, then or later.
func (p *polled) send(frames []byte) {
	x := p.session
	n, err := p.link.try(frames)
	if err == nil && n < len(frames) {
		rest := p.rest(slices.Clone(frames[n:]), 0)
		go func() { _ = rest() }() // a session that cannot write has been cancelled
		return
	}
	x.wrote(x.spare, err)
	if x.unsent() {
		go func() { _ = x.flush() }() // as above
	}
}
