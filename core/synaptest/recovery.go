package synaptest

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
)

// Recording is an engine of which every record is kept, so that another can be recovered from them.
type Recording struct {
	Engine     *core.Engine
	journal    *journal.Memory
	structures func() []*command.Structure
	ahead      time.Duration // of its clock
}

// Saved is what an engine's Save handed out, and the last record there was before.
type Saved struct {
	After  uint64
	Chunks []Chunk
}

// Chunk is a chunk and its place.
type Chunk struct {
	At   journal.Place
	Data []byte
}

// Record returns an engine of fresh structures.
func Record(t testing.TB, structures func() []*command.Structure) *Recording {
	return RecordAhead(t, 0, structures)
}

// RecordAhead is Record of an engine whose clock is ahead by so much, or behind; so is that of all that are recovered from it.
func RecordAhead(t testing.TB, ahead time.Duration, structures func() []*command.Structure) *Recording {
	t.Helper()
	r := &Recording{
		journal: journal.NewMemory(journal.MemoryOptions{Epoch: 1, Records: 1 << 20, Bytes: 1 << 30}), structures: structures, ahead: ahead,
	}
	var err error
	if r.Engine, err = core.New(core.Options{Journal: r.journal, Structures: structures(), Clock: command.Ahead(ahead)}); err != nil {
		t.Fatal(err)
	}
	return r
}

// Try runs a command and returns its answer as JSON.
func (r *Recording) Try(name, payload string) (string, error) {
	c, err := r.Engine.Dispatcher().Table().Find(name)
	if err != nil {
		return "", err
	}
	v, err := r.Engine.Dispatcher().Do(context.Background(), &command.Request{Caller: auth.Local(), Command: c, Payload: command.JSON(payload)})
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(v)
	return string(text), err
}

// Save saves the engine; between is called after each chunk, and may change everything.
func (r *Recording) Save(t testing.TB, between func()) Saved {
	t.Helper()
	s := Saved{After: r.journal.Position().Seq}
	err := r.Engine.Save(context.Background(), func(at journal.Place, chunk []byte) error {
		s.Chunks = append(s.Chunks, Chunk{at, bytes.Clone(chunk)})
		between()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Recover returns another engine, of what was saved and the records since before that, as they come back from their
// encoding.
func (r *Recording) Recover(t testing.TB, s Saved) *Recording {
	t.Helper()
	again := RecordAhead(t, r.ahead, r.structures)
	for _, c := range s.Chunks {
		if err := again.Engine.Restore(c.At, c.Data); err != nil {
			t.Fatal(err)
		}
	}
	for _, rec := range r.after(t, s.After) {
		if err := again.Engine.Replay(again.reread(t, rec)); err != nil {
			t.Fatal(err)
		}
	}
	return again
}

// RecoverAs returns another engine, of other structures and of every record that there ever was.
func (r *Recording) RecoverAs(t testing.TB, structures func() []*command.Structure) *Recording {
	t.Helper()
	again := RecordAhead(t, r.ahead, structures)
	for _, rec := range r.Records(t) {
		fresh := again.reread(t, rec)
		if err := again.Engine.Replay(fresh); err != nil {
			t.Fatal(err)
		}
		if _, err := again.journal.Append(again.reread(t, rec)); err != nil {
			t.Fatal(err)
		}
	}
	return again
}

// Records returns every record that there ever was.
func (r *Recording) Records(t testing.TB) []*journal.Record { return r.after(t, 0) }

// after returns the records that follow one.
func (r *Recording) after(t testing.TB, seq uint64) (all []*journal.Record) {
	t.Helper()
	for {
		batch := make([]journal.Record, 64)
		n, err := r.journal.ReadAfter(seq, batch)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return all
		}
		for i := range batch[:n] {
			all = append(all, &batch[i])
		}
		seq = batch[n-1].Seq
	}
}

// reread returns the record as it comes back from the encoding of its ops.
func (r *Recording) reread(t testing.TB, rec *journal.Record) *journal.Record {
	t.Helper()
	fresh := &journal.Record{Seq: rec.Seq}
	for c := range rec.Changes() {
		op, err := r.Engine.DecodeOp(c.Structure, c.Op.Kind(), c.Op.AppendTo(nil))
		if err != nil {
			t.Fatalf("%#v: %v", c.Op, err)
		}
		c.Op = op
		fresh.Add(c)
	}
	return fresh
}

// ExpectSame fails unless both engines hold the same, and are well.
func (r *Recording) ExpectSame(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, what string, other *Recording) {
	t.Helper()
	for _, x := range []*Recording{r, other} {
		if err := x.Engine.Check(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	if r.Engine.Digest() != other.Engine.Digest() {
		t.Fatalf("%s: it does not hold what it should", what)
	}
}
