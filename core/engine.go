// Package core is the assembled engine: the namespaces, the structures in each,
// the dispatcher in front of them, and the two goroutines that serve them all, one
// that tells followers what changed and one that does what time makes due.
//
// It knows structures as a list, never by name.
package core

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// DefaultNamespace is where requests go that name no namespace.
const DefaultNamespace = command.DefaultNamespace

// MaxNamespaces bounds how many namespaces there are; the next one is refused with Exhausted.
const MaxNamespaces = 10_000

var namespaceName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// Options say what an engine is made of.
type Options struct {
	Structures []*command.Structure
	Journal    journal.Journal // nil is a fresh in-memory one
	Disk       Disk            // where the journal is kept; nil when it is not
	Version    string          // of the program, for status
	// Report hears of every Internal error; nil drops them.
	Report func(command string, err error)
}

// Engine is the running whole.
type Engine struct {
	version    string
	started    time.Time
	table      *command.Table
	journal    journal.Journal
	disk       Disk
	refuse     atomic.Pointer[func() error] // see Refuse
	clock      *command.Clock
	feed       *journal.Feed
	sweeper    *sweeper
	dispatcher *command.Dispatcher
	secret     [32]byte // what codes of previews are made with

	home   *command.Space // the default namespace, which most requests are for
	spaces sync.Map       // name -> *command.Space; only ever added to

	mu   sync.Mutex                // held while a namespace is added
	byID map[uint32]*command.Space // the same, by number
	last uint32                    // the highest number given out
}

// New assembles an engine. It does nothing until Run.
func New(o Options) (*Engine, error) {
	if o.Journal == nil {
		o.Journal = journal.NewMemory(journal.MemoryOptions{Epoch: uint64(time.Now().UnixMilli())})
	}
	e := &Engine{
		version: o.Version,
		started: time.Now(),
		journal: o.Journal,
		disk:    o.Disk,
		clock:   command.NewClock(),
		feed:    journal.NewFeed(o.Journal),
		byID:    map[uint32]*command.Space{},
	}
	_, _ = rand.Read(e.secret[:]) // it never fails
	table, err := command.NewTable(slices.Concat([]*command.Structure{e.server()}, o.Structures, e.transactions(), []*command.Structure{e.diskStructure()})...)
	if err != nil {
		return nil, fmt.Errorf("the command table is wrong: %w", err)
	}
	e.table = table
	e.dispatcher = command.NewDispatcher(table, e, o.Journal, e.clock)
	if o.Report != nil {
		e.dispatcher.Report = o.Report
	}
	e.sweeper = newSweeper(e.clock, e.dispatcher)
	e.home = e.add(1, DefaultNamespace) // the same in every history, so it needs no record
	return e, nil
}

// Dispatcher runs the engine's commands.
func (e *Engine) Dispatcher() *command.Dispatcher { return e.dispatcher }

// Run serves until the context ends. The feed and the sweeper stop with it; commands still work.
func (e *Engine) Run(ctx context.Context) error {
	var both sync.WaitGroup
	both.Go(func() { e.sweeper.run(ctx) })
	defer both.Wait()
	return e.feed.Run(ctx)
}

// Refuse has every command refused with the error that reason returns, while the engine's data is not all there;
// nil ends that.
func (e *Engine) Refuse(reason func() error) {
	if reason == nil {
		e.refuse.Store(nil)
		return
	}
	e.refuse.Store(&reason)
}

// Space implements command.Spaces: a namespace comes to be when it is first used.
func (e *Engine) Space(name string) (*command.Space, error) {
	if reason := e.refuse.Load(); reason != nil {
		return nil, (*reason)()
	}
	if name == DefaultNamespace {
		return e.home, nil
	}
	if s, ok := e.spaces.Load(name); ok {
		return s.(*command.Space), nil
	}
	if !namespaceName.MatchString(name) {
		return nil, fault.New(fault.Invalid,
			"%q cannot be a namespace: 1 to 63 of a-z 0-9 . _ -, beginning with a letter or digit", name)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if s, ok := e.spaces.Load(name); ok {
		return s.(*command.Space), nil
	}
	if len(e.byID) >= MaxNamespaces {
		return nil, fault.New(fault.Exhausted, "there are %d namespaces, and no more are allowed", MaxNamespaces).
			With("limit", MaxNamespaces)
	}
	op := &namespaceOp{id: e.last + 1, name: name}
	rec := journal.Record{}
	rec.Add(journal.Change{Namespace: op.id, Structure: serverID, Op: op})
	if _, err := e.journal.Append(&rec); err != nil {
		return nil, fault.From(err)
	}
	return e.add(op.id, name), nil
}

// add makes a namespace's states. e.mu is held, or nobody else knows e yet.
func (e *Engine) add(id uint32, name string) *command.Space {
	structures := e.table.Structures()
	states := make([]command.State, len(structures))
	space := command.NewSpace(id, name, states)
	for place, s := range structures {
		if s.Global && e.home != nil {
			states[place] = e.home.States[place]
			continue
		}
		states[place] = s.New(command.Env{
			Namespace: id, Structure: s.ID, Clock: e.clock, Feed: e.feed,
			Wake: func(at int64) { e.sweeper.wake(space, place, at) },
		})
	}
	e.byID[id], e.last = space, max(e.last, id)
	e.spaces.Store(name, space)
	return space
}

// Replay applies a record of the journal, as recovery and replicas do.
func (e *Engine) Replay(rec *journal.Record) error {
	answered := false
	for c := range rec.Changes() {
		if op, ok := c.Op.(*namespaceOp); ok {
			e.create(op)
			continue
		}
		state := e.state(c.Namespace, c.Structure)
		if state == nil {
			return fault.New(fault.Corrupt, "record %d changes structure %d of namespace %d, which does not exist",
				rec.Seq, c.Structure, c.Namespace)
		}
		state.Replay(rec.Seq, c.Op)
		if rec.Answer != nil && !answered {
			answered = true
			if err := e.dispatcher.Remember(c.Namespace, rec.Answer); err != nil {
				return err
			}
		}
	}
	return nil
}

// create makes the namespace, unless there is one of that number.
func (e *Engine) create(op *namespaceOp) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byID[op.id] == nil {
		e.add(op.id, op.name)
	}
}

// state returns the state of the structure in the namespace, both by number; nil when there is none.
func (e *Engine) state(namespace uint32, structure uint8) command.State {
	e.mu.Lock()
	space := e.byID[namespace]
	e.mu.Unlock()
	if space == nil {
		return nil
	}
	for place, s := range e.table.Structures() {
		if s.ID == structure {
			return space.States[place]
		}
	}
	return nil
}

// Namespaces returns every namespace, by name.
func (e *Engine) Namespaces() []*command.Space {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]*command.Space, 0, len(e.byID))
	for _, s := range e.byID {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *command.Space) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Check verifies the invariants of every state.
func (e *Engine) Check() error {
	for _, space := range e.Namespaces() {
		for place, state := range space.States {
			if err := state.Check(); err != nil {
				return fmt.Errorf("namespace %s, %s: %w", space.Name, e.table.Structures()[place].Name, err)
			}
		}
	}
	return nil
}

// namespaceOp records that a namespace came to be. Its encoding is the number, little-endian, and the name.
type namespaceOp struct {
	id   uint32
	name string
}

const opNamespace = 1 // permanent

func (op *namespaceOp) Kind() byte { return opNamespace }

func (op *namespaceOp) AppendTo(b []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(b, op.id), op.name...)
}

func (op *namespaceOp) Target() (string, bool) { return op.name, false }

func (op *namespaceOp) Size() int { return 48 + len(op.name) }

func decodeOp(kind byte, data []byte) (journal.Op, error) {
	if kind != opNamespace || len(data) < 5 || !namespaceName.Match(data[4:]) {
		return nil, fault.New(fault.Corrupt, "a server op of kind %d cannot be read", kind)
	}
	return &namespaceOp{id: binary.LittleEndian.Uint32(data), name: string(data[4:])}, nil
}
