package peer

import (
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
const (
	entryNode  = 1
	entryPeer  = 2
	entryPlace = 3
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
		if p.places.Len() == 0 {
			return nil
		}
		return []byte{entryPlace}
	}
	var after place
	if len(from) > 1 {
		r := journal.NewReader(from[1:])
		after = readPlace(&r)
	}
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

// Restore implements command.State.
func (p *Peers) Restore(entry []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := journal.NewReader(entry)
	ok := false
	switch r.Byte(entryPlace) {
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
	}
	if !ok {
		return fault.New(fault.Corrupt, "a saved entry of peers cannot be read")
	}
	return nil
}
