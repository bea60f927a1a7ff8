package peer

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// The kinds of saved entries. The numbers are permanent, and so are the encodings, which are made of what op.go explains.
// An entry begins with its kind, u8.
//
//	node      ┌────────┐
//	(1)       │ node … │
//	          └────────┘
//	peer      ┌────────────────────┐
//	(2)       │ as of the op peer  │
//	          └────────────────────┘
//	place     ┌─────────────────────────────┐
//	(3)       │ a place, as of the op reach │
//	          └─────────────────────────────┘
//	table     ┌──────────┬──────────────┐
//	(4)       │ born, uv │ collection … │
//	          └──────────┴──────────────┘
//	stamp     ┌─────────────────┬────────────┬────────────────────────────┐
//	(5)       │ collection, str │ record, uv │ a stamp, as of the op stamp│ with its version
//	          └─────────────────┴────────────┴────────────────────────────┘
const (
	entryNode  = 1
	entryPeer  = 2
	entryPlace = 3
	entryTable = 4
	entryStamp = 5
)

// Bounds of one call of Save. They are variables so that tests can make every boundary a common one.
var (
	saveBytes = command.SaveBytes
	saveItems = 1024
)

// Parts implements command.State: all of it is one part.
func (*Peers) Parts() int { return 1 }

// Save implements command.State. from is the last entry that was handed out.
func (p *Peers) Save(_ int, from []byte, add func(entry []byte)) (next []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if from == nil { // there are few enough peers for one call
		if p.node != "" {
			add(append([]byte{entryNode}, p.node...))
		}
		p.peers.Scan(func(_ string, peer *Peer) bool {
			add((&peerOp{peer}).AppendTo([]byte{entryPeer}))
			return true
		})
		for _, name := range slices.Sorted(maps.Keys(p.tables)) { // a thousand at most
			add(append(binary.AppendUvarint([]byte{entryTable}, p.tables[name].born), name...))
		}
		return []byte{entryPlace}
	}
	if from[0] == entryStamp {
		return p.saveStamps(from, add)
	}
	var after place
	if len(from) > 1 {
		r := journal.NewReader(from[1:])
		after = readPlace(&r)
	}
	next = []byte{entryStamp}
	room, items := saveBytes, saveItems
	var last []byte
	p.places.Ascend(&after, func(at *place) bool {
		if len(from) > 1 && at.placeKey == after.placeKey {
			return true
		}
		if last != nil && (room <= 0 || items <= 0) {
			next = last
			return false
		}
		last = at.appendTo([]byte{entryPlace})
		add(last)
		room -= len(last)
		items--
		return true
	})
	return next
}

// saveStamps hands out stamps, going on after the last entry that was handed out.
func (p *Peers) saveStamps(from []byte, add func(entry []byte)) []byte {
	r := journal.NewReader(from[1:])
	name, after := "", &stamp{}
	if len(from) > 1 {
		name = r.Text()
		after.seq = r.Number()
		s := readStamp(&r)
		after.id = s.id
	}
	room, items := saveBytes, saveItems
	var last []byte
	for _, collection := range slices.Sorted(maps.Keys(p.tables)) {
		if collection < name {
			continue
		}
		if collection > name {
			after = &stamp{}
		}
		full := false
		p.tables[collection].order.Ascend(after, func(s *stamp) bool {
			if s.seq == after.seq && s.id == after.id {
				return true
			}
			if full = last != nil && (room <= 0 || items <= 0); full {
				return false
			}
			last = s.appendTo(binary.AppendUvarint(appendText([]byte{entryStamp}, collection), s.seq))
			add(last)
			room -= len(last)
			items--
			return true
		})
		if full {
			return last
		}
	}
	return nil
}

// Restore implements command.State.
func (p *Peers) Restore(entry []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := journal.NewReader(entry)
	ok := false
	switch r.Byte(entryStamp) {
	case entryNode:
		node := readNode(&r)
		if ok = r.Whole() && p.node == ""; ok {
			p.node = node
		}
	case entryPeer:
		peer := readPeer(&r)
		if _, there := p.peers.Get(peer.Name); r.Whole() && !there {
			p.peers.Set(peer.Name, peer)
			p.changed()
			ok = true
		}
	case entryPlace:
		at := readPlace(&r)
		if _, there := p.places.Get(&at); r.Whole() && !there {
			p.places.Set(&at)
			ok = true
		}
	case entryTable:
		born, name := r.Number(), r.Rest()
		if r.Whole() && born != 0 && name != "" && len(name) <= maxCollectionBytes && p.tables[name] == nil {
			p.tables[name] = newTable(born)
			ok = true
		}
	case entryStamp:
		name, seq := readCollection(&r), r.Number()
		s := readStamp(&r)
		s.seq = seq
		t := p.tables[name] // one that was made after the tables were saved is told of by a record that follows
		if r.Whole() && seq != 0 && s.version != 0 && (t == nil || t.stamps[s.id] == nil) {
			if t != nil {
				p.put(t, s.id, &s)
			}
			ok = true
		}
	}
	if !ok {
		return fault.New(fault.Corrupt, "a saved entry of peers cannot be read")
	}
	return nil
}
