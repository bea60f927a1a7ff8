package stream

import (
	"slices"
	"strings"

	"github.com/hivellm/synap-go/core/fault"
)

// group is consumers that read a room together.
type group struct {
	name     string
	strategy strategy
	session  int64 // milliseconds that a member may be silent
	// generation changes with every rebalance and is never used again, not even by a later group of the name.
	generation int64
	members    []member // by id; replaced as a whole, but for deadlines
	positions  []uint64 // of each partition, the offset to read next: everything before it was committed

	waiting waiting // fetches, to be told of a rebalance; not data
}

// member is one consumer of a group.
type member struct {
	id         string
	owner      string // the caller who joined: nobody else may speak for the member
	deadline   int64  // Unix milliseconds; past it, unless it was heard of, the member is out
	partitions []int  // that it reads, in order; immutable
}

// About what a group and a member cost in memory.
const (
	groupBytes  = 256
	memberBytes = 128
)

func (g *group) memory() int64 {
	n := groupBytes + len(g.name) + 8*len(g.positions)
	for i := range g.members {
		n += memberBytes + len(g.members[i].id) + len(g.members[i].owner) + 8*len(g.members[i].partitions)
	}
	return int64(n)
}

// clone returns a copy that shares nothing that changes, and that nobody waits for.
func (g *group) clone() *group {
	c := *g
	c.members, c.positions, c.waiting = slices.Clone(g.members), slices.Clone(g.positions), nil
	return &c
}

// place is where the member of that id is, or would be.
func (g *group) place(id string) (int, bool) {
	return slices.BinarySearchFunc(g.members, id, func(m member, id string) int { return strings.Compare(m.id, id) })
}

// member finds a member, for its owner only.
func (g *group) member(id, caller string) (*member, error) {
	i, found := g.place(id)
	switch {
	case !found:
		return nil, fault.New(fault.Conflict, "%q is not a member of group %q: it left, or was silent for %d ms; join again",
			id, g.name, g.session).With("generation", g.generation)
	case g.members[i].owner != caller:
		return nil, fault.New(fault.Denied, "member %q of group %q is somebody else's: join under another name", id, g.name)
	}
	return &g.members[i], nil
}

// fence refuses a generation that is over; 0 is none given.
func (g *group) fence(generation int64) error {
	if generation == 0 || generation == g.generation {
		return nil
	}
	return fault.New(fault.Conflict,
		"generation %d of group %q is over, the partitions were given out anew: ask stream.group.heartbeat which are yours now",
		generation, g.name).With("generation", g.generation)
}

// quiet reports whether the member has not been heard of for half of its session, so that its next sign of
// life is worth a record. The other signs cost none.
func (g *group) quiet(m *member, now int64) bool { return now >= m.deadline-g.session/2 }

// rebalanced returns the group with other members, the partitions given out anew, under a new generation.
func (g *group) rebalanced(members []member, now int64) *group {
	c := g.clone()
	c.members = g.strategy.assign(members, len(g.positions))
	c.generation = max(now, g.generation+1)
	return c
}

// lag is how many events of the partition the group has yet to commit.
func (g *group) lag(p *partition, i int) uint64 { return p.next - max(p.oldest, g.positions[i]) }

// group finds a group of the room.
func (r *room) group(name string) (*group, error) {
	if g := r.groups[name]; g != nil {
		return g, nil
	}
	return nil, fault.New(fault.NotFound, "room %q has no group %q: make it with stream.group.create", r.name, name)
}
