package peer

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// TestRoomForStamps lets go of what was deleted longest ago, and refuses when nothing was.
func TestRoomForStamps(t *testing.T) {
	defer func(n int) { maxStamps = n }(maxStamps)
	maxStamps = 6
	p := newPeers(command.Env{}, Options{})
	mark := func(seq uint64, collection string, deleted bool, ids ...string) {
		op := &stampOp{collection: collection, born: 1}
		for _, id := range ids {
			op.stamps = append(op.stamps, stamp{id: id, time: 1, node: "A", deleted: deleted})
		}
		p.Replay(seq, op)
	}
	mark(1, "a", true, "old")
	mark(2, "a", true, "new", "newer")
	mark(3, "a", false, "alive")
	mark(4, "b", true, "gone")
	mark(5, "b", false, "there")
	need := func(ids ...string) (gone []string, err error) {
		op := &stampOp{collection: "a", born: 1}
		for _, id := range ids {
			op.stamps = append(op.stamps, stamp{id: id, time: 2, node: "A"})
		}
		ops, err := p.roomFor(p.tables["a"], op)
		for _, op := range ops {
			for _, id := range op.(*unstampOp).ids {
				gone = append(gone, op.(*unstampOp).collection+"/"+id)
			}
		}
		return gone, err
	}
	for _, c := range []struct {
		ids  []string
		want []string
	}{
		{[]string{"alive", "old"}, nil},
		{[]string{"x"}, []string{"b/gone"}},
		{[]string{"x", "y"}, []string{"b/gone", "a/old"}},
		{[]string{"x", "y", "old"}, []string{"b/gone", "a/new"}},
	} {
		if got, err := need(c.ids...); !slices.Equal(got, c.want) || err != nil {
			t.Errorf("for %q %q go, want %q: %v", c.ids, got, c.want, err)
		}
	}
	if got, err := need("x", "y", "z", "u", "v"); fault.CodeOf(err) != fault.Exhausted {
		t.Errorf("%q go, %v, want exhausted", got, err)
	}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
}

// TestTheLaterChange is the order of changes: all who know both agree.
func TestTheLaterChange(t *testing.T) {
	var none *stamp
	s := &stamp{time: 5, node: "B"}
	for name, c := range map[string]struct {
		s    *stamp
		time int64
		node string
		want bool
	}{
		"than none":                    {none, 0, "A", true},
		"by time":                      {s, 6, "A", true},
		"earlier by time":              {s, 4, "C", false},
		"at the same time by node":     {s, 5, "C", true},
		"at the same time, lower node": {s, 5, "A", false},
		"the same one is not later":    {s, 5, "B", false},
	} {
		if got := c.s.older(c.time, c.node); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestPagesOfChanges are in the order of records, which are not cut apart.
func TestPagesOfChanges(t *testing.T) {
	p := newPeers(command.Env{}, Options{})
	for seq := range uint64(4) {
		op := &stampOp{collection: "c", born: 1}
		for i := range 3 {
			op.stamps = append(op.stamps, stamp{id: fmt.Sprintf("%d.%d", seq, i), time: 1, node: "A"})
		}
		p.Replay(seq+2, op)
	}
	p.Replay(9, &stampOp{collection: "c", born: 1, stamps: []stamp{{id: "0.1", time: 2, node: "A", deleted: true}}})
	var all []string
	for after := (Spot{}); ; {
		page, err := p.changes(t.Context(), &ChangesRequest{Collection: "c", After: after, Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Changes {
			all = append(all, c.ID)
		}
		all = append(all, "|")
		if after = page.Next; !page.More {
			break
		}
	}
	want := []string{"0.0", "0.2", "|", "1.0", "1.1", "1.2", "|", "2.0", "2.1", "2.2", "|", "3.0", "3.1", "3.2", "|", "0.1", "|"}
	if !slices.Equal(all, want) {
		t.Errorf("pages are %q, want %q", all, want)
	}
}
