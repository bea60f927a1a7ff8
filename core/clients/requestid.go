package clients

import (
	"context"
	"crypto/rand"
	"strconv"
)

// A request to which its caller gave no id has one of the server's making, for answers and logs: the run of the server, the
// number of the connection, and the number of the request on it,
//
//	q7kx2mzp-42-7
//
// so that nothing has to be drawn, kept or put into a context for it: it can be made again from what is known of the connection.

// runLetters tell one run of a server from another in request ids.
const runLetters = 8

func newRun() string { return rand.Text()[:runLetters] }

// NextRequest is the id of the request that begins on the connection, over which one comes at a time.
func (c *Client) NextRequest() string { return c.requestID(c.requests.Add(1)) }

func (c *Client) requestID(number uint64) string {
	b := make([]byte, 0, 64)
	b = append(b, c.registry.run...)
	b = append(b, '-')
	b = strconv.AppendUint(b, c.id, 10)
	b = append(b, '-')
	return string(strconv.AppendUint(b, number, 10))
}

// NewRequestID is an id for a request that came over no connection of ours, or over one beside others.
func NewRequestID() string { return rand.Text() }

// TraceFor is TraceOf for what is logged: without an id of the caller's it has the one that was made. number is the request's
// on its connection, where the caller counts them; 0 is the one that came last.
func TraceFor(ctx context.Context, number uint64) Trace {
	t := TraceOf(ctx)
	if t.RequestID != "" {
		return t
	}
	if c := FromContext(ctx); c != nil {
		if number == 0 {
			number = c.requests.Load()
		}
		t.RequestID = c.requestID(number)
	}
	return t
}
