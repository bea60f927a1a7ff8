// Package clients knows every open connection of every door: how many there may be, whose they are, and how to end one.
//
// A door opens a Client for each connection that it accepts, says who is calling once it knows, and closes it with the
// connection. The registry counts; it reads and writes no connection, starts no goroutine and decides nothing but whether
// there is room for one more. Its lock is held for a few map operations, and never while a connection is ended.
package clients

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hivellm/synap-go/core/fault"
)

// Limits bound how many connections there are at once. 0 is no limit.
type Limits struct {
	Connections int // in all
	PerAddress  int // from one address; of IPv6, from one /64
	PerKey      int // of one principal
}

// Registry is all open connections.
type Registry struct {
	mu        sync.Mutex
	limits    Limits
	next      uint64
	open      map[uint64]*Client
	byAddress map[netip.Addr]int // only counts above 0
	byKey     map[string]int     // only counts above 0
	byDoor    map[string]int     // by door, or kind of stream; a door stays once it was seen
	refused   uint64             // connections for which there was no room
	run       string             // what request ids begin with; never changed
}

// New returns a registry without connections.
func New(l Limits) *Registry {
	return &Registry{
		limits: l, open: map[uint64]*Client{}, byAddress: map[netip.Addr]int{}, byKey: map[string]int{}, byDoor: map[string]int{}, run: newRun(),
	}
}

// Limit sets other limits. Connections over them stay open; new ones are refused.
func (r *Registry) Limit(l Limits) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.limits = l
}

// Client is one open connection.
type Client struct {
	registry *Registry
	id       uint64
	door     string
	address  netip.AddrPort
	opened   time.Time
	end      func() // breaks the connection off

	requests atomic.Uint64 // that were given an id

	calls atomic.Uint64
	user  atomic.Pointer[string] // who called last; nil before anybody did. Changed under registry.mu
	kind  atomic.Pointer[string] // what the connection has become; nil as long as it is what the door made it

	closed bool // guarded by registry.mu
}

// Open books a connection that a door has accepted. end breaks it off; it may be called at any time and from any
// goroutine. Without room for it the error is Exhausted, and the door closes the connection.
func (r *Registry) Open(door string, address netip.AddrPort, end func()) (*Client, error) {
	from := site(address)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.limits.Connections > 0 && len(r.open) >= r.limits.Connections:
		r.refused++
		return nil, full("there are %d connections, and no more are allowed", "connections", r.limits.Connections)
	case r.limits.PerAddress > 0 && r.byAddress[from] >= r.limits.PerAddress:
		r.refused++
		return nil, full("there are %d connections from this address, and no more are allowed", "connections_per_address", r.limits.PerAddress)
	}
	r.next++
	c := &Client{registry: r, id: r.next, door: door, address: address, opened: time.Now(), end: end}
	r.open[c.id] = c
	r.byAddress[from]++
	r.byDoor[door]++
	return c, nil
}

// site is what counts as one address: of version 6 the /64 that it is in, all of which one subscriber has.
func site(address netip.AddrPort) netip.Addr {
	addr := address.Addr().Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return addr
}

func full(format, quota string, limit int) error {
	return fault.New(fault.Exhausted, format, limit).With("quota", quota).With("limit", limit)
}

// Close gives the connection's place back. It may be called more than once.
func (c *Client) Close() {
	r := c.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	delete(r.open, c.id)
	less(r.byAddress, site(c.address))
	r.byDoor[c.door]--
	if name := c.user.Load(); name != nil {
		less(r.byKey, *name)
	}
}

func less[K comparable](counts map[K]int, key K) {
	if counts[key]--; counts[key] <= 0 {
		delete(counts, key)
	}
}

// Call books a call of the named principal. A connection counts for whoever called last. When that one has no room for
// another connection the error is Exhausted, and the door refuses the call and closes the connection.
func (c *Client) Call(name string) error {
	c.calls.Add(1)
	if known := c.user.Load(); known != nil && *known == name {
		return nil
	}
	r := c.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.closed {
		return nil
	}
	if r.limits.PerKey > 0 && r.byKey[name] >= r.limits.PerKey {
		r.refused++
		return full("there are %d connections of this caller, and no more are allowed", "connections_per_key", r.limits.PerKey)
	}
	if known := c.user.Load(); known != nil {
		less(r.byKey, *known)
	}
	r.byKey[name]++
	c.user.Store(&name)
	return nil
}

// Become says what the connection is used for from now on, such as a WebSocket.
func (c *Client) Become(kind string) { c.kind.Store(&kind) }

// Info is what is known of a connection.
type Info struct {
	ID      uint64    `json:"id" jsonschema:"its number, by which server.disconnect ends it"`
	Door    string    `json:"door" jsonschema:"the door that it came through"`
	Kind    string    `json:"kind,omitempty" jsonschema:"what it has become, such as websocket"`
	Address string    `json:"address,omitempty" jsonschema:"where it comes from"`
	Caller  string    `json:"caller,omitempty" jsonschema:"who called last; absent before anybody did"`
	Calls   uint64    `json:"calls" jsonschema:"requests on it so far"`
	Opened  time.Time `json:"opened_at"`
}

// From reports whether the connection comes from the address, which may have a port.
func (i Info) From(address string) bool {
	mine, err := netip.ParseAddrPort(i.Address)
	if err != nil {
		return false
	}
	if with, err := netip.ParseAddrPort(address); err == nil {
		return with.Port() == mine.Port() && with.Addr().Unmap() == mine.Addr().Unmap()
	}
	without, err := netip.ParseAddr(address)
	return err == nil && without.Unmap() == mine.Addr().Unmap()
}

// Info describes the connection.
func (c *Client) Info() Info {
	info := Info{ID: c.id, Door: c.door, Calls: c.calls.Load(), Opened: c.opened}
	if c.address.IsValid() {
		info.Address = c.address.String()
	}
	if name := c.user.Load(); name != nil {
		info.Caller = *name
	}
	if kind := c.kind.Load(); kind != nil {
		info.Kind = *kind
	}
	return info
}

// ID is the connection's number.
func (c *Client) ID() uint64 { return c.id }

// List returns at most so many connections with numbers above after, in their order.
func (r *Registry) List(after uint64, most int) []Info {
	r.mu.Lock()
	found := make([]*Client, 0, min(len(r.open), most))
	for id, c := range r.open {
		if id > after {
			found = append(found, c)
		}
	}
	r.mu.Unlock()
	slices.SortFunc(found, func(a, b *Client) int { return compare(a.id, b.id) })
	infos := make([]Info, 0, min(len(found), most))
	for _, c := range found[:min(len(found), most)] {
		infos = append(infos, c.Info())
	}
	return infos
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// End breaks off the connections that match says, and returns how many there were. Their doors notice and close them.
func (r *Registry) End(match func(Info) bool) int {
	r.mu.Lock()
	all := make([]*Client, 0, len(r.open))
	for _, c := range r.open {
		all = append(all, c)
	}
	r.mu.Unlock()
	n := 0
	for _, c := range all {
		if match(c.Info()) {
			n++
			c.end()
		}
	}
	return n
}

// Find returns the open connection of that number, or nil.
func (r *Registry) Find(id uint64) *Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[id]
}

// End breaks the connection off.
func (c *Client) End() { c.end() }

// Counts is how many connections there are.
type Counts struct {
	Open    int
	ByDoor  map[string]int // every door that was ever used
	Keys    int            // how many principals have connections
	Refused uint64         // connections for which there was no room, since the start
}

// Counts counts the connections.
func (r *Registry) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := Counts{Open: len(r.open), ByDoor: make(map[string]int, len(r.byDoor)), Keys: len(r.byKey), Refused: r.refused}
	for door, n := range r.byDoor {
		c.ByDoor[door] = n
	}
	return c
}

type contextKey struct{}

// NewContext returns a context that carries the connection that requests come over.
func NewContext(ctx context.Context, c *Client) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// FromContext returns the connection that the context carries, or nil.
func FromContext(ctx context.Context) *Client {
	c, _ := ctx.Value(contextKey{}).(*Client)
	return c
}
