package pubsub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// disk is an engine of topics with its data on a disk.
type disk struct {
	engine *core.Engine
	store  *persistence.Store
}

func openDisk(fs vfs.FS) (*disk, error) {
	d := &disk{}
	var err error
	d.store, err = persistence.Open(persistence.Options{
		FS: fs, Dir: "data", Version: "test", Mode: persistence.Always, SegmentBytes: 4096, Reserve: 4096,
		Decode: func(structure, kind uint8, data []byte) (journal.Op, error) {
			return d.engine.DecodeOp(structure, kind, data)
		},
	})
	if err != nil {
		return nil, err
	}
	d.engine, err = core.New(core.Options{Journal: d.store, Structures: []*command.Structure{pubsub.Structure()}})
	if err == nil {
		err = d.store.Recover(context.Background(), d.engine)
	}
	if err != nil {
		return nil, errors.Join(err, d.store.Close())
	}
	return d, nil
}

// perAccept is how many messages each call has.
const perAccept = 3

// accept takes in the n-th of the messages of another server, and returns how many were new.
func (d *disk) accept(n int) (taken int, err error) {
	c, err := d.engine.Dispatcher().Table().Find("pubsub.accept")
	if err != nil {
		return 0, err
	}
	var messages []map[string]any
	for i := range perAccept {
		messages = append(messages, map[string]any{
			"topic": "far", "message": n, "node": "B", "run": fmt.Sprint("r", i%2), "number": (n*perAccept + i) * 700,
		})
	}
	payload, err := json.Marshal(map[string]any{"here": "A", "from": "B", "messages": messages})
	if err != nil {
		return 0, err
	}
	answer, err := d.engine.Dispatcher().Do(context.Background(), &command.Request{Caller: auth.Local(), Command: c, Payload: command.JSON(payload)})
	if err != nil {
		return 0, err
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return 0, err
	}
	var done struct{ Taken int }
	return done.Taken, json.Unmarshal(text, &done)
}

// messagesComeIn has calls come in and a snapshot made of them, until something fails. It returns how many calls there were, and how
// many were answered.
func messagesComeIn(fs vfs.FS) (calls, answered int, err error) {
	d, err := openDisk(fs)
	if err != nil {
		return 0, 0, err
	}
	for n := range 12 {
		calls++
		if taken, err := d.accept(n); err != nil || taken != perAccept {
			return calls, answered, errors.Join(err, fmt.Errorf("%d taken in", taken))
		}
		answered++
		if n == 6 {
			if _, err := d.store.Snapshot(context.Background()); err != nil {
				return calls, answered, err
			}
		}
	}
	return calls, answered, d.store.Close()
}

// TestPowerFailure takes the power away at every operation on the disk while messages of another server come in, each of which is then
// sent again: what was answered is passed over, and what was not comes in wholly or not at all. Once more, nothing does.
func TestPowerFailure(t *testing.T) {
	for n := int64(1); ; n++ {
		var mu sync.Mutex
		var crashed *vfs.Mem
		mem := vfs.NewMem()
		calls, answered, err := messagesComeIn(vfs.NewFaulty(mem, func(op vfs.Op) vfs.Fault {
			mu.Lock()
			defer mu.Unlock()
			if op.N >= n && crashed == nil {
				crashed = mem.Crash([]*rand.Rand{nil, rand.New(rand.NewPCG(1, uint64(n)))}[n%2])
			}
			if crashed != nil {
				return vfs.Fault{Err: errors.New("the power is off")}
			}
			return vfs.Fault{}
		}))
		if crashed == nil {
			if err != nil || answered < 12 {
				t.Fatalf("%d calls of 12 were answered: %v", answered, err)
			}
			return
		}
		d, err := openDisk(crashed)
		if err != nil {
			t.Fatalf("at operation %d: %v", n, err)
		}
		for again := range 2 {
			for i := range calls {
				taken, err := d.accept(i)
				if err != nil || taken > 0 && (i < answered || again > 0) || taken%perAccept != 0 {
					t.Errorf("power lost at operation %d: call %d of %d, of which %d were answered, takes %d in, time %d: %v", n, i, calls, answered, taken, again, err)
				}
			}
		}
		if err := errors.Join(d.engine.Check(), d.store.Close()); err != nil {
			t.Error(err)
		}
	}
}
