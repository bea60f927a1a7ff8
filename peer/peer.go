// Package peer is federation: which other servers a namespace is linked with, what
// flows between them, and how far it has come.
//
// A peer is a name, a URL, the names of a credential and a certificate, and rules. What a rule names
// flows as changes that carry their origin: the node, a namespace of some server, at
// which they were made, and their place there. Whoever takes changes in (peer.apply)
// does it in one record with how far it has come, and takes nothing in that it has or
// has made itself. So nothing loops, and nothing is lost or doubled, whatever breaks.
//
// Peers is the state of one namespace, behind one lock. It never calls another server
// and never holds a key: package link does both.
package peer

import (
	"errors"
	"fmt"
	"sync"

	"github.com/tidwall/btree"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
)

// ID is the structure's permanent number.
const ID = 0x11

const structureName = "peer"

// Limits of one namespace.
const (
	MaxPeers = 100 // the next one is refused with Exhausted
	MaxRules = 64  // of a peer
	// MaxPlaces bounds the places that are remembered: one for each partition of each room and each node that its events come
	// from. What would need more is refused with Exhausted; peer.forget makes room.
	MaxPlaces = 100_000
	// MaxBatch bounds the events of one peer.apply.
	MaxBatch = 1000
)

// Links makes the links; a Peers tells it of changes and asks it how they fare.
type Links interface {
	// Changed says that the namespace's peers, of which there are some or were some, may be others than before. It is called
	// under locks and must not block.
	Changed(p *Peers)
	// Status is how the link to a peer fares; false when there is none.
	Status(namespace uint32, name string) (Status, bool)
}

// Options say who makes the links.
type Options struct {
	Links Links // nil: nobody does, as in a program that only looks at data
}

// Structure returns the declaration of federation.
func Structure(o Options) *command.Structure {
	return &command.Structure{
		Name: structureName, ID: ID,
		Summary:  "Links with other servers: what flows between them, and how far it has come.",
		Commands: commands(),
		Things:   &command.Things{Kind: "peers", List: "peer.list", Name: "name"},
		Measures: []*command.Measures{measures},
		Exchanges: []command.Exchange{
			{Kind: "rooms", Hello: "peer.hello", List: "stream.list", Read: "stream.read", Reached: "peer.reached", Apply: "peer.apply"},
			{Kind: "collections", Hello: "peer.hello", List: "vector.collection.list", Read: "peer.changes", Reached: "peer.reached", Apply: "peer.settle"},
			{Kind: "topics", Hello: "peer.hello", List: "pubsub.topics", Read: "pubsub.carry", Apply: "pubsub.accept"},
		},
		New:      func(env command.Env) command.State { return newPeers(env, o) },
		DecodeOp: decodeOp,
	}
}

// Peers is the peers of one namespace, and how far what comes from other nodes has come.
type Peers struct {
	env   command.Env
	links Links

	mu sync.Mutex

	node   string // the namespace's own name among nodes; "" until somebody asked for it
	peers  btree.Map[string, *Peer]
	places *btree.BTreeG[*place] // by key
	tables map[string]*table     // of collections that are exchanged
	stamps int                   // in all tables
}

// Peer is another server. It never changes: another one takes its place.
type Peer struct {
	Name        string
	URL         string
	Credential  string // whose key to show, by name; "" shows none
	Certificate string // which certificate to show, by name; "" shows none
	Remote      string // the namespace at the other server; "" is the credential's own
	Paused      bool
	Configured  bool // it stands in the configuration file
	Created     int64
	By          string
	Rules       []Rule
}

// The kinds of places. The numbers are permanent.
const (
	atSource = 1 // how far a room was read at a node
	atOrigin = 2 // how far what was made at a node was taken in, whoever it came from
	atTable  = 3 // how far a collection was read at a node: the collection's birth and a record there
)

// placeKey is what a place is of.
type placeKey struct {
	kind      byte
	node      string
	room      string
	partition uint64
}

func (k placeKey) less(o placeKey) bool {
	switch {
	case k.node != o.node:
		return k.node < o.node
	case k.room != o.room:
		return k.room < o.room
	case k.partition != o.partition:
		return k.partition < o.partition
	}
	return k.kind < o.kind
}

// place is how far something has come.
type place struct {
	placeKey
	Spot
}

// Spot is a place in a partition of a room: everything before the offset is behind it. The zero Spot is the beginning.
type Spot struct {
	Generation int64  `json:"generation,omitempty" jsonschema:"of the room there; 0 is before the first"`
	Offset     uint64 `json:"offset,omitempty" jsonschema:"what to go on with"`
}

// before reports whether an event at that place of its origin comes later than what the spot has behind it.
func (s Spot) before(generation int64, offset uint64) bool {
	return generation > s.Generation || (generation == s.Generation && offset >= s.Offset)
}

func newPeers(env command.Env, o Options) *Peers {
	return &Peers{
		env: env, links: o.Links, tables: map[string]*table{},
		places: btree.NewBTreeGOptions(func(a, b *place) bool { return a.less(b.placeKey) }, btree.Options{NoLocks: true}),
	}
}

// Namespace is the number of the namespace whose peers these are.
func (p *Peers) Namespace() uint32 { return p.env.Namespace }

// All returns the peers, by name.
func (p *Peers) All() []*Peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.peers.Values()
}

// spot is how far something has come. p.mu is held.
func (p *Peers) spot(k placeKey) Spot {
	if at, ok := p.places.Get(&place{placeKey: k}); ok {
		return at.Spot
	}
	return Spot{}
}

// changed tells whoever makes the links.
func (p *Peers) changed() {
	if p.links != nil {
		p.links.Changed(p)
	}
}

// Sweep implements command.State: time makes nothing due.
func (*Peers) Sweep(*command.Tx) (int64, error) { return 0, nil }

// Stats implements command.State.
func (p *Peers) Stats() command.Usage {
	p.mu.Lock()
	defer p.mu.Unlock()
	const peerBytes, placeBytes, stampBytes = 512, 160, 240
	return command.Usage{Items: int64(p.peers.Len()), Bytes: int64(p.peers.Len()*peerBytes + p.places.Len()*placeBytes + p.stamps*stampBytes)}
}

// Check implements command.State.
func (p *Peers) Check() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var wrong []error
	p.peers.Scan(func(name string, peer *Peer) bool {
		if name != peer.Name {
			wrong = append(wrong, fmt.Errorf("peer %q is kept as %q", peer.Name, name))
		}
		if err := peer.check(); err != nil {
			wrong = append(wrong, fmt.Errorf("peer %q: %w", name, err))
		}
		return true
	})
	p.places.Scan(func(at *place) bool {
		if checkNode(at.node) != nil || at.Generation < 0 || at.kind < atSource || at.kind > atTable {
			wrong = append(wrong, fmt.Errorf("there is a place %+v", *at))
		}
		return true
	})
	stamps := 0
	for name, t := range p.tables {
		stamps += len(t.stamps)
		graves := 0
		for id, s := range t.stamps {
			kept, ok := t.order.Get(s)
			_, buried := t.graves.Get(s)
			if id != s.id || !ok || kept != s || buried != s.deleted || s.seq == 0 || s.version == 0 {
				wrong = append(wrong, fmt.Errorf("collection %q has a stamp %+v, kept as %q", name, *s, id))
			}
			if s.deleted {
				graves++
			}
		}
		if t.order.Len() != len(t.stamps) || t.graves.Len() != graves || t.born == 0 {
			wrong = append(wrong, fmt.Errorf("collection %q, born %d, has %d stamps, %d in order, %d of %d graves", name, t.born, len(t.stamps), t.order.Len(), t.graves.Len(), graves))
		}
	}
	if stamps != p.stamps {
		wrong = append(wrong, fmt.Errorf("there are %d stamps, counted as %d", stamps, p.stamps))
	}
	if p.node != "" && checkNode(p.node) != nil {
		wrong = append(wrong, fmt.Errorf("the node is called %q", p.node))
	}
	return errors.Join(wrong...)
}

// Apply implements command.State. The caller holds p.mu.
func (p *Peers) Apply(seq uint64, op journal.Op) {
	switch op := op.(type) {
	case *nodeOp:
		p.node = op.node
	case *peerOp:
		p.peers.Set(op.peer.Name, op.peer)
		p.changed()
	case *dropOp:
		p.peers.Delete(op.name)
		p.changed()
	case *reachOp:
		for i := range op.places {
			p.places.Set(&op.places[i])
		}
	case *forgetOp:
		for _, at := range p.ofNode(op.node) {
			p.places.Delete(at)
		}
	case *stampOp:
		p.stampAll(seq, op)
	case *unstampOp:
		if t := p.tables[op.collection]; t != nil {
			for _, id := range op.ids {
				p.put(t, id, nil)
			}
		}
	case *dropTableOp:
		p.dropTable(op.collection)
	}
}

// ofNode is every place of a node.
func (p *Peers) ofNode(node string) (all []*place) {
	p.places.Ascend(&place{placeKey: placeKey{node: node}}, func(at *place) bool {
		if at.node == node {
			all = append(all, at)
		}
		return at.node == node
	})
	return all
}

// Undo implements command.State. The caller holds p.mu.
func (p *Peers) Undo(op journal.Op) func() {
	var undo func()
	switch op := op.(type) {
	case *nodeOp:
		node := p.node
		undo = func() { p.node = node }
	case *peerOp:
		undo = p.undoPeer(op.peer.Name)
	case *dropOp:
		undo = p.undoPeer(op.name)
	case *reachOp:
		undo = p.undoReach(op)
	case *forgetOp:
		lost := p.ofNode(op.node)
		undo = func() {
			for _, at := range lost {
				p.places.Set(at)
			}
		}
	case *stampOp:
		ids := make([]string, len(op.stamps))
		for i := range op.stamps {
			ids[i] = op.stamps[i].id
		}
		undo = p.undoStamps(op.collection, ids)
	case *unstampOp:
		if undo = func() {}; p.tables[op.collection] != nil {
			undo = p.undoStamps(op.collection, op.ids)
		}
	case *dropTableOp:
		undo = p.undoDropTable(op.collection)
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		undo()
	}
}

// undoPeer returns what makes the peer what it was, or that it was not.
func (p *Peers) undoPeer(name string) func() {
	before, was := p.peers.Get(name)
	return func() {
		if was {
			p.peers.Set(name, before)
		} else {
			p.peers.Delete(name)
		}
		p.changed()
	}
}

// undoReach returns what puts places back. An op may name one twice: the first one found it as it was.
func (p *Peers) undoReach(op *reachOp) func() {
	before := map[placeKey]*place{}
	for i := range op.places {
		k := op.places[i].placeKey
		if _, seen := before[k]; !seen {
			before[k], _ = p.places.Get(&place{placeKey: k})
		}
	}
	return func() {
		for k, at := range before {
			if at == nil {
				p.places.Delete(&place{placeKey: k})
			} else {
				p.places.Set(at)
			}
		}
	}
}

// Replay implements command.State.
func (p *Peers) Replay(seq uint64, op journal.Op) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Apply(seq, op)
}
