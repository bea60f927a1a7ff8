package persistence_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// slowDisk takes as long for an fsync as it is given no turn, once it is slow.
type slowDisk struct {
	slow   bool
	turns  chan error
	forced int
}

func (d *slowDisk) decide(op vfs.Op) vfs.Fault {
	if op.Kind != vfs.OpSync || !d.slow {
		return vfs.Fault{}
	}
	d.forced++
	return vfs.Fault{Err: <-d.turns}
}

// TestWritersThatWaitShareTheNextFsync: those who come while the disk works share the next round, whoever of them gives up waiting, and
// a disk that fails fails all of them.
func TestWritersThatWaitShareTheNextFsync(t *testing.T) {
	tests := []struct {
		name   string
		leave  []int // the writers, other than the first, that give up before the first one's fsync is done
		second error // what the second fsync comes to
		forced int
	}{
		{"all stay", nil, nil, 2},
		{"some leave", []int{0, 2}, nil, 2},
		{"all leave", []int{0, 1, 2, 3, 4}, nil, 1},
		{"the disk fails", []int{1}, errors.New("bad sector"), 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &slowDisk{turns: make(chan error)}
				w := mustOpen(t, vfs.NewFaulty(vfs.NewMem(), d.decide), persistence.Options{Mode: persistence.Always})
				w.do(t, "kv.set", `{"key":"before","value":1}`)
				d.slow = true
				write := func(ctx context.Context, key string) chan error {
					done := make(chan error, 1)
					go func() {
						_, err := w.engine.Dispatcher().Do(ctx, w.request("kv.set", fmt.Sprintf(`{"key":%q,"value":1}`, key)))
						done <- err
					}()
					synctest.Wait()
					return done
				}
				first := write(t.Context(), "first")
				var others []chan error
				var give []context.CancelFunc
				for i := range 5 {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					give = append(give, cancel)
					others = append(others, write(ctx, fmt.Sprint("other", i)))
				}
				left := map[int]bool{}
				for _, i := range test.leave {
					give[i]()
					left[i] = true
					if err := <-others[i]; fault.CodeOf(err) != fault.Canceled {
						t.Errorf("who gives up is told %v", err)
					}
				}
				d.turns <- nil
				if err := <-first; err != nil {
					t.Fatalf("the first: %v", err)
				}
				synctest.Wait()
				if d.forced > 1 {
					d.turns <- test.second
				}
				for i, done := range others {
					if left[i] {
						continue
					}
					if err := <-done; (err != nil) != (test.second != nil) {
						t.Errorf("writer %d is told %v; the disk said %v", i, err, test.second)
					}
				}
				if d.forced != test.forced {
					t.Errorf("six writers took %d fsyncs, want %d", d.forced, test.forced)
				}
				d.slow = false
				if test.second == nil { // and the next one finds everything in order
					w.do(t, "kv.set", `{"key":"after","value":1}`)
				}
				_ = w.store.Close() // a disk that failed cannot be closed well
			})
		})
	}
}
