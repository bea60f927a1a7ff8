// Package core is the assembled engine: the namespaces, the structures in each,
// the dispatcher in front of them, and the two goroutines that serve them all, one
// that tells followers what changed and one that does what time makes due.
//
// It knows structures as a list, never by name.
package core

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/quota"
)

// DefaultNamespace is where requests go that name no namespace.
const DefaultNamespace = command.DefaultNamespace

// MaxNamespaces bounds how many namespaces there are; the next one is refused with Exhausted.
const MaxNamespaces = 10_000

// Options say what an engine is made of.
type Options struct {
	Structures []*command.Structure
	Journal    journal.Journal // nil is a fresh in-memory one
	Disk       Disk            // where the journal is kept; nil when it is not
	Version    string          // of the program, for status
	Clock      *command.Clock  // nil is one that agrees with the wall clock
	Limits     Limits          // how much may be used
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
	limited    command.Limited
	occupied   occupancy
	starved    chan struct{} // holds a token when memory is used up, and part of it may be garbage
	dispatcher *command.Dispatcher
	operator   operator
	operating  atomic.Pointer[Operating] // never nil
	secret     [32]byte                  // what codes of previews are made with

	home   *command.Space // the default namespace, which most requests are for
	spaces sync.Map       // name -> *command.Space

	mu   sync.Mutex                // held while a namespace is added or removed
	byID map[uint32]*command.Space // the same, by number
	last uint32                    // the highest number ever given out: none is used twice
	own  map[uint32]quota.Limits   // of namespaces that have quotas of their own; what is unset is in defaults
	// defaults are the quotas of namespaces that have none of their own.
	defaults quota.Limits
}

// New assembles an engine. It does nothing until Run.
func New(o Options) (*Engine, error) {
	if o.Journal == nil {
		o.Journal = journal.NewMemory(journal.MemoryOptions{Epoch: uint64(time.Now().UnixMilli())})
	}
	if o.Clock == nil {
		o.Clock = command.NewClock()
	}
	e := &Engine{
		version: o.Version,
		started: time.Now(),
		journal: o.Journal,
		disk:    o.Disk,
		clock:   o.Clock,
		feed:    journal.NewFeed(o.Journal),
		byID:    map[uint32]*command.Space{},
		own:     map[uint32]quota.Limits{},
		starved: make(chan struct{}, 1),

		operator: operator{hot: newHotkeys()},
	}
	e.operating.Store(&Operating{})
	_, _ = rand.Read(e.secret[:]) // it never fails
	table, err := command.NewTable(slices.Concat([]*command.Structure{e.server()}, o.Structures, e.transactions(), []*command.Structure{e.diskStructure(), e.namespaces()})...)
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
	e.openLimits()
	return e, e.SetLimits(o.Limits)
}

// Dispatcher runs the engine's commands.
func (e *Engine) Dispatcher() *command.Dispatcher { return e.dispatcher }

// Run serves until the context ends. The feed and the sweeper stop with it; commands still work.
func (e *Engine) Run(ctx context.Context) error {
	var both sync.WaitGroup
	both.Go(func() { e.sweeper.run(ctx) })
	both.Go(func() { e.collect(ctx) })
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

// Space implements command.Spaces.
func (e *Engine) Space(name string, make bool) (*command.Space, error) {
	if reason := e.refuse.Load(); reason != nil {
		return nil, (*reason)()
	}
	if name == DefaultNamespace {
		return e.home, nil
	}
	if s, ok := e.spaces.Load(name); ok {
		return s.(*command.Space), nil
	}
	if err := checkNamespace(name); err != nil {
		return nil, err
	}
	if !make {
		return nil, noNamespace(name)
	}
	space, _, err := e.found(name, false, quota.Own())
	return space, err
}

// add makes a namespace's states. e.mu is held, or nobody else knows e yet.
func (e *Engine) add(id uint32, name string) *command.Space {
	structures := e.table.Structures()
	states := make([]command.State, len(structures))
	space := command.NewSpace(id, name, states)
	for place, s := range structures {
		if s.Global && e.home != nil {
			states[place] = e.home.States[place]
			if space.Shared == nil {
				space.Shared = make([]bool, len(structures))
			}
			space.Shared[place] = true
			continue
		}
		states[place] = s.New(command.Env{
			Namespace: id, Structure: s.ID, Clock: e.clock, Feed: e.feed,
			Wake: func(at int64) {
				if !space.Gone() {
					e.sweeper.wake(space, place, at)
				}
			},
		})
	}
	e.byID[id], e.last = space, max(e.last, id)
	e.spaces.Store(name, space)
	space.Meter.SetLimits(e.defaults)
	return space
}

// Replay applies a record of the journal, as recovery and replicas do.
func (e *Engine) Replay(rec *journal.Record) error {
	answered := false
	for c := range rec.Changes() {
		if op, ok := c.Op.(engineOp); ok {
			if err := op.replay(e); err != nil {
				return err
			}
			continue
		}
		state, err := e.state(c.Namespace, c.Structure)
		if err != nil {
			return fault.New(fault.Corrupt, "record %d: %v", rec.Seq, err)
		}
		if state == nil {
			continue // the namespace was deleted later on, which the record may tell of that comes
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

// state returns the state of the structure in the namespace, both by number; nil of a namespace that was deleted.
func (e *Engine) state(namespace uint32, structure uint8) (command.State, error) {
	e.mu.Lock()
	space, known := e.byID[namespace], namespace != 0 && namespace <= e.last
	e.mu.Unlock()
	place := slices.IndexFunc(e.table.Structures(), func(s *command.Structure) bool { return s.ID == structure })
	if place < 0 || !known {
		return nil, fmt.Errorf("there is no structure %d in a namespace %d", structure, namespace)
	}
	if space == nil {
		return nil, nil
	}
	return space.States[place], nil
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
