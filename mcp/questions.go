package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// questions are the requests that a pipe's client was sent and has not answered. The zero value has none. How many there can be is
// asking's business.
type questions struct {
	mu      sync.Mutex
	last    int64 // the id of the last one
	waiting map[int64]chan response
}

// response is what a request is answered with.
type response struct {
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

// given reports whether there is a response in a message.
func (r response) given() bool { return r.Result != nil || r.Error != nil }

// add is a question's id, and where its answer comes.
func (q *questions) add() (id int64, answer <-chan response) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting == nil {
		q.waiting = map[int64]chan response{}
	}
	q.last++
	c := make(chan response, 1)
	q.waiting[q.last] = c
	return q.last, c
}

// drop forgets a question.
func (q *questions) drop(id int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.waiting, id)
}

// answer hands a response to whoever waits for it. One that nobody waits for is dropped: it came too late, or answers nothing.
func (q *questions) answer(id any, r response) {
	n, ok := id.(float64)
	if !ok {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if c := q.waiting[int64(n)]; c != nil && float64(int64(n)) == n {
		delete(q.waiting, int64(n))
		c <- r
	}
}

// RequestElicitation implements server.SessionWithElicitation. A client that is not waited for any more is told so.
func (p *pipe) RequestElicitation(ctx context.Context, r mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	id, answer := p.asked.add()
	defer p.asked.drop(id)
	p.send(mcp.JSONRPCRequest{
		JSONRPC: mcp.JSONRPC_VERSION, ID: mcp.NewRequestId(id),
		Request: mcp.Request{Method: string(mcp.MethodElicitationCreate)}, Params: r.Params,
	})
	select {
	case a := <-answer:
		if a.Error != nil {
			return nil, fmt.Errorf("the client cannot ask: %s", clip(string(a.Error), maxSeenBytes))
		}
		var result mcp.ElicitationResult
		if json.Unmarshal(a.Result, &result.ElicitationResponse) != nil {
			return &mcp.ElicitationResult{}, nil // it is an answer, and not yes
		}
		return &result, nil
	case <-ctx.Done():
		p.send(unwanted(id, context.Cause(ctx)))
		return nil, context.Cause(ctx)
	}
}

// posed is the question that was asked over the stream of a POST, if one was: mcp-go makes its id and tells nobody.
type posed struct {
	mu sync.Mutex
	id json.RawMessage // nil before there is a question
}

type posedKey struct{}

// withPosed has the question be known that is asked while a POST is answered over out.
func withPosed(ctx context.Context, out *stream) context.Context {
	return context.WithValue(ctx, posedKey{}, out)
}

// notePosed looks at a message that is about to leave over the stream of the context's POST: it may be the question.
func notePosed(ctx context.Context, message json.RawMessage) {
	out, _ := ctx.Value(posedKey{}).(*stream)
	if out == nil || !bytes.Contains(message, []byte(mcp.MethodElicitationCreate)) {
		return
	}
	var question struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
	}
	if json.Unmarshal(message, &question) == nil && question.Method == string(mcp.MethodElicitationCreate) {
		out.posed.mu.Lock()
		defer out.posed.mu.Unlock()
		out.posed.id = question.ID
	}
}

// withdraw tells the client of a POST that the answer to its question is not wanted any more. It is not kept for clients that resume the
// stream: they find the call's answer behind the question. Pipes tell theirs by themselves.
func withdraw(ctx context.Context, why error) {
	out, _ := ctx.Value(posedKey{}).(*stream)
	if out == nil {
		return
	}
	p := &out.posed
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.id == nil {
		return
	}
	if text, err := encode(unwanted(p.id, why)); err == nil {
		_, _ = fmt.Fprintf(out, "event: message\ndata: %s\n\n", text) // a client that is gone needs not know
		out.Flush()
	}
}

// unwanted is the notification that a question is withdrawn.
func unwanted(id any, why error) map[string]any {
	return map[string]any{
		"jsonrpc": mcp.JSONRPC_VERSION, "method": mcp.MethodNotificationCancelled,
		"params": map[string]any{"requestId": id, "reason": why.Error()},
	}
}

// GetClientInfo implements server.SessionWithClientInfo. Nobody asks: who the client is, the pipe knows by itself.
func (p *pipe) GetClientInfo() mcp.Implementation { return mcp.Implementation{} }

// SetClientInfo implements server.SessionWithClientInfo.
func (p *pipe) SetClientInfo(mcp.Implementation) {}

// GetClientCapabilities implements server.SessionWithClientInfo.
func (p *pipe) GetClientCapabilities() mcp.ClientCapabilities {
	if c := p.capabilities.Load(); c != nil {
		return *c
	}
	return mcp.ClientCapabilities{}
}

// SetClientCapabilities implements server.SessionWithClientInfo.
func (p *pipe) SetClientCapabilities(c mcp.ClientCapabilities) { p.capabilities.Store(&c) }

var (
	_ server.SessionWithElicitation = (*pipe)(nil)
	_ server.SessionWithClientInfo  = (*pipe)(nil)
)
