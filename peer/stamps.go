package peer

import (
	"cmp"
	"strings"

	"github.com/tidwall/btree"
)

// MaxStamps bounds the points of collections that are exchanged, those that are deleted included, in all collections of a
// namespace. What would need more takes the place of what was deleted longest ago; when nothing was, it is refused with
// Exhausted.
const MaxStamps = 1_000_000

// maxStamps is MaxStamps. It is a variable so that tests can make it small.
var maxStamps = MaxStamps

// table is what is known of the points of a collection that is exchanged: of each, which change it is the outcome of. Of a
// point that was deleted it is kept, too, so that nobody brings it back who has not heard of that.
type table struct {
	born   uint64 // the version of the record that made the collection: of another one of that name nothing is known
	stamps map[string]*stamp
	order  *btree.BTreeG[*stamp] // by record, then id
	graves *btree.BTreeG[*stamp] // the deleted ones, in the same order
}

// stamp says which change a point is the outcome of. It never changes: another one takes its place.
type stamp struct {
	id      string
	time    int64  // of the change, in Unix milliseconds; later than that of any change that its maker knew of
	node    string // where it was made
	version uint64 // of the point as it is here, or of the record in which it went
	seq     uint64 // of the record that noted it here
	deleted bool
	expires int64 // when the point goes by itself, in Unix milliseconds; 0 is never
}

// older reports whether the change came before another one of the same point: by time, and at the same time by node, so that
// all who know both agree.
func (s *stamp) older(time int64, node string) bool {
	return s == nil || cmp.Or(cmp.Compare(s.time, time), strings.Compare(s.node, node)) < 0
}

func inOrder() *btree.BTreeG[*stamp] {
	return btree.NewBTreeGOptions(func(a, b *stamp) bool {
		if a.seq != b.seq {
			return a.seq < b.seq
		}
		return a.id < b.id
	}, btree.Options{NoLocks: true})
}

func newTable(born uint64) *table {
	return &table{born: born, stamps: map[string]*stamp{}, order: inOrder(), graves: inOrder()}
}

// set puts a stamp in the place of the one before; nil takes that out.
func (t *table) set(id string, s *stamp) {
	if old := t.stamps[id]; old != nil {
		t.order.Delete(old)
		t.graves.Delete(old)
	}
	if s == nil {
		delete(t.stamps, id)
		return
	}
	t.stamps[id] = s
	t.order.Set(s)
	if s.deleted {
		t.graves.Set(s)
	}
}

// tableFor returns the table of a collection, which it makes if there is none.
func (p *Peers) tableFor(collection string, born uint64) *table {
	t := p.tables[collection]
	if t == nil {
		t = newTable(born)
		p.tables[collection] = t
	}
	return t
}

// put sets a stamp and keeps count.
func (p *Peers) put(t *table, id string, s *stamp) {
	before := len(t.stamps)
	t.set(id, s)
	p.stamps += len(t.stamps) - before
}

// stampAll does what a stampOp says, under the number of its record.
func (p *Peers) stampAll(seq uint64, op *stampOp) {
	t := p.tableFor(op.collection, op.born)
	t.born = op.born
	for i := range op.stamps {
		s := op.stamps[i]
		s.seq = seq
		if s.version == 0 {
			s.version = seq
		}
		p.put(t, s.id, &s)
	}
}

// dropTable forgets a collection, and how far others' were read for it.
func (p *Peers) dropTable(collection string) {
	if t := p.tables[collection]; t != nil {
		p.stamps -= len(t.stamps)
		delete(p.tables, collection)
	}
	for _, at := range p.cursors(collection) {
		p.places.Delete(at)
	}
}

// cursors are the places of a collection.
func (p *Peers) cursors(collection string) (all []*place) {
	p.places.Scan(func(at *place) bool {
		if at.kind == atTable && at.room == collection {
			all = append(all, at)
		}
		return true
	})
	return all
}

// undoStamps returns what brings stamps of a collection back as they are now.
func (p *Peers) undoStamps(collection string, ids []string) func() {
	t := p.tables[collection]
	if t == nil {
		return func() {
			p.stamps -= len(p.tables[collection].stamps)
			delete(p.tables, collection)
		}
	}
	born, before := t.born, make(map[string]*stamp, len(ids))
	for _, id := range ids {
		before[id] = t.stamps[id]
	}
	return func() {
		t.born = born
		for id, s := range before {
			p.put(t, id, s)
		}
	}
}

// undoDropTable returns what brings a whole table back.
func (p *Peers) undoDropTable(collection string) func() {
	t, cursors := p.tables[collection], p.cursors(collection)
	return func() {
		if t != nil {
			p.tables[collection] = t
			p.stamps += len(t.stamps)
		}
		for _, at := range cursors {
			p.places.Set(at)
		}
	}
}
