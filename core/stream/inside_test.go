package stream

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

func TestDedupeIsBounded(t *testing.T) {
	d := &dedupe{}
	for i := range MaxDedupeIDs + 10 {
		d.add(mark{id: fmt.Sprint(i), offset: uint64(i), at: 1})
		d.forget(d.next() - min(d.next(), MaxDedupeIDs))
	}
	_, first := d.find("9", 1000, 1)
	_, last := d.find("10", 1000, 1)
	if first || !last || len(d.byID) != MaxDedupeIDs {
		t.Errorf("%d ids are remembered; the tenth %v, the eleventh %v", len(d.byID), first, last)
	}
	d.forget(d.expired(1000, 1001))
	if len(d.byID) != 0 || d.nextDue(1000) != 0 {
		t.Errorf("%d ids outlive the window", len(d.byID))
	}
}

// TestTimeNeverGoesBack appends with a clock that stands before the newest event, as after a restart.
func TestTimeNeverGoesBack(t *testing.T) {
	r := newRoom(&roomOp{head: head{"r", 1}, partitions: 1, config: defaultConfig})
	for _, now := range []int64{100, 50, 150} {
		ops, _, err := r.plan(&AppendRequest{NewEvent: NewEvent{Data: value.OfText("x")}}, now, "me")
		if err != nil {
			t.Fatal(err)
		}
		r.append(ops[0].(*appendOp))
	}
	p := &r.partitions[0]
	if a, b, c := p.at(0).At, p.at(1).At, p.at(2).At; a != 100 || b != 100 || c != 150 {
		t.Errorf("the times are %d %d %d, want 100 100 150", a, b, c)
	}
}

// TestNothingIsLeftBehind has readers give up, and looks for what they left.
func TestNothingIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		structure := Structure(Options{})
		table, err := command.NewTable(structure)
		if err != nil {
			t.Fatal(err)
		}
		clock := command.NewClock()
		s := newStreams(command.Env{Clock: clock, Wake: func(int64) {}}, Options{}.withDefaults())
		space := command.NewSpace(1, "default", []command.State{s})
		d := command.NewDispatcher(table, oneSpace{space}, journal.NewMemory(journal.MemoryOptions{}), clock)
		do := func(name, payload string) error {
			c, err := table.Find(name)
			if err != nil {
				t.Fatal(err)
			}
			r := &command.Request{Caller: auth.Local(), Command: c, Payload: command.JSON(payload)}
			if c.Kind == command.KindWatch {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				return d.Watch(ctx, r, drain{})
			}
			_, err = d.Do(t.Context(), r)
			return err
		}
		for _, step := range [][2]string{
			{"stream.read", `{"room":"r","wait":1}`},
			{"stream.append", `{"room":"r","data":1,"dedupe_id":"x"}`},
			{"stream.read", `{"room":"r","start":"latest","wait":1}`},
			{"stream.group.create", `{"room":"r","group":"g","start":"latest"}`},
			{"stream.group.join", `{"room":"r","group":"g","member":"m"}`},
			{"stream.group.fetch", `{"room":"r","group":"g","member":"m","wait":1}`},
		} {
			if err := do(step[0], step[1]); err != nil {
				t.Fatalf("%s %s: %v", step[0], step[1], err)
			}
		}
		for _, room := range []string{"r", "none"} {
			if err := do("stream.watch", `{"room":"`+room+`"}`); err == nil {
				t.Error("a watch ended by itself")
			}
		}
		r := s.rooms["r"]
		if r.partitions[0].waiting != nil || r.groups["g"].waiting != nil || len(s.absent.byRoom) != 0 {
			t.Errorf("somebody still waits: %v %v %v", r.partitions[0].waiting, r.groups["g"].waiting, s.absent.byRoom)
		}
		time.Sleep(time.Hour)
		if next, err := d.Sweep(space, 0); err != nil || next != 0 {
			t.Errorf("swept with %v, the next time at %d", err, next)
		}
		if len(r.dedupe.byID) != 0 || len(r.groups["g"].members) != 0 || r.due.Load() != 0 {
			t.Errorf("after an hour: %d dedupe ids, %d members, due at %d", len(r.dedupe.byID), len(r.groups["g"].members), r.due.Load())
		}
	})
}

type oneSpace struct{ space *command.Space }

func (o oneSpace) Space(string, bool) (*command.Space, error) { return o.space, nil }

type drain struct{}

func (drain) Event(journal.Position, any) error { return nil }
func (drain) Flush(journal.Position) error      { return nil }
