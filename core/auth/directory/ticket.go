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
)

// tickets are the tickets that were given out and not used yet.
type tickets struct {
	mu     sync.Mutex
	byHash map[[sha256.Size]byte]ticket
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
	if len(d.tickets.byHash) >= maxTickets {
		d.tickets.sweep(now)
	}
	if len(d.tickets.byHash) >= maxTickets {
		return TicketResponse{}, fault.New(fault.Exhausted, "%d tickets have been given out and not used, and no more are allowed", maxTickets).
			With("limit", maxTickets)
	}
	text := "tk_" + rand.Text() // 130 bits
	d.tickets.byHash[sha256.Sum256([]byte(text))] = ticket{caller, now + ticketLife}
	d.env.Wake(now + ticketLife)
	return TicketResponse{Ticket: text, ExpiresAt: now + ticketLife}, nil
}

// byTicket takes a ticket back: it is good once.
func (d *Directory) byTicket(c *auth.Credential) (*auth.Identity, error) {
	hash := sha256.Sum256([]byte(c.Ticket))
	d.tickets.mu.Lock()
	t, ok := d.tickets.byHash[hash]
	delete(d.tickets.byHash, hash)
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
			delete(t.byHash, hash)
		case next == 0 || one.expires < next:
			next = one.expires
		}
	}
	return next
}
