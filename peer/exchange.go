package peer

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// The headers that say where an event of a room comes from. Only who may write peers may set headers that begin so.
const (
	HeaderOrigin = "synap.origin" // node:generation:offset, as of the room there
	HeaderBy     = "synap.by"     // who appended it there
	HeaderAt     = "synap.at"     // when, in Unix milliseconds
)

// HelloRequest asks for nothing in particular.
type HelloRequest struct{}

// Resource is every peer.
func (*HelloRequest) Resource() auth.Resource { return auth.Any(structureName) }

// PackedForm is the latest form of packed points that is known here.
const PackedForm = 1

// HelloResponse says who answers.
type HelloResponse struct {
	Node   string `json:"node" jsonschema:"the namespace's own name among nodes"`
	Packed int    `json:"packed,omitempty" jsonschema:"the latest form of packed points that vector.get answers here and peer.settle takes, with noted; absent: neither is known"`
	command.Receipt
}

func (p *Peers) hello(_ context.Context, tx *command.Tx, _ *HelloRequest) (resp HelloResponse, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.node != "" {
		return HelloResponse{Node: p.node, Packed: PackedForm}, nil
	}
	node := rand.Text()
	_, err = tx.Commit(&nodeOp{node})
	return HelloResponse{Node: node, Packed: PackedForm}, err
}

// ReachedRequest asks how far a room was read.
type ReachedRequest struct {
	Node      string `json:"node" max:"64" jsonschema:"the node where it is read"`
	Room      string `json:"room,omitempty" max:"512" jsonschema:"the room"`
	Partition int    `json:"partition,omitempty" min:"0" max:"65535" jsonschema:"its partition"`

	Collection string `json:"collection,omitempty" max:"128" jsonschema:"or the collection"`
}

// Resource is every peer.
func (*ReachedRequest) Resource() auth.Resource { return auth.Any(structureName) }

// Validate refuses what is no node, and wants a room or a collection.
func (r *ReachedRequest) Validate() error {
	if r.Collection != "" && (r.Room != "" || r.Partition != 0) {
		return fault.New(fault.Invalid, `give "room" or "collection", not both`).With("field", "collection")
	}
	return checkNode(r.Node)
}

// ReachedResponse is how far it was read.
type ReachedResponse struct{ Spot }

func (p *Peers) reached(_ context.Context, r *ReachedRequest) (ReachedResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Collection != "" {
		return ReachedResponse{p.spot(placeKey{kind: atTable, node: r.Node, room: r.Collection})}, nil
	}
	return ReachedResponse{p.spot(placeKey{atSource, r.Node, r.Room, uint64(r.Partition)})}, nil //nolint:gosec // not negative
}

// Step is how far something has come, before and after.
type Step struct {
	Node string `json:"node" jsonschema:"the node at which events were made"`
	From Spot   `json:"from" jsonschema:"how far they were taken in before"`
	To   Spot   `json:"to" jsonschema:"and now"`
}

// AdvanceRequest says that a room was read further.
type AdvanceRequest struct {
	Node      string `json:"node" max:"64" jsonschema:"the node where it was read"`
	Room      string `json:"room" max:"512" jsonschema:"the room"`
	Partition int    `json:"partition,omitempty" min:"0" max:"65535" jsonschema:"its partition"`
	From      Spot   `json:"from,omitzero" jsonschema:"how far it was read before"`
	To        Spot   `json:"to,omitzero" jsonschema:"how far it is read now"`
	Origins   []Step `json:"origins,omitempty" max:"1000" jsonschema:"the nodes at which what was taken in was made, and how far that brings them"`
}

// Resource is every peer.
func (*AdvanceRequest) Resource() auth.Resource { return auth.Any(structureName) }

// Validate refuses what is no node, and going back.
func (r *AdvanceRequest) Validate() error {
	if err := checkNode(r.Node); err != nil {
		return err
	}
	if err := forward(r.From, r.To); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, s := range r.Origins {
		err := checkNode(s.Node)
		if err == nil {
			err = forward(s.From, s.To)
		}
		if err == nil && seen[s.Node] {
			err = fault.New(fault.Invalid, "the node %q is given twice", clip(s.Node))
		}
		if err != nil {
			return fault.From(err).With("index", i)
		}
		seen[s.Node] = true
	}
	return nil
}

// forward refuses to go back.
func forward(from, to Spot) error {
	if from.Generation < 0 || to.Generation < from.Generation || (to.Generation == from.Generation && to.Offset < from.Offset) {
		return fault.New(fault.Invalid, "%v to %v is not forward", from, to)
	}
	return nil
}

// AdvanceResponse says nothing more.
type AdvanceResponse struct{ command.Receipt }

func (p *Peers) advance(_ context.Context, tx *command.Tx, r *AdvanceRequest) (resp AdvanceResponse, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	partition := uint64(r.Partition) //nolint:gosec // not negative
	op := &reachOp{}
	fresh := 0
	step := func(kind byte, node string, from, to Spot) error {
		k := placeKey{kind, node, r.Room, partition}
		at, known := p.places.Get(&place{placeKey: k})
		var now Spot
		if known {
			now = at.Spot
		} else {
			fresh++
		}
		if now != from {
			return fault.New(fault.Conflict, "partition %d of room %q has come to %v, not %v: somebody else was faster", r.Partition, clip(r.Room), now, from)
		}
		op.places = append(op.places, place{k, to})
		return nil
	}
	if err := step(atSource, r.Node, r.From, r.To); err != nil {
		return resp, err
	}
	for _, s := range r.Origins {
		if err := step(atOrigin, s.Node, s.From, s.To); err != nil {
			return resp, err
		}
	}
	if p.places.Len()+fresh > MaxPlaces {
		return resp, fault.New(fault.Exhausted, "%d places of other nodes are remembered, and no more may be: forget nodes that are gone with peer.forget",
			p.places.Len()).With("limit", MaxPlaces)
	}
	_, err = tx.Commit(op)
	return resp, err
}

// Event is an event of a room on its way.
type Event struct {
	Origin     string            `json:"origin,omitempty" jsonschema:"the node at which it was made; absent: where it was read"`
	Generation int64             `json:"generation" jsonschema:"of the room at its origin"`
	Offset     uint64            `json:"offset" jsonschema:"its place there"`
	By         string            `json:"by,omitempty" jsonschema:"who appended it there"`
	At         int64             `json:"at,omitempty" jsonschema:"when, in Unix milliseconds"`
	Event      string            `json:"event,omitempty" jsonschema:"its type"`
	Data       value.Value       `json:"data" jsonschema:"what happened"`
	Headers    map[string]string `json:"headers,omitempty" jsonschema:"short facts about it"`
	Key        string            `json:"key,omitempty" jsonschema:"what it is about"`
}

// ApplyRequest is what was read of a room.
type ApplyRequest struct {
	Node      string  `json:"node" max:"64" jsonschema:"the node where it was read"`
	Room      string  `json:"room" max:"512" jsonschema:"the room"`
	Partition int     `json:"partition,omitempty" min:"0" max:"65535" jsonschema:"its partition, there and here"`
	From      Spot    `json:"from,omitzero" jsonschema:"how far it was read before"`
	To        Spot    `json:"to,omitzero" jsonschema:"how far it is read now"`
	Events    []Event `json:"events,omitempty" max:"1000" jsonschema:"the events in between, in order"`
}

// Resources are every peer, and the room.
func (r *ApplyRequest) Resources() []auth.Resource {
	return []auth.Resource{auth.Any(structureName), auth.Name("stream", r.Room)}
}

// Validate refuses nodes and places that cannot be; the rest is for the commands that it comes to.
func (r *ApplyRequest) Validate() error {
	if err := checkNode(r.Node); err != nil {
		return err
	}
	for i := range r.Events {
		e := &r.Events[i]
		if e.Origin == "" {
			e.Origin = r.Node
		}
		err := checkNode(e.Origin)
		if err == nil && (e.Generation < 0 || e.At < 0) {
			err = fault.New(fault.Invalid, "generation and at are not negative")
		}
		if err != nil {
			return fault.From(err).With("index", i)
		}
	}
	return nil
}

// apply plans: first how far all has come, which refuses it if that is not so any more, then what is new.
func (p *Peers) apply(ctx context.Context, r *ApplyRequest) (*command.Plan, error) {
	call := command.CallOf(ctx)
	advance := &AdvanceRequest{Node: r.Node, Room: r.Room, Partition: r.Partition, From: r.From, To: r.To}
	fresh := p.fresh(r, advance)
	first, err := call.Beside("peer.advance", nil)
	if err != nil {
		return nil, err
	}
	first.Args = advance
	plan := &command.Plan{Do: []*command.Request{first}}
	if len(fresh) == 0 {
		return plan, nil
	}
	second, batch, err := beside[appending](call, "stream.append")
	if err != nil {
		return nil, err
	}
	batch.Begin(r.Room, r.Partition, len(fresh))
	for _, e := range fresh {
		batch.Add(e.Event, e.Data, e.headers(), e.Key)
	}
	plan.Do = append(plan.Do, second)
	return plan, nil
}

// appending is a request of stream.append, as this package knows it.
type appending interface {
	Begin(room string, partition, events int)
	Add(event string, data value.Value, headers map[string]string, key string)
}

// beside is a call of another structure's command with a request to fill in: it is never encoded.
func beside[R any](call *command.Request, name string) (*command.Request, R, error) {
	var batch R
	r, err := call.Beside(name, nil)
	if err != nil {
		return nil, batch, err
	}
	r.Args = r.Command.NewRequest()
	batch, ok := r.Args.(R)
	if !ok {
		return nil, batch, fault.New(fault.Internal, "%s does not take what comes from peers", name)
	}
	return r, batch, nil
}

// fresh returns the events that were not here before, and notes how far they bring their origins.
func (p *Peers) fresh(r *ApplyRequest, advance *AdvanceRequest) (all []*Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	steps := map[string]int{}
	for i := range r.Events {
		e := &r.Events[i]
		if e.Origin == p.node {
			continue // it was made here
		}
		at, known := steps[e.Origin]
		if !known {
			now := p.spot(placeKey{atOrigin, e.Origin, r.Room, uint64(r.Partition)}) //nolint:gosec // not negative
			if !now.before(e.Generation, e.Offset) {
				continue
			}
			at = len(advance.Origins)
			steps[e.Origin] = at
			advance.Origins = append(advance.Origins, Step{e.Origin, now, now})
		}
		if s := &advance.Origins[at]; s.To.before(e.Generation, e.Offset) {
			s.To = Spot{e.Generation, e.Offset + 1}
			all = append(all, e)
		}
	}
	return all
}

// headers are the event's with its origin.
func (e *Event) headers() map[string]string {
	headers := make(map[string]string, len(e.Headers)+3)
	for k, v := range e.Headers {
		headers[k] = v
	}
	headers[HeaderOrigin] = e.Origin + ":" + strconv.FormatInt(e.Generation, 10) + ":" + strconv.FormatUint(e.Offset, 10)
	if e.By != "" {
		headers[HeaderBy] = e.By
	}
	if e.At > 0 {
		headers[HeaderAt] = strconv.FormatInt(e.At, 10)
	}
	return headers
}

// Found makes an event to send on of one that was found in a node's room: it says where it was made, which may be elsewhere.
func Found(node string, e Event) Event {
	e.Origin = node
	from, by, at := e.Headers[HeaderOrigin], e.Headers[HeaderBy], e.Headers[HeaderAt]
	if from == "" {
		return e
	}
	headers := make(map[string]string, len(e.Headers))
	for k, v := range e.Headers {
		if k != HeaderOrigin && k != HeaderBy && k != HeaderAt {
			headers[k] = v
		}
	}
	e.Headers, e.By = headers, by
	e.At, _ = strconv.ParseInt(at, 10, 64)
	parts := strings.Split(from, ":")
	if len(parts) == 3 && checkNode(parts[0]) == nil {
		generation, err := strconv.ParseInt(parts[1], 10, 64)
		offset, wrong := strconv.ParseUint(parts[2], 10, 64)
		if err == nil && wrong == nil && generation >= 0 {
			e.Origin, e.Generation, e.Offset = parts[0], generation, offset
		}
	}
	return e
}

// ForgetRequest names a node.
type ForgetRequest struct {
	Node string `json:"node" max:"64" jsonschema:"the node"`
}

// Resource is every peer.
func (*ForgetRequest) Resource() auth.Resource { return auth.Any(structureName) }

// Validate refuses what is no node.
func (r *ForgetRequest) Validate() error { return checkNode(r.Node) }

// ForgetResponse says what was forgotten.
type ForgetResponse struct {
	Places int `json:"places" jsonschema:"how many places were forgotten"`
	command.Receipt
}

func (p *Peers) forget(_ context.Context, tx *command.Tx, r *ForgetRequest) (resp ForgetResponse, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if resp.Places = len(p.ofNode(r.Node)); resp.Places == 0 {
		return resp, nil
	}
	_, err = tx.Commit(&forgetOp{r.Node})
	return resp, err
}
