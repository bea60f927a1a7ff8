package persistence_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// diary is what a run of changes remembers, to tell afterwards what may be lost.
type diary struct {
	digests map[uint64]uint64 // of everything, by the record after which it was so
	safe    uint64            // the last record that was promised to be on disk
	last    uint64            // the last record there was
}

// emptiness is the digest of a world in which nothing has happened yet.
var emptiness = sync.OnceValue(func() uint64 {
	w, err := open(vfs.NewMem(), persistence.Options{})
	if err != nil {
		panic(err)
	}
	return w.engine.Digest()
})

func (d *diary) note(w *world) {
	d.last = w.seq()
	d.digests[d.last] = w.engine.Digest()
}

// script opens, plays changes, forces, takes snapshots, packs the log and closes, until something fails.
func script(fs vfs.FS, mode persistence.Mode) (diary, error) {
	d := diary{digests: map[uint64]uint64{0: emptiness()}}
	w, err := open(fs, persistence.Options{Mode: mode, Compress: true})
	if err != nil {
		return d, err
	}
	if _, err := w.engine.Space("other", true); err != nil {
		return d, err
	}
	d.note(w)
	w.after = func() { d.note(w) } // what failed for want of safety has happened, too
	for i := range 70 {
		before := d.last
		err := w.play(i)
		if err == nil && mode == persistence.Always {
			d.safe = d.last
		}
		if err != nil {
			return d, fmt.Errorf("change %d, after record %d: %w", i, before, err)
		}
		switch i % 20 {
		case 4, 11:
			w.store.Tick()
			if err := w.store.Health(); err != nil {
				return d, err
			}
			if mode == persistence.Periodic {
				d.safe = d.last
			}
		case 7:
			if err := w.store.Flush(); err != nil {
				return d, err
			}
		case 17:
			if _, err := w.store.Snapshot(context.Background()); err != nil {
				return d, err
			}
			d.safe = d.last
			w.store.Compress()
		}
	}
	if err := w.store.Close(); err != nil {
		return d, err
	}
	d.safe = d.last
	return d, nil
}

// inspect opens what is left, and checks that it is all there was at some moment, and no earlier one than was promised.
func (d *diary) inspect(t *testing.T, what string, fs vfs.FS) {
	t.Helper()
	w, err := open(fs, persistence.Options{})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := w.engine.Check(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	want, known := d.digests[w.seq()]
	if w.seq() < d.safe || w.seq() > d.last || !known || want != w.engine.Digest() {
		t.Fatalf("%s: it is at record %d (%d were promised, %d made), which is a moment that was: %v; all is as it was then: %v\n%s",
			what, w.seq(), d.safe, d.last, known, want == w.engine.Digest(), w.notes.String())
	}
	// And it goes on from there.
	for i := range 20 {
		if err := w.play(i); err != nil && fault.CodeOf(err) != fault.AlreadyExists {
			t.Fatalf("%s, then: %v", what, err)
		}
	}
	digest := w.engine.Digest()
	w.close(t)
	if again := mustOpen(t, fs, persistence.Options{}); again.engine.Digest() != digest {
		t.Fatalf("%s: after it went on and was closed it is not what it was", what)
	}
}

var errPower = errors.New("the power is off")

// TestPowerLoss takes the power away at every operation of a script, on a disk that loses all that it may, or some of it.
func TestPowerLoss(t *testing.T) {
	for _, mode := range []persistence.Mode{persistence.Always, persistence.Periodic, persistence.Never} {
		t.Run(mode.String(), func(t *testing.T) {
			failures := 0
			for seed := range often(1, 40) {
				step := int64(often(7, 1)) // of 300 to 400 operations
				for n := 1 + rand.Int64N(step); ; n += step {
					var mu sync.Mutex
					var crashed *vfs.Mem
					mem := vfs.NewMem()
					fs := vfs.NewFaulty(mem, func(op vfs.Op) vfs.Fault {
						mu.Lock()
						defer mu.Unlock()
						if op.N >= n && crashed == nil {
							crashed = mem.Crash(luck(seed, n))
						}
						if crashed != nil {
							return vfs.Fault{Err: errPower}
						}
						return vfs.Fault{}
					})
					d, err := script(fs, mode)
					mu.Lock()
					left := crashed
					mu.Unlock()
					if left == nil {
						if err != nil {
							t.Fatal(err)
						}
						break
					}
					d.inspect(t, fmt.Sprintf("power lost at operation %d, seed %d", n, seed), left)
					failures++
				}
			}
			t.Logf("the power failed %d times", failures) // what docs/reliability.md reports
		})
	}
}

// luck is the strictest outcome in one case of three, else chance.
func luck(seed int, n int64) *rand.Rand {
	if (int64(seed)+n)%3 == 0 {
		return nil
	}
	return rand.New(rand.NewPCG(uint64(seed), uint64(n)))
}

// TestTheNthOperationFails has every operation fail in turn, in every way, and the process go on or end.
func TestTheNthOperationFails(t *testing.T) {
	for _, fail := range []vfs.Fault{{Err: syscall.EIO}, {Err: syscall.ENOSPC}, {Err: syscall.EIO, Short: 9}, {Err: syscall.ENOSPC, Short: 9}} {
		t.Run(fmt.Sprintf("%v, %d bytes written", fail.Err, fail.Short), func(t *testing.T) {
			step := int64(often(11, 1))
			for n := 1 + rand.Int64N(step); ; n += step {
				mem := vfs.NewMem()
				var which atomic.Pointer[vfs.Op] // it may be one in the background, which nobody waits for
				fs := vfs.NewFaulty(mem, func(op vfs.Op) vfs.Fault {
					if op.N != n {
						return vfs.Fault{}
					}
					which.Store(&op)
					return fail
				})
				d, err := script(fs, persistence.Always)
				failed := ""
				if op := which.Load(); op != nil {
					failed = op.String()
				}
				if failed == "" {
					break
				}
				if err != nil && !errors.Is(err, fail.Err) {
					t.Fatalf("%s: the error is %v", failed, err)
				}
				d.inspect(t, failed+" fails", mem.Kill())
				d.inspect(t, failed+" fails, and the power", mem.Crash(luck(0, n)))
			}
		})
	}
}

// TestABrokenDiskIsReadOnly lets an fsync fail: nothing is acknowledged any more, the file is not touched again, reads go on,
// and what was acknowledged is there afterwards.
func TestABrokenDiskIsReadOnly(t *testing.T) {
	for _, kind := range []vfs.OpKind{vfs.OpSync, vfs.OpWrite} {
		mem := vfs.NewMem()
		var broken atomic.Bool
		var touched atomic.Int64
		fs := vfs.NewFaulty(mem, func(op vfs.Op) vfs.Fault {
			if !broken.Load() || !strings.Contains(op.Name, "/log/") {
				return vfs.Fault{}
			}
			if op.Kind == vfs.OpSync || op.Kind == vfs.OpWrite {
				touched.Add(1)
			}
			if op.Kind == kind {
				return vfs.Fault{Err: syscall.EIO}
			}
			return vfs.Fault{}
		})
		w := mustOpen(t, fs, persistence.Options{Mode: persistence.Always})
		w.do(t, "kv.set", `{"key":"a","value":"safe"}`)
		digest := w.engine.Digest()
		broken.Store(true)
		if _, err := w.try("kv.set", `{"key":"a","value":"unsure"}`); fault.CodeOf(err) != fault.Unavailable || !errors.Is(err, syscall.EIO) ||
			!strings.Contains(err.Error(), "not known to be safe") {
			t.Errorf("the write that hit the failure: %v", err)
		}
		broken.Store(false) // the disk would say yes now; nobody asks it
		before := touched.Load()
		if _, err := w.try("kv.set", `{"key":"b","value":"late"}`); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("a write afterwards: %v", err)
		}
		if _, err := w.store.Snapshot(t.Context()); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("a snapshot afterwards: %v", err)
		}
		w.store.Tick()
		w.do(t, "kv.get", `{"key":"a"}`)
		if err := w.store.Health(); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("Health() = %v", err)
		}
		if err := w.store.Close(); !errors.Is(err, syscall.EIO) {
			t.Errorf("Close() = %v, want the reason why it is not all safe", err)
		}
		if now := touched.Load(); now != before {
			t.Errorf("after a failed %v the log was touched %d times", kind, now-before)
		}
		if again := mustOpen(t, mem.Crash(nil), persistence.Options{}); again.engine.Digest() != digest {
			t.Error("what was acknowledged is not what is there")
		}
	}
}

// smallDisk is a disk that gets full.
type smallDisk struct {
	mu          sync.Mutex
	sizes       map[string]int64
	used, limit int64
}

func (d *smallDisk) decide(op vfs.Op) vfs.Fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	grows := func(size int64) vfs.Fault {
		more := size - d.sizes[op.Name]
		if more > 0 && d.used+more > d.limit {
			return vfs.Fault{Err: syscall.ENOSPC}
		}
		d.used += more
		d.sizes[op.Name] = size
		return vfs.Fault{}
	}
	switch op.Kind {
	case vfs.OpAllocate, vfs.OpTruncate:
		return grows(op.Length)
	case vfs.OpWrite:
		return grows(max(d.sizes[op.Name], op.Offset+op.Length))
	case vfs.OpRemove:
		return grows(0)
	case vfs.OpRename:
		d.used -= d.sizes[op.To]
		d.sizes[op.To] = d.sizes[op.Name]
		delete(d.sizes, op.Name)
	}
	return vfs.Fault{}
}

func (d *smallDisk) grow(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limit += bytes
}

// TestAFullDiskPasses fills the disk: writes are refused, nothing that was accepted is lost, reads go on, and when there is
// space again writes do, too.
func TestAFullDiskPasses(t *testing.T) {
	for _, mode := range []persistence.Mode{persistence.Always, persistence.Periodic} {
		mem := vfs.NewMem()
		disk := &smallDisk{sizes: map[string]int64{}, limit: 200 << 10}
		fs := vfs.NewFaulty(mem, disk.decide)
		w := mustOpen(t, fs, persistence.Options{Mode: mode, Reserve: 64 << 10, SegmentBytes: 64 << 10})
		accepted := 0
		for range 1000 {
			_, err := w.try("kv.set", fmt.Sprintf(`{"key":"k%d","value":%q}`, accepted, strings.Repeat("x", 1000)))
			if mode == persistence.Periodic {
				w.store.Tick()
			}
			if err != nil {
				if fault.CodeOf(err) != fault.Exhausted {
					t.Fatalf("%s: the refusal is %v", mode, err)
				}
				break
			}
			accepted++
		}
		if accepted < 60 || accepted == 1000 {
			t.Fatalf("%s: %d writes fit", mode, accepted)
		}
		if err := w.store.Health(); fault.CodeOf(err) != fault.Exhausted {
			t.Errorf("%s: Health() = %v", mode, err)
		}
		w.do(t, "kv.get", `{"key":"k0"}`)
		w.store.Tick()
		if _, err := w.try("kv.set", `{"key":"late","value":1}`); fault.CodeOf(err) != fault.Exhausted {
			t.Errorf("%s: while the disk is full: %v", mode, err)
		}
		// All that was accepted is on disk by means of the reserve.
		if again := mustOpen(t, mem.Kill(), persistence.Options{}); again.engine.Digest() != w.engine.Digest() {
			t.Errorf("%s: what was accepted on the full disk is not there", mode)
		}
		disk.grow(1 << 20)
		w.store.Tick()
		w.do(t, "kv.set", `{"key":"again","value":1}`)
		if !w.noted("there is space") || w.store.Health() != nil {
			t.Errorf("%s: it does not say that it goes on: %v", mode, w.notes.String())
		}
		digest := w.engine.Digest()
		w.close(t)
		if again := mustOpen(t, mem, persistence.Options{}); again.engine.Digest() != digest {
			t.Errorf("%s: after the disk was full it is not what it was", mode)
		}
	}
}

// TestAKilledProcess loses what was written in the last moment at most, and nothing that was forced.
func TestAKilledProcess(t *testing.T) {
	mem := vfs.NewMem()
	w := mustOpen(t, mem, persistence.Options{Mode: persistence.Periodic})
	w.do(t, "kv.set", `{"key":"a","value":1}`)
	if err := w.store.Flush(); err != nil {
		t.Fatal(err)
	}
	flushed := w.seq()
	r := w.request("kv.set", `{"key":"b","value":2}`)
	r.Durability = journal.Fsynced
	if text, err := w.run(r); err != nil || !strings.Contains(text, `"durability":"fsynced"`) {
		t.Fatalf("a write that asks for fsync: %s %v", text, err)
	}
	forced := w.seq()
	w.do(t, "kv.set", `{"key":"c","value":3}`)
	if got := mustOpen(t, mem.Crash(nil), persistence.Options{}).seq(); got != forced {
		t.Errorf("after a power failure it is at %d, want %d", got, forced)
	}
	if got := mustOpen(t, mem.Kill(), persistence.Options{}).seq(); got < flushed || got != forced {
		t.Errorf("after it was killed it is at %d, want %d", got, forced)
	}
}
