package core

import (
	"container/heap"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
)

// Bounds of the search for hot names.
const (
	hotCounters = 512         // names that are counted at once; whatever is called more than 1/512 of the time is among them
	hotWindow   = time.Minute // how long is counted, before what was counted is the answer
	hotFourth   = 4           // one in four of the calls that the dispatcher samples is counted: a uniform load costs a fourth
	hotSample   = 16 * hotFourth
)

// hotkeys finds the names that are called most, in bounded memory: a space-saving sketch (Metwally, Agrawal and El Abbadi,
// 2005) of a sample of the calls. A name that is not counted takes over the smallest counter and what it had, which is
// remembered as how much too high its count may be. Two sketches take turns, so that an answer is always about the last
// one or two minutes.
type hotkeys struct {
	seen atomic.Uint64 // calls that were sampled

	mu          sync.Mutex
	now, before *sketch
}

// hotName is a name in a namespace.
type hotName struct {
	namespace string
	auth.Resource
}

type counter struct {
	hotName
	count, over uint64
	index       int // in the heap
}

// sketch counts names. Its heap has the smallest count first.
type sketch struct {
	start  time.Time
	byName map[hotName]*counter
	order  smallest
	total  uint64
}

func newSketch(start time.Time) *sketch {
	return &sketch{start: start, byName: make(map[hotName]*counter, hotCounters)}
}

func newHotkeys() *hotkeys { return &hotkeys{now: newSketch(time.Now())} }

// sample takes a call in. When somebody else is at it, the call is left out: it is a sample anyway.
func (h *hotkeys) sample(r *command.Request, at time.Time) {
	// At uneven distances, as in the dispatcher, so that no pattern of calls keeps step.
	if (h.seen.Add(1)*0x9E3779B97F4A7C15)>>62 != 0 {
		return
	}
	name, ok := r.TouchedName()
	if !ok || name.Name == "" {
		return
	}
	namespace := r.Namespace
	if namespace == "" {
		namespace = r.Caller.Namespace
	}
	if !h.mu.TryLock() {
		return
	}
	defer h.mu.Unlock()
	h.turn(at)
	h.now.add(hotName{namespace, name})
}

// turn begins a new sketch when it is time. h.mu is held.
func (h *hotkeys) turn(at time.Time) {
	if age := at.Sub(h.now.start); age >= 2*hotWindow {
		h.before, h.now = nil, newSketch(at) // nothing was called for so long that both are old
	} else if age >= hotWindow {
		h.before, h.now = h.now, newSketch(at)
	}
}

func (s *sketch) add(name hotName) {
	s.total++
	c := s.byName[name]
	switch {
	case c != nil:
		c.count++
		heap.Fix(&s.order, c.index)
		return
	case len(s.order) < hotCounters:
		c = &counter{count: 1}
	default:
		c = s.order[0]
		delete(s.byName, c.hotName)
		c.over = c.count
		c.count++
	}
	name.Name = strings.Clone(name.Name) // it may be a part of something large
	c.hotName = name
	s.byName[name] = c
	if s.order.has(c) {
		heap.Fix(&s.order, c.index)
	} else {
		heap.Push(&s.order, c)
	}
}

// HotKey is a name that is called often.
type HotKey struct {
	Structure string  `json:"structure"`
	Name      string  `json:"name"`
	Namespace string  `json:"namespace"`
	CallsPerS float64 `json:"calls_per_second" jsonschema:"about how often it is called"`
	Share     float64 `json:"share" jsonschema:"of all calls that name one thing, from 0 to 1"`
	ErrorPerS float64 `json:"error_per_second,omitempty" jsonschema:"by how much the rate may be too high at most, besides chance"`
}

// list returns the hottest names that the caller may read, hottest first, and over how many seconds they were counted.
func (h *hotkeys) list(caller *auth.Identity, most int, at time.Time) (hot []HotKey, seconds float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.turn(at)
	start, total := h.now.start, h.now.total
	sum := map[hotName]counter{}
	for _, s := range []*sketch{h.before, h.now} {
		if s == nil {
			continue
		}
		if s == h.before {
			start, total = s.start, total+s.total
		}
		for name, c := range s.byName {
			both := sum[name]
			sum[name] = counter{count: both.count + c.count, over: both.over + c.over}
		}
	}
	seconds = max(at.Sub(start).Seconds(), 0.001)
	hot = []HotKey{}
	for name, c := range sum {
		if _, err := caller.Select(name.namespace); err != nil || caller.Check(auth.Read, name.Resource) != nil {
			continue
		}
		hot = append(hot, HotKey{
			Structure: name.Structure, Name: cut(name.Name, maxLoggedName), Namespace: name.namespace,
			CallsPerS: float64(c.count*hotSample) / seconds, ErrorPerS: float64(c.over*hotSample) / seconds,
			Share: float64(c.count) / float64(total),
		})
	}
	slices.SortFunc(hot, func(a, b HotKey) int {
		switch {
		case a.CallsPerS > b.CallsPerS:
			return -1
		case a.CallsPerS < b.CallsPerS:
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return hot[:min(len(hot), most)], seconds
}

// smallest is a heap of counters.
type smallest []*counter

func (h smallest) Len() int           { return len(h) }
func (h smallest) Less(i, j int) bool { return h[i].count < h[j].count }
func (h smallest) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *smallest) Push(x any) {
	c := x.(*counter)
	c.index = len(*h)
	*h = append(*h, c)
}

// Pop implements heap.Interface.
func (h *smallest) Pop() any {
	last := len(*h) - 1
	c := (*h)[last]
	*h = (*h)[:last]
	return c
}

func (h smallest) has(c *counter) bool { return c.index < len(h) && h[c.index] == c }
