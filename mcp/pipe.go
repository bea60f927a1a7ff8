package mcp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/clients"
)

const (
	maxPipeCalls         = 64  // requests of one pipe in progress; the next line waits until one is done
	maxPipeNotifications = 100 // notifications not yet written; further ones are dropped
)

// ServeStdio speaks MCP over a pair of pipes, one message a line, until in ends (nil), the context or the server does
// (nil), or out cannot be written (the error). A line that is no message is answered with an error, and the next one is
// read. Calls in progress at the end of in are given lingerTime to answer.
//
// mcp-go has a loop for this too; it drops calls that are waiting when in ends, reads lines of any length, and can run
// only once in a process.
func (s *Server) ServeStdio(ctx context.Context, in io.Reader, out io.Writer) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := context.WithCancelCause(auth.NewContext(withProfile(ctx, s.profile), s.identity))
	defer cancel(nil)
	defer context.AfterFunc(s.calls, func() { cancel(errStopping) })()
	p := s.newPipe(s.identity, out, func() { cancel(nil) })
	if err := s.library.RegisterSession(ctx, p); err != nil {
		return fmt.Errorf("a session for the pipe: %w", err)
	}
	defer s.library.UnregisterSession(context.WithoutCancel(ctx), p.id)
	defer s.follows.end(p.id)
	return p.serve(ctx, in)
}

// pipe is one client at the other end of two pipes. It is mcp-go's session for that client.
type pipe struct {
	server   *Server
	identity *auth.Identity // who is at the other end
	id       string
	cancel   func() // ends everything

	initialized   atomic.Bool
	agent         atomic.Pointer[auth.Identity] // who the client is, once it has said so
	notifications chan mcp.JSONRPCNotification  // what the server has to tell
	capabilities  atomic.Pointer[mcp.ClientCapabilities]
	asked         questions     // what the client was asked and has not answered
	slots         chan struct{} // one for each request in progress
	requests      sync.WaitGroup

	mu     sync.Mutex // held while a message is written
	out    io.Writer
	broken error // why out cannot be written
}

// newPipe is a client that reads what is written to out. cancel ends all that it began.
func (s *Server) newPipe(id *auth.Identity, out io.Writer, cancel func()) *pipe {
	return &pipe{
		server: s, identity: id, out: out, cancel: cancel, id: rand.Text(),
		slots: make(chan struct{}, maxPipeCalls), notifications: make(chan mcp.JSONRPCNotification, maxPipeNotifications),
	}
}

// finish gives the requests in progress a little time, then ends them and what tells the client of changes.
func (p *pipe) finish(notifier *sync.WaitGroup) {
	linger := time.AfterFunc(lingerTime, p.cancel)
	p.requests.Wait()
	linger.Stop()
	p.cancel()
	notifier.Wait()
}

// SessionID implements server.ClientSession.
func (p *pipe) SessionID() string { return p.id }

// Initialize implements server.ClientSession.
func (p *pipe) Initialize() { p.initialized.Store(true) }

// Initialized implements server.ClientSession.
func (p *pipe) Initialized() bool { return p.initialized.Load() }

// NotificationChannel implements server.ClientSession.
func (p *pipe) NotificationChannel() chan<- mcp.JSONRPCNotification { return p.notifications }

// serve reads until the end, then lets the requests in progress finish.
func (p *pipe) serve(ctx context.Context, in io.Reader) error {
	lines := make(chan line)
	go readLines(ctx, in, lines)
	var notifier sync.WaitGroup
	notifier.Go(func() { p.notify(ctx) })
	err := p.take(ctx, lines)
	interrupt(in)
	p.finish(&notifier)
	return errors.Join(err, p.broken)
}

// take handles lines until there are no more.
func (p *pipe) take(ctx context.Context, lines <-chan line) error {
	for {
		select {
		case l, more := <-lines:
			if !more {
				return nil
			}
			if l.err != nil {
				return fmt.Errorf("read a message: %w", l.err)
			}
			p.handle(ctx, l)
		case <-ctx.Done():
			return nil
		}
	}
}

// handle answers one line. Requests run side by side, except the first one, on which all others build.
func (p *pipe) handle(ctx context.Context, l line) {
	if l.tooLong {
		p.write(rpcError(nil, mcp.INVALID_REQUEST, "the message is longer than 4 MiB"))
		return
	}
	if len(bytes.TrimSpace(l.text)) == 0 {
		return
	}
	if c, ok := p.server.quick(l.text); ok {
		ctx, end := p.server.waiting.begin(ctx, p.id, &c) // here, so that the next line can take it back
		if !p.start(ctx, func() { defer end(); p.answerQuickly(ctx, &c, l.text) }) {
			end()
		}
		return
	}
	var message struct {
		ID     any           `json:"id"`
		Method mcp.MCPMethod `json:"method"`
		response
	}
	if err := json.Unmarshal(l.text, &message); err != nil {
		p.write(rpcError(nil, mcp.PARSE_ERROR, "the line is not a JSON-RPC message"))
		return
	}
	if message.ID != nil && message.Method == "" && message.given() {
		p.asked.answer(message.ID, message.response)
		return
	}
	if message.ID == nil && message.Method == mcp.MethodNotificationCancelled {
		p.server.waiting.cancel(p.id, l.text)
	}
	if message.ID == nil || message.Method == mcp.MethodInitialize {
		p.answer(ctx, message.ID, l.text)
		return
	}
	p.start(ctx, func() { p.answer(ctx, message.ID, l.text) })
}

// start answers a request beside others, when there is a slot for it. It reports false when there will be none, because all is over.
func (p *pipe) start(ctx context.Context, answer func()) bool {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	p.requests.Go(func() {
		defer func() { <-p.slots }()
		answer()
	})
	return true
}

// answerQuickly runs a call that does not need mcp-go, and writes its answer.
func (p *pipe) answerQuickly(ctx context.Context, c *quickCall, message json.RawMessage) {
	defer p.recovered(json.RawMessage(c.id))
	if c.modern() { // as mcp-go does
		p.SetClientCapabilities(*c.able)
		p.Initialize()
	}
	ctx = namedText(p.asClient(ctx, message), strings.Trim(string(c.id), `"`))
	p.write(p.server.answerQuickly(ctx, c))
}

// answer runs one message and writes what it is answered with, if anything.
func (p *pipe) answer(ctx context.Context, id any, message json.RawMessage) {
	defer p.recovered(id)
	ctx = named(p.asClient(ctx, message), id)
	if aboutSubscriptions(message) {
		if refused := p.server.subscribe(auth.FromContext(ctx), p.id, message); refused != nil {
			p.write(refused)
			return
		}
	}
	if response := p.server.handle(ctx, p, message); response != nil {
		p.send(response)
	}
}

// recovered turns a panic, which is a bug, into an error for the request, if it was one: the pipe stays open.
func (p *pipe) recovered(id any) {
	bug := recover()
	if bug == nil {
		return
	}
	p.server.log.WithField("panic", bug).WithField("stack", string(debug.Stack())).Error("a message panicked")
	if id != nil {
		p.write(rpcError(id, mcp.INTERNAL_ERROR, "internal error"))
	}
}

// named tells logs which of the client's requests a call belongs to: the one that it gave that id.
func named(ctx context.Context, id any) context.Context {
	text, ok := id.(string)
	if n, number := id.(float64); number {
		text, ok = strconv.FormatFloat(n, 'f', -1, 64), true
	}
	if !ok {
		return ctx
	}
	return namedText(ctx, text)
}

// namedText is named by an id that is written so.
func namedText(ctx context.Context, text string) context.Context {
	trace := clients.NewTrace(text, "")
	return clients.WithTrace(ctx, &trace)
}

// asClient has the message come from the agent that the client says it is.
func (p *pipe) asClient(ctx context.Context, message json.RawMessage) context.Context {
	if client := clientIn(message); client != "" {
		p.name(client)
	} else if !p.initialized.Load() && bytes.Contains(message, []byte(`"clientInfo"`)) {
		var hello struct {
			Params struct {
				ClientInfo struct {
					Name string `json:"name"`
				} `json:"clientInfo"`
			} `json:"params"`
		}
		if json.Unmarshal(message, &hello) == nil {
			p.name(hello.Params.ClientInfo.Name)
		}
	}
	if id := p.agent.Load(); id != nil {
		return auth.NewContext(ctx, id)
	}
	return ctx
}

// name makes the client an agent of its principal, unless it was started as one or is one already.
func (p *pipe) name(client string) {
	if p.identity.Agent != "" || p.agent.Load() != nil {
		return
	}
	if id, err := p.identity.As(agentOf(client)); err == nil {
		p.agent.Store(id)
	}
}

// notify writes what the server has to tell, until the context ends.
func (p *pipe) notify(ctx context.Context) {
	for {
		select {
		case n := <-p.notifications:
			p.send(n)
		case <-ctx.Done():
			return
		}
	}
}

func (p *pipe) send(message any) {
	text, err := encode(message)
	text, _ = restore(text)
	if err != nil {
		p.server.log.WithError(err).Error("a message cannot be written as JSON")
		return
	}
	p.write(append(text, '\n'))
}

// write writes one line. When that fails the client is gone, and so is the pipe.
func (p *pipe) write(text []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken != nil {
		return
	}
	if _, err := p.out.Write(text); err != nil {
		p.broken = fmt.Errorf("write a message: %w", err)
		p.cancel()
	}
}

// line is one line of input, or why there are no more.
type line struct {
	text    []byte
	tooLong bool // longer than maxBodyBytes: its text is gone
	err     error
}

// readLines sends every line of in, without its end, and closes lines. It ends when in does, and when nobody wants
// another line.
func readLines(ctx context.Context, in io.Reader, lines chan<- line) {
	defer close(lines)
	r := bufio.NewReaderSize(in, 64<<10)
	for {
		l, err := readLine(r)
		if err != nil && !errors.Is(err, io.EOF) {
			l.err = err
		}
		if len(l.text) > 0 || l.tooLong || l.err != nil {
			select {
			case lines <- l:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// readLine reads up to the next newline or the end; of a line that is too long only that.
func readLine(r *bufio.Reader) (l line, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if l.tooLong = l.tooLong || len(l.text)+len(part) > maxBodyBytes; l.tooLong {
			l.text = nil
		} else {
			l.text = append(l.text, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return l, err
		}
	}
}

// interrupt ends a read that is waiting, where in can do that: a pipe or a socket can, a terminal ends with the
// process.
func interrupt(in io.Reader) {
	if d, ok := in.(interface{ SetReadDeadline(t time.Time) error }); ok {
		_ = d.SetReadDeadline(time.Now()) // if it cannot, the read ends with in
	}
}
