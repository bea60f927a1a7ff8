package stream

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// GroupRequest names a group of a room.
type GroupRequest struct {
	Room  string `json:"room" max:"512" jsonschema:"the room"`
	Group string `json:"group" max:"256" jsonschema:"the group"`
}

// Resource is the room.
func (r *GroupRequest) Resource() auth.Resource { return auth.Name(structureName, r.Room) }

func (r *GroupRequest) check() error {
	if err := checkRoom(r.Room); err != nil {
		return err
	}
	return checkName("group", r.Group)
}

// Validate checks the names.
func (r *GroupRequest) Validate() error { return r.check() }

// locked finds a room and its group. What it returns is given back with unlock.
func (s *Streams) locked(r *GroupRequest) (*room, *group, error) {
	room, err := s.find(r.Room)
	if err != nil {
		return nil, nil, err
	}
	g, err := room.group(r.Group)
	if err != nil {
		s.unlock(room)
		return nil, nil, err
	}
	return room, g, nil
}

// GroupCreateRequest asks for a group.
type GroupCreateRequest struct {
	GroupRequest
	Assignment string `json:"assignment,omitempty" default:"range" enum:"range,round_robin,sticky" jsonschema:"how partitions are given out: neighbours together, dealt in turn, or as they were wherever possible"`
	SessionMS  int64  `json:"session_ms,omitempty" default:"30000" min:"1000" max:"3600000" jsonschema:"a member that is silent for so many milliseconds loses its partitions to the others"`
	Start      string `json:"start,omitempty" default:"earliest" enum:"earliest,latest" jsonschema:"begin with the earliest event there is, or with what comes after the latest"`
	IfAbsent   bool   `json:"if_absent,omitempty" jsonschema:"leave a group that exists as it is, instead of an error"`
}

// GroupCreateResponse says whether the group is new.
type GroupCreateResponse struct {
	Created    bool  `json:"created" jsonschema:"false when the group existed and was left as it is"`
	Generation int64 `json:"generation" jsonschema:"of the group: it changes whenever the partitions are given out anew"`
	command.Receipt
}

func (s *Streams) groupCreate(_ context.Context, tx *command.Tx, r *GroupCreateRequest) (resp GroupCreateResponse, err error) {
	room, err := s.find(r.Room)
	if err != nil {
		return resp, err
	}
	defer s.unlock(room)
	if old := room.groups[r.Group]; old != nil {
		if !r.IfAbsent {
			return resp, fault.New(fault.AlreadyExists, "room %q has a group %q already", r.Room, r.Group)
		}
		return GroupCreateResponse{Generation: old.generation}, nil
	}
	if len(room.groups) >= MaxGroups {
		return resp, fault.New(fault.Exhausted, "room %q has %d groups, and no more are allowed", r.Room, MaxGroups).
			With("limit", MaxGroups)
	}
	g := &group{name: r.Group, strategy: strategies[r.Assignment], session: r.SessionMS, generation: max(tx.Now(), room.lastGroup+1)}
	g.positions = make([]uint64, len(room.partitions))
	for i := range g.positions {
		p := &room.partitions[i]
		if g.positions[i] = p.oldest; r.Start == "latest" {
			g.positions[i] = p.next
		}
	}
	return GroupCreateResponse{Created: true, Generation: g.generation}, s.commit(tx, &groupOp{room.head(), g})
}

// GroupDeleteResponse says whether there was something to delete.
type GroupDeleteResponse struct {
	Found bool `json:"found" jsonschema:"whether the group existed"`
	command.Receipt
}

func (s *Streams) groupDelete(_ context.Context, tx *command.Tx, r *GroupRequest) (resp GroupDeleteResponse, err error) {
	room := s.lock(r.Room)
	if room == nil {
		return resp, nil
	}
	defer s.unlock(room)
	if room.groups[r.Group] == nil {
		return resp, nil
	}
	resp.Found = true
	if err := s.commit(tx, &ungroupOp{room.head(), r.Group}); err != nil {
		return resp, err
	}
	return resp, s.release(tx, room)
}

// release drops what the room kept only for a group that has read it now, or is gone.
func (s *Streams) release(tx *command.Tx, r *room) error {
	if r.config.keepUnread == 0 {
		return nil
	}
	ops := r.trims(r.config, tx.Now(), everything, nil)
	if len(ops) == 0 {
		return nil
	}
	return s.commit(tx, ops...)
}

// GroupListResponse is a room's groups, in order.
type GroupListResponse struct {
	Groups []GroupLine `json:"groups"`
}

// GroupLine is one group in a list.
type GroupLine struct {
	Group      string `json:"group"`
	Assignment string `json:"assignment"`
	Generation int64  `json:"generation"`
	Members    int    `json:"members"`
	Lag        uint64 `json:"lag" jsonschema:"how many events, in all partitions, it has yet to commit"`
}

func (s *Streams) groupList(_ context.Context, r *RoomRequest) (resp GroupListResponse, err error) {
	resp.Groups = []GroupLine{}
	room, err := s.find(r.Room)
	if err != nil {
		return resp, err
	}
	defer s.unlock(room)
	for _, name := range room.groupNames() {
		g := room.groups[name]
		line := GroupLine{Group: name, Assignment: g.strategy.String(), Generation: g.generation, Members: len(g.members)}
		for i := range room.partitions {
			line.Lag += g.lag(&room.partitions[i], i)
		}
		resp.Groups = append(resp.Groups, line)
	}
	return resp, nil
}

// GroupStatsResponse is all about one group.
type GroupStatsResponse struct {
	Group      string          `json:"group"`
	Assignment string          `json:"assignment"`
	Generation int64           `json:"generation" jsonschema:"it changes whenever the partitions are given out anew"`
	SessionMS  int64           `json:"session_ms" jsonschema:"how long a member may be silent"`
	Lag        uint64          `json:"lag" jsonschema:"how many events, in all partitions, it has yet to commit"`
	Members    []MemberLine    `json:"members" jsonschema:"by name"`
	Partitions []GroupProgress `json:"partitions"`
}

// MemberLine is one member of a group.
type MemberLine struct {
	Member     string `json:"member"`
	Owner      string `json:"owner" jsonschema:"who joined"`
	Deadline   int64  `json:"deadline" jsonschema:"the member is out if it is not heard of until then, in Unix milliseconds"`
	Partitions []int  `json:"partitions"`
}

// GroupProgress is how far a group has read a partition.
type GroupProgress struct {
	Partition  int    `json:"partition"`
	Member     string `json:"member,omitempty" jsonschema:"who reads it; absent while the group has no members"`
	Committed  uint64 `json:"committed" jsonschema:"the offset to read next: all before it was committed"`
	NextOffset uint64 `json:"next_offset" jsonschema:"the offset that the next event gets"`
	Lag        uint64 `json:"lag" jsonschema:"how many events it has yet to commit"`
	Lost       uint64 `json:"lost,omitempty" jsonschema:"how many it never committed that are gone"`
}

func (s *Streams) groupStats(_ context.Context, r *GroupRequest) (resp GroupStatsResponse, err error) {
	room, g, err := s.locked(r)
	if err != nil {
		return resp, err
	}
	defer s.unlock(room)
	resp = GroupStatsResponse{
		Group: g.name, Assignment: g.strategy.String(), Generation: g.generation, SessionMS: g.session, Members: []MemberLine{},
	}
	for i := range room.partitions {
		p := &room.partitions[i]
		resp.Partitions = append(resp.Partitions, GroupProgress{
			Partition: i, Committed: g.positions[i], NextOffset: p.next,
			Lag: g.lag(p, i), Lost: p.oldest - min(p.oldest, g.positions[i]),
		})
		resp.Lag += g.lag(p, i)
	}
	for _, m := range g.members {
		resp.Members = append(resp.Members, MemberLine{m.id, m.owner, m.deadline, owned(m.partitions)})
		for _, p := range m.partitions {
			resp.Partitions[p].Member = m.id
		}
	}
	return resp, nil
}

// owned is a list of partitions that is never null in an answer.
func owned(partitions []int) []int { return append([]int{}, partitions...) }
