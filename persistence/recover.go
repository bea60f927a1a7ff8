package persistence

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/persistence/snapshot"
	"github.com/hivellm/synap-go/persistence/wal"
)

// Progress is how far recovery is. It may be read while it changes.
type Progress struct {
	began   atomic.Int64 // Unix milliseconds; 0 before
	total   atomic.Int64 // bytes to read, about
	done    atomic.Int64
	records atomic.Int64 // of the log
	entries atomic.Int64 // chunks of the snapshot
	over    atomic.Bool
}

// Recovering is how far recovery is, for people.
type Recovering struct {
	Percent int     `json:"percent"`
	Records int64   `json:"records"`       // of the log, so far
	PerS    float64 `json:"records_per_s"` // of the log
	Seconds float64 `json:"seconds"`       // since it began
	Ready   bool    `json:"ready"`         // it is over
}

// Progress returns how far recovery is.
func (s *Store) Progress() Recovering {
	p := &s.progress
	r := Recovering{Records: p.records.Load(), Ready: p.over.Load(), Percent: 100}
	if began := p.began.Load(); began != 0 {
		r.Seconds = max(float64(time.Now().UnixMilli()-began)/1000, 0.001)
		r.PerS = float64(r.Records) / r.Seconds
	}
	if total := p.total.Load(); !r.Ready {
		r.Percent = int(min(99, 100*p.done.Load()/max(total, 1)))
	}
	return r
}

// progressEvery is how often recovery says how far it is.
const progressEvery = 2 * time.Second

// Recover fills the state with what the directory holds: the newest snapshot that is whole, then the log from where
// that began. After it, records can be appended. It is called once.
func (s *Store) Recover(ctx context.Context, state State) error {
	s.progress.began.Store(time.Now().UnixMilli())
	done := make(chan struct{})
	defer close(done)
	go s.report(done)

	from, err := s.restore(ctx, state)
	if err != nil {
		return err
	}
	found, err := s.replay(ctx, state, from.Seq)
	if err != nil {
		return err
	}
	if found.End.Seq < from.End {
		return fault.New(fault.Corrupt, "the log ends with record %d, and the snapshot holds changes up to record %d: records are missing",
			found.End.Seq, from.End).With("sequence", found.End.Seq+1)
	}
	s.noteTorn(found)
	if err := s.begin(found.End); err != nil {
		return fmt.Errorf("the log cannot be continued: %w", err)
	}
	s.snapshots.state, s.snapshots.seq = state, from.Seq
	s.snapshots.appended.Store(found.Bytes)
	s.progress.over.Store(true)
	p := s.Progress()
	s.o.Note(Info, "recovered", map[string]any{
		"snapshot": from.Seq, "records": p.Records, "position": s.Position().String(), "seconds": p.Seconds,
	})
	return nil
}

// begin makes the store ready to append after the mark.
func (s *Store) begin(end wal.Mark) error {
	if err := s.reserve(); err != nil {
		return err
	}
	epoch := uint64(max(time.Now().UnixMilli(), 1)) //nolint:gosec // positive
	mark, err := s.log.Start(end, epoch)
	if err != nil {
		return err
	}
	s.pen.Lock()
	defer s.pen.Unlock()
	s.mark = mark
	s.backlog = journal.NewBacklog(mark.Seq, s.o.BacklogRecords, s.o.BacklogBytes)
	s.last.Store(mark.Seq)
	s.written.Store(mark.Seq)
	s.synced.Store(mark.Seq)
	return nil
}

func (s *Store) report(done <-chan struct{}) {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			p := s.Progress()
			s.o.Note(Info, "recovering", map[string]any{"percent": p.Percent, "records": p.Records, "records_per_s": int64(p.PerS)})
		}
	}
}

func (s *Store) noteTorn(found wal.Recovered) {
	t := found.Torn
	if t == nil {
		return
	}
	facts := map[string]any{"file": t.Segment, "offset": t.Offset, "bytes": t.Bytes, "records": t.Records, "sequence": found.End.Seq + 1, "why": t.Why}
	if t.Given {
		s.o.Note(Warning, "the log was damaged, and what followed was given up, as it was asked for: it is kept in files that end in .lost", facts)
		return
	}
	s.o.Note(Warning, "the last write was cut short, and is dropped: it was not known to be on disk", facts)
}

// restore loads the newest snapshot that is whole, and returns its header; zero without one.
func (s *Store) restore(ctx context.Context, state State) (snapshot.Header, error) {
	for _, file := range s.snapshots.kept {
		r, err := s.openSnapshot(file)
		if fault.CodeOf(err) == fault.Corrupt {
			s.o.Note(Failure, "a snapshot is damaged: the one before it is used, and the log from there", map[string]any{
				"file": file.Name, "cause": err.Error(),
			})
			s.snapshots.damaged = append(s.snapshots.damaged, file)
			continue
		}
		if err != nil {
			return snapshot.Header{}, err
		}
		defer r.Close() //nolint:errcheck // it was only read
		s.progress.total.Store(r.Bytes() + s.log.Bytes())
		return r.Header(), s.load(ctx, state, r)
	}
	s.progress.total.Store(s.log.Bytes())
	if len(s.snapshots.damaged) > 0 && s.log.First() > 1 {
		return snapshot.Header{}, fault.New(fault.Corrupt, "every snapshot is damaged, and the log does not reach back to the beginning")
	}
	return snapshot.Header{}, nil
}

// openSnapshot opens a snapshot and verifies every byte of it.
func (s *Store) openSnapshot(file snapshot.File) (*snapshot.Reader, error) {
	r, err := snapshot.Open(s.o.FS, s.snapshots.dir, file.Name)
	if err != nil {
		return nil, err
	}
	if err := r.Verify(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// load restores a snapshot: what is the engine's own first, then all sections side by side.
func (s *Store) load(ctx context.Context, state State, r *snapshot.Reader) error {
	sections := r.Sections()
	one := func(i int) error {
		at := sections[i]
		err := r.Read(i, func(chunk []byte) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			s.progress.entries.Add(1)
			s.progress.done.Add(int64(len(chunk)) * r.Bytes() / max(rawBytes(sections), 1))
			return state.Restore(journal.Place{Namespace: at.Namespace, Structure: at.Structure, Part: at.Part}, chunk)
		})
		if err != nil {
			return fmt.Errorf("snapshot, structure %d of namespace %d: %w", at.Structure, at.Namespace, err)
		}
		return nil
	}
	// The sections of one place stay together and in order.
	var own, rest [][]int
	last := journal.Place{}
	for i, at := range sections {
		place := journal.Place{Namespace: at.Namespace, Structure: at.Structure, Part: at.Part}
		group := &rest
		if at.Namespace == 0 {
			group = &own
		}
		if n := len(*group); n > 0 && i > 0 && place == last {
			(*group)[n-1] = append((*group)[n-1], i)
		} else {
			*group = append(*group, []int{i})
		}
		last = place
	}
	for _, group := range own {
		for _, i := range group {
			if err := one(i); err != nil {
				return err
			}
		}
	}
	return sideBySide(rest, one)
}

func rawBytes(sections []snapshot.Section) (total int64) {
	for _, at := range sections {
		total += at.Bytes
	}
	return total
}

// sideBySide does the groups on all cores, and what is in a group in order.
func sideBySide(groups [][]int, do func(i int) error) error {
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, runtime.GOMAXPROCS(0))
	for w := range errs {
		all.Go(func() {
			for errs[w] == nil {
				g := int(next.Add(1)) - 1
				if g >= len(groups) {
					return
				}
				for _, i := range groups[g] {
					if errs[w] = do(i); errs[w] != nil {
						return
					}
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// replay applies the log after the given record. The records are read and verified by one goroutine and applied by
// several: changes of the same thing by the same one, in order; a change of everything under a prefix, or of the
// engine itself, when all before it were applied.
func (s *Store) replay(ctx context.Context, state State, after uint64) (wal.Recovered, error) {
	p := newPlayers(state)
	found, err := s.log.Recover(after, func(r wal.Record) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.progress.records.Add(1)
		s.progress.done.Add(int64(len(r.Payload) + 24))
		rec, err := decodeRecord(r.Seq, r.Payload, s.o.Decode)
		if err != nil {
			return fault.From(err).With("file", r.Segment).With("offset", r.Offset).With("sequence", r.Seq)
		}
		return p.play(rec)
	})
	return found, errors.Join(p.finish(), err)
}

// players apply records side by side.
type players struct {
	state  State
	seed   maphash.Seed
	queues []chan []*journal.Record
	batch  [][]*journal.Record // what is gathered for each
	busy   sync.WaitGroup      // batches that are not applied yet
	all    sync.WaitGroup
	failed atomic.Pointer[error]
}

// batchSize is how many records are handed to another goroutine at once.
const batchSize = 256

func newPlayers(state State) *players {
	n := runtime.GOMAXPROCS(0)
	p := &players{state: state, seed: maphash.MakeSeed(), queues: make([]chan []*journal.Record, n), batch: make([][]*journal.Record, n)}
	for i := range p.queues {
		queue := make(chan []*journal.Record, 4)
		p.queues[i] = queue
		p.all.Go(func() {
			for batch := range queue {
				p.apply(batch)
				p.busy.Done()
			}
		})
	}
	return p
}

func (p *players) apply(batch []*journal.Record) {
	for _, rec := range batch {
		if err := p.state.Replay(rec); err != nil {
			p.failed.CompareAndSwap(nil, &err)
			return
		}
	}
}

// play hands the record to those who apply it.
func (p *players) play(rec *journal.Record) error {
	if err := p.failed.Load(); err != nil {
		return *err
	}
	if rec.Len() == 1 && rec.Answer == nil {
		for c := range rec.Changes() {
			p.give(c, rec)
		}
		return nil
	}
	if rec.Answer != nil { // rare, and it wants all of it to be there
		p.settle()
		return p.state.Replay(rec)
	}
	for c := range rec.Changes() {
		part := &journal.Record{Seq: rec.Seq}
		part.Add(c)
		p.give(c, part)
	}
	return nil
}

func (p *players) give(c journal.Change, rec *journal.Record) {
	name, prefix := c.Op.Target()
	if prefix || c.Structure == 0 {
		p.settle()
		p.apply([]*journal.Record{rec})
		return
	}
	i := int((maphash.String(p.seed, name) + uint64(c.Namespace) + uint64(c.Structure)) % uint64(len(p.queues))) //nolint:gosec // a few
	p.batch[i] = append(p.batch[i], rec)
	if len(p.batch[i]) >= batchSize {
		p.send(i)
	}
}

func (p *players) send(i int) {
	if len(p.batch[i]) == 0 {
		return
	}
	p.busy.Add(1)
	p.queues[i] <- p.batch[i]
	p.batch[i] = make([]*journal.Record, 0, batchSize)
}

// settle returns when everything that was given is applied.
func (p *players) settle() {
	for i := range p.queues {
		p.send(i)
	}
	p.busy.Wait()
}

// finish ends the players.
func (p *players) finish() error {
	p.settle()
	for _, queue := range p.queues {
		close(queue)
	}
	p.all.Wait()
	if err := p.failed.Load(); err != nil {
		return *err
	}
	return nil
}
