package mcp

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
)

// anyPage is the address under which mcp-go knows all pages, and addressArgument where a request to read one has its own.
const (
	anyPage         = "synap://"
	addressArgument = "synap/uri"
)

// addPages hands the pages to mcp-go. Which of them a client sees is decided when it asks, and what is at an address is found by s.pages
// alone: mcp-go would try one template after the other, and find no page of a queue whose name has a colon in it.
func (s *Server) addPages(library *server.MCPServer, hooks *server.Hooks) {
	read := func(ctx context.Context, r mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
		uri, _ := r.Params.Arguments[addressArgument].(string)
		return s.read(ctx, uri, modern(ctx))
	}
	hooks.AddBeforeReadResource(func(_ context.Context, _ any, r *mcp.ReadResourceRequest) {
		if !foreign(r.Params.URI) {
			r.Params.Arguments = map[string]any{addressArgument: r.Params.URI}
			r.Params.URI = anyPage
		}
	})
	library.AddResource(mcp.NewResource(anyPage, "page"), read)
	for _, p := range s.pages.all {
		if p.fixed() {
			library.AddResource(mcp.NewResource(p.uri, p.name, mcp.WithResourceDescription(p.description),
				mcp.WithResourceTitle(p.title), mcp.WithMIMEType("application/json")), read)
			continue
		}
		library.AddResourceTemplate(mcp.NewResourceTemplate(p.uri, p.name, mcp.WithTemplateDescription(p.description),
			mcp.WithTemplateTitle(p.title)), server.ResourceTemplateHandlerFunc(read))
	}
	hooks.AddAfterListResources(func(ctx context.Context, _ any, _ *mcp.ListResourcesRequest, result *mcp.ListResourcesResult) {
		result.Resources = slices.DeleteFunc(result.Resources, func(r mcp.Resource) bool { return s.hides(ctx, r.URI) })
	})
	hooks.AddAfterListResourceTemplates(func(ctx context.Context, _ any, _ *mcp.ListResourceTemplatesRequest, result *mcp.ListResourceTemplatesResult) {
		result.ResourceTemplates = slices.DeleteFunc(result.ResourceTemplates, func(t mcp.ResourceTemplate) bool {
			return s.hides(ctx, t.URITemplate.Raw())
		})
	})
	hooks.AddBeforeSubscriptionsListen(s.listen)
	hooks.AddOnUnregisterSession(func(_ context.Context, session server.ClientSession) { s.follows.end(session.SessionID()) })
}

// hides reports whether a page is not for the caller.
func (s *Server) hides(ctx context.Context, uri string) bool {
	if uri == anyPage {
		return true
	}
	for _, p := range s.pages.all {
		if p.uri == uri {
			return !p.visible(auth.FromContext(ctx))
		}
	}
	return false
}

// read is a page as mcp-go wants it.
func (s *Server) read(ctx context.Context, uri string, modern bool) ([]mcp.ResourceContents, error) {
	c, err := s.readPage(ctx, uri)
	if err != nil {
		if f := fault.From(err); f.Code == fault.Internal {
			s.log.WithError(cause(f)).WithField("uri", clip(uri, 200)).Error("a resource cannot be read")
		}
		return nil, rpcOf(modern, uri, err)
	}
	if c.blob != "" {
		return []mcp.ResourceContents{mcp.BlobResourceContents{URI: uri, MIMEType: c.mime, Blob: c.blob}}, nil
	}
	return []mcp.ResourceContents{mcp.TextResourceContents{URI: uri, MIMEType: c.mime, Text: c.text}}, nil
}

func modern(ctx context.Context) bool {
	return mcp.IsModernProtocol(server.RequestProtocolVersion(ctx))
}

// follows are the updates of clients with sessions, by session.
type follows struct {
	mu     sync.Mutex
	all    map[string]*updates
	closed bool
}

func newFollows() *follows { return &follows{all: map[string]*updates{}} }

// of returns the session's updates, which it makes if there are none; nil when all is over.
func (f *follows) of(session string, fresh func() *updates) *updates {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	u := f.all[session]
	if u == nil {
		u = fresh()
		f.all[session] = u
	}
	return u
}

// find returns the session's updates, or nil.
func (f *follows) find(session string) *updates {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all[session]
}

// end forgets a session that has ended.
func (f *follows) end(session string) {
	f.mu.Lock()
	u := f.all[session]
	delete(f.all, session)
	f.mu.Unlock()
	if u != nil {
		u.close()
	}
}

// close ends all.
func (f *follows) close() {
	f.mu.Lock()
	f.closed = true
	all := f.all
	f.all = map[string]*updates{}
	f.mu.Unlock()
	for _, u := range all {
		u.close()
	}
}

// count is how many addresses are followed in all.
func (f *follows) count() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range f.all {
		n += u.count()
	}
	return n
}

// subscription is what is read of a message that begins or ends one.
type subscription struct {
	Method mcp.MCPMethod `json:"method"`
	ID     any           `json:"id"`
	Params struct {
		URI           string `json:"uri"`
		Notifications struct {
			Resources []string `json:"resourceSubscriptions"`
		} `json:"notifications"`
		Meta struct {
			Version string `json:"io.modelcontextprotocol/protocolVersion"`
		} `json:"_meta"`
	} `json:"params"`
}

// subscribe does what a message asks for that begins or ends a subscription, before mcp-go acknowledges it, and returns the
// error to answer instead. Other messages it leaves alone.
func (s *Server) subscribe(id *auth.Identity, session string, message json.RawMessage) (answer []byte) {
	var m subscription
	if json.Unmarshal(message, &m) != nil || m.ID == nil {
		return nil
	}
	var err error
	uri, newer := m.Params.URI, false
	if foreign(uri) || (m.Method != mcp.MethodSubscriptionsListen && mcp.IsModernProtocol(m.Params.Meta.Version)) {
		return nil // the extension's, or a method that this revision does not have
	}
	switch m.Method {
	case mcp.MethodResourcesSubscribe:
		u := s.follows.of(session, func() *updates { return s.newUpdates(func(uri string) bool { return s.updated(session, uri) }) })
		if u == nil {
			err = fault.New(fault.Unavailable, "the server is stopping")
		} else {
			err = u.start(id, uri)
		}
	case mcp.MethodResourcesUnsubscribe:
		if u := s.follows.find(session); u != nil {
			u.stop(uri)
		}
		if box, _ := s.sessions.outbox(session); box != nil {
			box.forget(uri)
		}
	case mcp.MethodSubscriptionsListen:
		newer = true
		for _, uri = range m.Params.Notifications.Resources {
			if err = s.followable(id, uri); err != nil && !foreign(uri) {
				break
			}
			err = nil
		}
	}
	if err == nil {
		return nil
	}
	text, _ := restore(rpcError(m.ID, mcp.INTERNAL_ERROR, rpcOf(newer, uri, err).Error())) //nolint:errcheck // the status is always OK
	return text
}

// followable reports why the address cannot be followed; nil when it can, if the caller may.
func (s *Server) followable(id *auth.Identity, uri string) error {
	v, err := s.pages.find(uri)
	if err == nil {
		_, err = v.following(id)
	}
	return err
}

// ackTime is how long a client that listens is told nothing, so that the acknowledgement comes first.
const ackTime = 20 * time.Millisecond

// listen follows what a client of the revisions without sessions listens to, until its request ends. Its acknowledgement,
// which mcp-go sends when this returns, comes first.
func (s *Server) listen(ctx context.Context, id any, r *mcp.SubscriptionsListenRequest) {
	session := server.ClientSessionFromContext(ctx)
	wanted := r.Params.Notifications.ResourceSubscriptions
	if session == nil || len(wanted) == 0 {
		return
	}
	channel := session.NotificationChannel()
	_, overPipe := session.(*pipe)
	u := s.newUpdates(func(uri string) bool {
		n := mcp.JSONRPCNotification{JSONRPC: mcp.JSONRPC_VERSION}
		n.Method = mcp.MethodNotificationResourceUpdated
		n.Params.AdditionalFields = map[string]any{"uri": uri}
		if overPipe { // over HTTP mcp-go tags what it sends
			n.Params.Meta = map[string]any{mcp.MetaKeySubscriptionID: id}
		}
		select {
		case channel <- n:
			return true
		default:
			return false
		}
	})
	u.hold()
	for _, uri := range slices.Compact(slices.Sorted(slices.Values(wanted))) {
		if err := u.start(auth.FromContext(ctx), uri); err != nil {
			s.log.WithError(err).WithField("uri", clip(uri, 200)).Debug("a resource cannot be followed")
		}
	}
	release := time.AfterFunc(ackTime, u.release)
	context.AfterFunc(ctx, func() {
		release.Stop()
		u.close()
	})
}

// drainTime bounds how long the answer of a tool waits for what the tool has notified.
const drainTime = time.Second

// drained has the answer of a tool that sent notifications wait until they are on their way: mcp-go may lose the last one
// otherwise.
func drained(next server.ToolHandlerFunc) server.ToolHandlerFunc {
	return func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		result, err := next(ctx, r)
		session := server.ClientSessionFromContext(ctx)
		if session == nil {
			return result, err
		}
		channel := session.NotificationChannel()
		if len(channel) == 0 {
			return result, err
		}
		for until := time.Now().Add(drainTime); len(channel) > 0 && time.Now().Before(until) && ctx.Err() == nil; {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Millisecond)
		return result, err
	}
}
