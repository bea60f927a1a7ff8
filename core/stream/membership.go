package stream

import (
	"context"
	"crypto/rand"
	"slices"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// JoinRequest makes the caller a member of a group.
type JoinRequest struct {
	GroupRequest
	Member string `json:"member,omitempty" max:"256" jsonschema:"a name of your own, under which you come back after a restart without a rebalance; absent lets the server choose one"`
}

// Validate checks the names.
func (r *JoinRequest) Validate() error {
	if err := checkName("member", r.Member); err != nil {
		return err
	}
	return r.check()
}

// MemberRequest speaks for a member of a group.
type MemberRequest struct {
	GroupRequest
	Member string `json:"member" max:"256" jsonschema:"the member, as stream.group.join answered it"`
}

// Validate checks the names.
func (r *MemberRequest) Validate() error {
	if err := checkName("member", r.Member); err != nil {
		return err
	}
	return r.check()
}

// MembershipResponse is a member's place in its group.
type MembershipResponse struct {
	Member     string            `json:"member"`
	Generation int64             `json:"generation" jsonschema:"of the group: commits of another one are refused"`
	Partitions []PartitionOffset `json:"partitions" jsonschema:"the partitions that are the member's, with the offset to read next; none when there are more members than partitions"`
	Deadline   int64             `json:"deadline" jsonschema:"call again before then, in Unix milliseconds: heartbeat, fetch or commit"`
	Rebalanced bool              `json:"rebalanced,omitempty" jsonschema:"true when the generation that was given is over"`
	command.Receipt
}

// PartitionOffset is a place in a partition.
type PartitionOffset struct {
	Partition int    `json:"partition"`
	Offset    uint64 `json:"offset"`
}

func (s *Streams) join(_ context.Context, tx *command.Tx, r *JoinRequest) (resp MembershipResponse, err error) {
	room, g, err := s.locked(&r.GroupRequest)
	if err != nil {
		return resp, err
	}
	defer s.unlock(room)
	id := r.Member
	if id == "" {
		id = rand.Text()
	}
	i, known := g.place(id)
	if known {
		m, err := g.member(id, tx.Caller().Name)
		if err != nil {
			return resp, err
		}
		err = s.renew(tx, room, g, m)
		return g.membership(id), err
	}
	if len(g.members) >= MaxMembers {
		return resp, fault.New(fault.Exhausted, "group %q has %d members, and no more are allowed", g.name, MaxMembers).
			With("limit", MaxMembers)
	}
	fresh := member{id: id, owner: tx.Caller().Name, deadline: tx.Now() + g.session}
	if err := s.commit(tx, &groupOp{room.head(), g.rebalanced(slices.Insert(slices.Clone(g.members), i, fresh), tx.Now())}); err != nil {
		return resp, err
	}
	return room.groups[g.name].membership(id), nil
}

// membership is the answer to a member.
func (g *group) membership(id string) MembershipResponse {
	i, _ := g.place(id)
	m := &g.members[i]
	resp := MembershipResponse{Member: id, Generation: g.generation, Deadline: m.deadline, Partitions: []PartitionOffset{}}
	for _, p := range m.partitions {
		resp.Partitions = append(resp.Partitions, PartitionOffset{p, g.positions[p]})
	}
	return resp
}

// renew moves the member's deadline on, if it has come near.
func (s *Streams) renew(tx *command.Tx, r *room, g *group, m *member) error {
	if !g.quiet(m, tx.Now()) {
		return nil
	}
	return s.commit(tx, &progressOp{head: r.head(), group: g.name, member: m.id, deadline: tx.Now() + g.session})
}

// HeartbeatRequest says that a member is alive.
type HeartbeatRequest struct {
	MemberRequest
	Generation int64 `json:"generation,omitempty" jsonschema:"the generation that the member knows, to be told whether it is over"`
}

func (s *Streams) heartbeat(_ context.Context, tx *command.Tx, r *HeartbeatRequest) (resp MembershipResponse, err error) {
	room, g, err := s.locked(&r.GroupRequest)
	if err != nil {
		return resp, err
	}
	defer s.unlock(room)
	m, err := g.member(r.Member, tx.Caller().Name)
	if err != nil {
		return resp, err
	}
	if err := s.renew(tx, room, g, m); err != nil {
		return resp, err
	}
	resp = g.membership(m.id)
	resp.Rebalanced = r.Generation != 0 && r.Generation != g.generation
	return resp, nil
}

// LeaveResponse says whether the member was one.
type LeaveResponse struct {
	Found bool `json:"found" jsonschema:"false when it was no member any more"`
	command.Receipt
}

func (s *Streams) leaveGroup(_ context.Context, tx *command.Tx, r *MemberRequest) (resp LeaveResponse, err error) {
	room, g, err := s.locked(&r.GroupRequest)
	if err != nil {
		return resp, err
	}
	defer s.unlock(room)
	i, found := g.place(r.Member)
	if !found {
		return resp, nil
	}
	if _, err := g.member(r.Member, tx.Caller().Name); err != nil {
		return resp, err
	}
	resp.Found = true
	rest := slices.Delete(slices.Clone(g.members), i, i+1)
	return resp, s.commit(tx, &groupOp{room.head(), g.rebalanced(rest, tx.Now())})
}
