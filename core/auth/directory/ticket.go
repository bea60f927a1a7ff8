package directory

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"sync"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// Tickets live in memory only.
const (
	ticketLife = 30_000 // milliseconds
	maxTickets = 10_000 // the next one is refused with Exhausted
	maxEach    = 1_000  // of one caller, so that nobody takes them all
)

// tickets are the tickets that were given out and not used yet.
type tickets struct {
	mu     sync.Mutex
	byHash map[[sha256.Size]byte]ticket
	held   map[string]int // how many each caller has, by name
}

type ticket struct {
	caller  *auth.Identity
	expires int64 // Unix milliseconds
}

// TicketRequest asks for nothing in particular.
type TicketRequest struct{}

// TicketResponse is a ticket.
type TicketResponse struct {
	Ticket    string `json:"ticket" jsonschema:"put it into the address of the WebSocket: /v1/ws?ticket=…"`
	ExpiresAt int64  `json:"expires_at" jsonschema:"until when it is good, in Unix milliseconds; and for one connection"`
}

func (d *Directory) ticket(ctx context.Context, _ *TicketRequest) (TicketResponse, error) {
	call := command.CallOf(ctx)
	caller, err := call.Caller.In(call.Namespace)
	if err != nil {
		return TicketResponse{}, err
	}
	now := d.env.Clock.Now()
	d.tickets.mu.Lock()
	defer d.tickets.mu.Unlock()
	if len(d.tickets.byHash) >= maxTickets || d.tickets.held[caller.Name] >= maxEach {
		d.tickets.sweep(now)
	}
	if d.tickets.held[caller.Name] >= maxEach {
		return TicketResponse{}, fault.New(fault.Exhausted, "%d tickets have been given to you and not used, and no more are allowed", maxEach).
			With("limit", maxEach)
	}
	if len(d.tickets.byHash) >= maxTickets {
		return TicketResponse{}, fault.New(fault.Exhausted, "%d tickets have been given out and not used, and no more are allowed", maxTickets).
			With("limit", maxTickets)
	}
	text := "tk_" + rand.Text() // 130 bits
	d.tickets.byHash[sha256.Sum256([]byte(text))] = ticket{caller, now + ticketLife}
	d.tickets.held[caller.Name]++
	d.env.Wake(now + ticketLife)
	return TicketResponse{Ticket: text, ExpiresAt: now + ticketLife}, nil
}

// byTicket takes a ticket back: it is good once.
func (d *Directory) byTicket(c *auth.Credential) (*auth.Identity, error) {
	hash := sha256.Sum256([]byte(c.Ticket))
	d.tickets.mu.Lock()
	t, ok := d.tickets.byHash[hash]
	if ok {
		d.tickets.drop(hash)
	}
	d.tickets.mu.Unlock()
	if !ok || t.expires <= d.env.Clock.Now() {
		return nil, d.refuse(c, "there is no such ticket: one is good for one connection within %d seconds; get another with auth.ticket", ticketLife/1000)
	}
	return t.caller.Now()
}

// sweep forgets what was not used in time and returns when the next one ends; 0 when there is none. t.mu is held.
func (t *tickets) sweep(now int64) (next int64) {
	for hash, one := range t.byHash {
		switch {
		case one.expires <= now:
			t.drop(hash)
		case next == 0 || one.expires < next:
			next = one.expires
		}
	}
	return next
}

// drop forgets a ticket that there is. t.mu is held.
func (t *tickets) drop(hash [sha256.Size]byte) {
	name := t.byHash[hash].caller.Name
	delete(t.byHash, hash)
	if t.held[name]--; t.held[name] == 0 {
		delete(t.held, name)
	}
}
