package peer

import (
	"encoding/binary"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// The kinds of ops. The numbers are permanent, and so are the encodings. uv is an unsigned varint, str a string's length
// as uv and its bytes; times are in Unix milliseconds.
//
//	node      ┌────────┐
//	(1)       │ node … │ what the namespace is called among nodes
//	          └────────┘
//	peer      ┌───────────┬──────────┬─────────────────┬─────────────┬───────────┬─────────────┬─────────┬───────────────┬───────┐
//	(2)       │ name, str │ url, str │ credential, str │ remote, str │ flags, u8 │ created, uv │ by, str │ how many rules│ rules │ with flag 4
//	          │           │          │                 │ namespace   │ 1 paused  │             │         │ uv            │       │ then:
//	          │           │          │                 │             │ 2 config. │             │         │               │       │ certificate,
//	          │           │          │                 │             │ 4 certif. │             │         │               │       │ str
//	          └───────────┴──────────┴─────────────────┴─────────────┴───────────┴─────────────┴─────────┴───────────────┴───────┘
//	  rule    ┌──────────────────┬─────────────────────────────────┬──────────────┐
//	          │ kind, u8: 1 room │ direction, u8: 1 in 2 out 3 both│ pattern, str │
//	          │ 2 collection     │                                 │              │
//	          │ 3 topics         │                                 │              │
//	          └──────────────────┴─────────────────────────────────┴──────────────┘
//	no peer   ┌────────┐
//	(3)       │ name … │
//	          └────────┘
//	reach     ┌──────────────┬────────┐
//	(4)       │ how many, uv │ places │
//	          └──────────────┴────────┘
//	  place   ┌──────────────┬───────────┬───────────┬───────────────┬────────────────┬────────────┐
//	          │ kind, u8:    │ node, str │ room, str │ partition, uv │ generation, uv │ offset, uv │
//	          │ 1 read there │           │           │               │                │            │
//	          │ 2 made there │           │           │               │                │            │
//	          │ 3 of points  │           │ or coll.  │               │ or record      │ or record  │
//	          └──────────────┴───────────┴───────────┴───────────────┴────────────────┴────────────┘
//	forget    ┌────────┐
//	(5)       │ node … │
//	          └────────┘
//	stamp     ┌─────────────────┬──────────┬──────────────┬────────┐
//	(6)       │ collection, str │ born, uv │ how many, uv │ stamps │
//	          └─────────────────┴──────────┴──────────────┴────────┘
//	  stamp   ┌─────────┬──────────┬───────────┬─────────────────────────┬────────────────┬─────────────┐
//	          │ id, str │ time, uv │ node, str │ version, uv; 0: that of │ deleted, u8    │ expires, uv │
//	          │         │          │           │ the op's record         │ 0 or 1         │ 0: never    │
//	          └─────────┴──────────┴───────────┴─────────────────────────┴────────────────┴─────────────┘
//	unstamp   ┌─────────────────┬──────────────┬───────────────┐
//	(7)       │ collection, str │ how many, uv │ each: id, str │
//	          └─────────────────┴──────────────┴───────────────┘
//	no table  ┌──────────────┐
//	(8)       │ collection … │
//	          └──────────────┘
const (
	opNode    = 1
	opPeer    = 2
	opNoPeer  = 3
	opReach   = 4
	opForget  = 5
	opStamp   = 6
	opUnstamp = 7
	opNoTable = 8
)

const (
	flagPaused     = 1
	flagConfigured = 2
	flagShows      = 4 // a certificate
)

// maxPartition is more than any room has.
const maxPartition = 1 << 16

type (
	nodeOp   struct{ node string }
	peerOp   struct{ peer *Peer } // never changed
	dropOp   struct{ name string }
	reachOp  struct{ places []place } // never changed: the state keeps them
	forgetOp struct{ node string }

	// stampOp says of which changes points of a collection are the outcome.
	stampOp struct {
		collection string
		born       uint64
		stamps     []stamp // never changed; without seq, which is that of the record
	}
	unstampOp struct {
		collection string
		ids        []string
	}
	dropTableOp struct{ collection string }
)

// Kind implements journal.Op, as do the following methods.
func (*nodeOp) Kind() byte { return opNode }

// Kind is that of a peer.
func (*peerOp) Kind() byte { return opPeer }

// Kind is that of a peer's end.
func (*dropOp) Kind() byte { return opNoPeer }

// Kind is that of places.
func (*reachOp) Kind() byte { return opReach }

// Kind is that of places that are forgotten.
func (*forgetOp) Kind() byte { return opForget }

// Kind is that of stamps.
func (*stampOp) Kind() byte { return opStamp }

// Kind is that of stamps that are forgotten.
func (*unstampOp) Kind() byte { return opUnstamp }

// Kind is that of a table that is forgotten.
func (*dropTableOp) Kind() byte { return opNoTable }

// Target is nothing, as of all ops but those of peers: nobody follows it, and recovery, which applies ops of different targets
// side by side, keeps them in order. A table that is forgotten takes places with it.
func (*stampOp) Target() (string, bool) { return "", false }

// Target is nothing.
func (*unstampOp) Target() (string, bool) { return "", false }

// Target is nothing.
func (*dropTableOp) Target() (string, bool) { return "", false }

// Size is about what it takes in memory.
func (op *stampOp) Size() int { return 64 + 160*len(op.stamps) }

// Size is about what it takes in memory.
func (op *unstampOp) Size() int { return 64 + 48*len(op.ids) }

// Size is about what it takes in memory.
func (op *dropTableOp) Size() int { return 48 + len(op.collection) }

// Target is nothing: nobody follows it.
func (*nodeOp) Target() (string, bool) { return "", false }

// Target is the peer's name.
func (op *peerOp) Target() (string, bool) { return op.peer.Name, false }

// Target is the peer's name.
func (op *dropOp) Target() (string, bool) { return op.name, false }

// Target is nothing: it is about many.
func (*reachOp) Target() (string, bool) { return "", false }

// Target is nothing: it is about many.
func (*forgetOp) Target() (string, bool) { return "", false }

// Size is about what it takes in memory.
func (op *nodeOp) Size() int { return 48 + len(op.node) }

// Size is about what it takes in memory.
func (op *peerOp) Size() int { return 256 + len(op.peer.URL) + 64*len(op.peer.Rules) }

// Size is about what it takes in memory.
func (op *dropOp) Size() int { return 48 + len(op.name) }

// Size is about what it takes in memory.
func (op *reachOp) Size() int { return 48 + 128*len(op.places) }

// Size is about what it takes in memory.
func (op *forgetOp) Size() int { return 48 + len(op.node) }

// AppendTo writes the node.
func (op *nodeOp) AppendTo(b []byte) []byte { return append(b, op.node...) }

// AppendTo writes the box above.
func (op *peerOp) AppendTo(b []byte) []byte {
	p := op.peer
	b = appendText(appendText(appendText(appendText(b, p.Name), p.URL), p.Credential), p.Remote)
	flags := byte(0)
	if p.Paused {
		flags |= flagPaused
	}
	if p.Configured {
		flags |= flagConfigured
	}
	if p.Certificate != "" {
		flags |= flagShows
	}
	b = appendText(appendInt(append(b, flags), p.Created), p.By)
	b = binary.AppendUvarint(b, uint64(len(p.Rules)))
	for _, r := range p.Rules {
		b = appendText(append(b, byte(r.Kind), byte(r.Direction)), r.Pattern)
	}
	if p.Certificate != "" {
		b = appendText(b, p.Certificate)
	}
	return b
}

// AppendTo writes the name.
func (op *dropOp) AppendTo(b []byte) []byte { return append(b, op.name...) }

// AppendTo writes the box above.
func (op *reachOp) AppendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(op.places)))
	for i := range op.places {
		b = op.places[i].appendTo(b)
	}
	return b
}

func (at *place) appendTo(b []byte) []byte {
	b = appendText(appendText(append(b, at.kind), at.node), at.room)
	return binary.AppendUvarint(appendInt(binary.AppendUvarint(b, at.partition), at.Generation), at.Offset)
}

// AppendTo writes the box above.
func (op *stampOp) AppendTo(b []byte) []byte {
	b = binary.AppendUvarint(binary.AppendUvarint(appendText(b, op.collection), op.born), uint64(len(op.stamps)))
	for i := range op.stamps {
		b = op.stamps[i].appendTo(b)
	}
	return b
}

func (s *stamp) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(appendText(appendInt(appendText(b, s.id), s.time), s.node), s.version)
	deleted := byte(0)
	if s.deleted {
		deleted = 1
	}
	return appendInt(append(b, deleted), s.expires)
}

// AppendTo writes the box above.
func (op *unstampOp) AppendTo(b []byte) []byte {
	b = binary.AppendUvarint(appendText(b, op.collection), uint64(len(op.ids)))
	for _, id := range op.ids {
		b = appendText(b, id)
	}
	return b
}

// AppendTo writes the collection.
func (op *dropTableOp) AppendTo(b []byte) []byte { return append(b, op.collection...) }

// AppendTo writes the node.
func (op *forgetOp) AppendTo(b []byte) []byte { return append(b, op.node...) }

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendInt(b []byte, n int64) []byte {
	return binary.AppendUvarint(b, uint64(n)) //nolint:gosec // never negative
}

// decodeOp reads what AppendTo wrote.
func decodeOp(kind byte, data []byte) (op journal.Op, err error) {
	r := journal.NewReader(data)
	switch kind {
	case opNode:
		op = &nodeOp{readNode(&r)}
	case opPeer:
		op = &peerOp{readPeer(&r)}
	case opNoPeer:
		name := r.Rest()
		if op = (&dropOp{name}); checkName("peer", name) != nil {
			r.Fail()
		}
	case opReach:
		n := r.Count(minPlaceBytes)
		reach := &reachOp{places: make([]place, 0, n)}
		for range n {
			reach.places = append(reach.places, readPlace(&r))
		}
		op = reach
	case opForget:
		op = &forgetOp{readNode(&r)}
	case opStamp:
		stamps := &stampOp{collection: readCollection(&r), born: r.Number()}
		if stamps.born == 0 {
			r.Fail()
		}
		for range r.Count(minStampBytes) {
			stamps.stamps = append(stamps.stamps, readStamp(&r))
		}
		op = stamps
	case opUnstamp:
		gone := &unstampOp{collection: readCollection(&r)}
		for range r.Count(1) {
			gone.ids = append(gone.ids, r.Text())
		}
		op = gone
	case opNoTable:
		op = &dropTableOp{r.Rest()}
	default:
		r.Fail()
	}
	if !r.Whole() {
		return nil, fault.New(fault.Corrupt, "a peer op of kind %d cannot be read", kind)
	}
	return op, nil
}

func readNode(r *journal.Reader) string {
	node := r.Rest()
	if checkNode(node) != nil {
		r.Fail()
	}
	return node
}

func readPeer(r *journal.Reader) *Peer {
	p := &Peer{Name: r.Text(), URL: r.Text(), Credential: r.Text(), Remote: r.Text()}
	flags := r.Byte(flagPaused | flagConfigured | flagShows)
	p.Paused, p.Configured = flags&flagPaused != 0, flags&flagConfigured != 0
	p.Created, p.By = r.Int(), r.Text()
	n := r.Count(3)
	if n > MaxRules {
		r.Fail()
		return p
	}
	for range n {
		p.Rules = append(p.Rules, Rule{Kind: Kind(r.Byte(byte(Topics))), Direction: Direction(r.Byte(byte(Both))), Pattern: r.Text()})
	}
	if flags&flagShows != 0 {
		p.Certificate = r.Text()
	}
	if p.check() != nil || (p.Certificate != "") != (flags&flagShows != 0) {
		r.Fail()
	}
	return p
}

// minPlaceBytes is the least that an encoded place takes.
const minPlaceBytes = 7

func readPlace(r *journal.Reader) (at place) {
	at.kind, at.node, at.room = r.Byte(atTable), r.Text(), r.Text()
	at.partition, at.Generation, at.Offset = r.UpTo(maxPartition), r.Int(), r.Number()
	if at.kind == 0 || len(at.room) > maxRoomBytes || checkNode(at.node) != nil {
		r.Fail()
	}
	return at
}

// minStampBytes is the least that an encoded stamp takes.
const minStampBytes = 7

func readStamp(r *journal.Reader) (s stamp) {
	s.id, s.time, s.node = r.Text(), r.Int(), r.Text()
	s.version, s.deleted, s.expires = r.Number(), r.Flag(), r.Int()
	if s.id == "" || len(s.id) > maxIDBytes || checkNode(s.node) != nil {
		r.Fail()
	}
	return s
}

func readCollection(r *journal.Reader) string {
	name := r.Text()
	if name == "" || len(name) > maxCollectionBytes {
		r.Fail()
	}
	return name
}
