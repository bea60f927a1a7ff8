// Package vector is collections of points that are found by meaning: vectors, with a
// payload to filter by and a text.
//
// Package collection has the data; this one has its commands and its ops. A namespace's
// collections are found by name under a lock that only making, changing and dropping a
// collection hold alone. Whoever changes points holds that lock shared and the
// collection's own, for as long as it takes to decide and to write the record down;
// searches hold the collection's, shared, and make way for writers.
//
// New vectors are searched exactly until they are in the graph. The sweeper puts them
// there, and when too many wait, writers help before they are answered.
package vector

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/vector/collection"
)

// ID is the structure's permanent number.
const ID = 5

const structureName = "vector"

// MaxCollections bounds how many collections a namespace has; the next one is refused with Exhausted.
const MaxCollections = 1_000

// Structure returns the declaration of vectors that are searched here only.
func Structure() *command.Structure { return Federated(nil) }

// Federated returns the declaration of vectors, of which those elsewhere can be searched, too; nil is nowhere.
func Federated(elsewhere Elsewhere) *command.Structure {
	return &command.Structure{
		Name: structureName, ID: ID,
		Summary:  "Collections of points, found by what their vectors are near to.",
		Commands: commands(),
		Things: &command.Things{Kind: "collections", List: "vector.collection.list", Name: "collection", Clear: map[string]command.Clearing{
			"empty": {Command: "vector.collection.clear", Field: "collection"},
			"drop":  {Command: "vector.collection.delete", Field: "collection"},
		}, Made: func(op journal.Op) bool { return op.Kind() == opConfigure }},
		Condition: condition,
		New:       func(env command.Env) command.State { return &Collections{env: env, elsewhere: elsewhere} },
		DecodeOp:  decodeOp,
	}
}

// Collections is the collections of one namespace.
type Collections struct {
	env       command.Env
	elsewhere Elsewhere // nil: there is nobody to ask

	building atomic.Bool  // a sweep was asked for, to build
	turn     atomic.Int64 // which collection the next sweep builds first; the sweeper's own

	mu sync.RWMutex

	byName btree.Map[string, *entry]
}

// entry is a collection and what the structure knows of it. Its data has a lock of its own.
type entry struct {
	*collection.Collection
	name    string
	born    uint64 // the version of the record that made it: older ones are about another one of that name
	created int64  // Unix milliseconds
}

// find returns the collection of that name; nil when there is none. s.mu is held.
func (s *Collections) find(name string) *entry {
	e, _ := s.byName.Get(name)
	return e
}

// look returns the collection of that name for those who only look.
func (s *Collections) look(name string) (*entry, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e := s.find(name); e != nil {
		return e, nil
	}
	return nil, noCollection(name)
}

func noCollection(name string) error {
	return fault.New(fault.NotFound, "there is no collection %q: make it with vector.collection.create", clip(name)).With("collection", clip(name))
}

// change returns the collection of that name, locked for changes; unlock ends that.
func (s *Collections) change(name string) (e *entry, unlock func(), err error) {
	s.mu.RLock()
	if e = s.find(name); e == nil {
		s.mu.RUnlock()
		return nil, nil, noCollection(name)
	}
	e.Lock()
	return e, func() { e.Unlock(); s.mu.RUnlock() }, nil
}

// Apply implements command.State. The caller holds s.mu, shared for points, and the collection's lock.
func (s *Collections) Apply(seq uint64, op journal.Op) {
	name, _ := op.Target()
	e := s.find(name)
	if e != nil && seq < e.born {
		return // it is about another collection, which had that name before
	}
	switch op := op.(type) {
	case *configure:
		if e != nil {
			e.Configure(op.config)
		} else {
			e = &entry{Collection: collection.New(op.config), name: name, born: seq, created: op.created}
			s.byName.Set(name, e)
		}
	case *drop:
		s.byName.Delete(name)
		return
	case *put:
		if e == nil {
			return
		}
		e.Put(seq, op.draft)
		if op.draft.Expires != 0 {
			s.env.Wake(op.draft.Expires)
		}
	case *remove:
		if e == nil {
			return
		}
		for _, id := range op.ids {
			e.Remove(id)
		}
	}
	if e.Busy() && s.building.CompareAndSwap(false, true) {
		s.env.Wake(s.env.Clock.Now())
	}
}

// Replay implements command.State.
func (s *Collections) Replay(seq uint64, op journal.Op) {
	name, _ := op.Target()
	defer s.exclude(name, op)()
	if op, ok := op.(*put); ok {
		if e := s.find(name); e != nil && !e.Fits(op.draft) {
			return
		}
	}
	s.Apply(seq, op)
}

// exclude takes the locks that the op needs, and returns what gives them back.
func (s *Collections) exclude(name string, op journal.Op) func() {
	unlock := s.mu.RUnlock
	switch op.(type) {
	case *configure, *drop:
		s.mu.Lock()
		unlock = s.mu.Unlock
	default:
		s.mu.RLock()
	}
	e := s.find(name)
	if e == nil {
		return unlock
	}
	e.Lock()
	return func() { e.Unlock(); unlock() }
}

// Undo implements command.State. The caller holds s.mu and the collection's lock.
func (s *Collections) Undo(op journal.Op) func() {
	name, _ := op.Target()
	e := s.find(name)
	var back func()
	switch op := op.(type) {
	case *configure:
		if e == nil {
			return func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.byName.Delete(name)
			}
		}
		config := e.Config()
		back = func() { e.Configure(config) }
	case *drop:
		return func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.byName.Set(name, e)
		}
	case *put:
		back = e.undo([]collection.ID{op.draft.ID})
	case *remove:
		back = e.undo(op.ids)
	}
	return func() {
		defer s.exclude(name, op)()
		back()
	}
}

// undo returns what brings the points of the ids back as they are now.
func (e *entry) undo(ids []collection.ID) func() {
	type before struct {
		id      collection.ID
		version uint64
		draft   *collection.Draft
	}
	all := make([]before, len(ids))
	for i, id := range ids {
		all[i].id = id
		if p := e.Find(id, 0); p != nil {
			all[i].version, all[i].draft = p.Version, e.Draft(p)
		}
	}
	return func() {
		for _, b := range all {
			if b.draft == nil {
				e.Remove(b.id)
			} else {
				e.Put(b.version, b.draft)
			}
		}
	}
}

// Stats implements command.State.
func (s *Collections) Stats() (u command.Usage) {
	for _, e := range s.all() {
		e.RLock()
		u.Items += int64(e.Len())
		u.Bytes += entryBytes + int64(len(e.name)) + e.Usage().Total()
		e.RUnlock()
	}
	return u
}

// entryBytes is about what a collection costs besides its points.
const entryBytes = 2048

// all returns every collection, by name.
func (s *Collections) all() []*entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byName.Values()
}

// Check implements command.State.
func (s *Collections) Check() error {
	var wrong []error
	for _, e := range s.all() {
		if err := e.Check(); err != nil {
			wrong = append(wrong, fmt.Errorf("collection %s: %w", e.name, err))
		}
		if e.born == 0 {
			wrong = append(wrong, fmt.Errorf("collection %s has no version", e.name))
		}
	}
	return errors.Join(wrong...)
}
