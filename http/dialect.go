package http

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/coder/websocket"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/http/dialect"
)

// spoken returns the envelope of a body that is in the dialect of the first Synap's SDKs: it has no type, and always an id; other fields are not
// looked at. Somebody else who forgot the type gives no id, mostly, and is told.
func spoken(c *codec, body []byte) (*dialect.Envelope, bool) {
	var e struct {
		dialect.Envelope
		Type     string          `json:"type"`
		Commands json.RawMessage `json:"commands"`
	}
	if c != jsonCodec || json.Unmarshal(body, &e) != nil {
		return nil, false
	}
	return &e.Envelope, e.Type == "" && e.Command != "" && e.RequestID != "" && e.Commands == nil
}

// serveDialect answers an envelope in that dialect: always with 200, and in JSON.
func (d *Door) serveDialect(x *exchange, e *dialect.Envelope) error {
	s, err := d.session(&x.peer)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, jsonCodec, d.dialect.Answer(x.r.Context(), s, e))
}

// session is a peer that speaks the dialect.
type session struct {
	door      *Door
	peer      *peer
	namespace string
}

func (d *Door) session(p *peer) (*session, error) {
	namespace, err := p.caller.Select(p.namespace)
	if err != nil {
		return nil, err
	}
	return &session{d, p, namespace}, nil
}

// Namespace implements dialect.Session.
func (s *session) Namespace() string { return s.namespace }

// request makes a native call of what was asked in the dialect.
func (s *session) request(name string, request any) (*command.Request, error) {
	c, err := s.door.o.Executor.Table().Find(name)
	if err != nil {
		return nil, err
	}
	payload, err := appendJSON(nil, request)
	if err != nil {
		return nil, err
	}
	r := s.peer.request(c)
	r.Payload = decodeJSON(payload)
	if c.Kind != command.KindWrite { // the key is for the write that a request amounts to, and not for what is asked on the way there
		r.IdempotencyKey = ""
	}
	return r, nil
}

// Call implements dialect.Session.
func (s *session) Call(ctx context.Context, name string, request, response any) error {
	r, err := s.request(name, request)
	if err != nil {
		return err
	}
	answer, err := s.door.run(ctx, r)
	if err != nil || response == nil {
		return err
	}
	text, err := appendJSON(nil, answer)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, response)
}

// Follow implements dialect.Follower.
func (s *session) Follow(ctx context.Context, name string, request any, ready func() error, each func(json.RawMessage) error) error {
	r, err := s.request(name, request)
	if err != nil {
		return err
	}
	ctx, done := s.door.untilStop(ctx)
	defer done()
	t := &retelling{ready: ready, each: each}
	if err := s.door.o.Executor.Watch(ctx, r, t); t.err == nil {
		return s.door.ended(err)
	}
	return t.err
}

// retelling is the Sink of a watch that is told in the dialect.
type retelling struct {
	ready   func() error
	each    func(json.RawMessage) error
	started bool
	err     error // of theirs, which ended it
}

func (t *retelling) start() error {
	if !t.started {
		t.started = true
		t.err = t.ready()
	}
	return t.err
}

// Event implements command.Sink.
func (t *retelling) Event(_ journal.Position, event any) error {
	if err := t.start(); err != nil {
		return err
	}
	text, err := appendJSON(nil, event)
	if err != nil {
		return err
	}
	t.err = t.each(text)
	return t.err
}

// Flush implements command.Sink.
func (t *retelling) Flush(journal.Position) error { return t.start() }

// The WebSockets of the dialect.
const (
	routeTopicFeed = "/pubsub/ws"
	routeKeyFeed   = "/kv/ws"
	routeRoomFeed  = "/stream/:room/ws/:subscriber"
	routeQueueFeed = "/queue/:queue/ws/:consumer"
)

func (d *Door) routeFeeds() {
	for route, open := range map[string]func(s *session, query url.Values, params []string) (*dialect.Feed, error){
		routeTopicFeed: func(s *session, query url.Values, _ []string) (*dialect.Feed, error) {
			return d.dialect.Topics(s, query.Get("topics"))
		},
		routeKeyFeed: func(s *session, query url.Values, _ []string) (*dialect.Feed, error) {
			return d.dialect.Keys(s, query.Get("keys"))
		},
		routeRoomFeed: func(s *session, query url.Values, params []string) (*dialect.Feed, error) {
			text := query.Get("from_offset")
			from, err := strconv.ParseUint(text, 10, 63)
			if err != nil && text != "" {
				return nil, fault.New(fault.Invalid, "from_offset is no offset: %q", clip(text))
			}
			return d.dialect.Room(s, params[0], params[1], from), nil
		},
		routeQueueFeed: func(s *session, _ url.Values, params []string) (*dialect.Feed, error) {
			return d.dialect.Queue(s, params[0], params[1]), nil
		},
	} {
		d.engine.GET(route, d.handle(func(x *exchange) error { return d.serveFeed(x, route, open) }))
	}
}

// serveFeed serves one of those WebSockets.
func (d *Door) serveFeed(x *exchange, route string, open func(*session, url.Values, []string) (*dialect.Feed, error)) error {
	params := make([]string, len(x.params))
	for i, p := range x.params {
		var err error
		if params[i], err = url.PathUnescape(p.Value); err != nil {
			return fault.Wrap(fault.Invalid, err, "%s: %s", p.Key, err)
		}
	}
	p := x.peer // the exchange is used again
	caller, err := d.session(&p)
	if err != nil {
		return err
	}
	feed, err := open(caller, x.r.URL.Query(), params)
	if err != nil {
		return err
	}
	s, leave, err := d.accept(x, route)
	if s == nil {
		return err
	}
	s.reads = func() error { return s.hear(feed) }
	ctx, err := s.begin(route)
	if err != nil { // the door stops
		go s.serve(leave)
		return nil
	}
	go func() {
		defer s.running.Done()
		ctx, done := d.untilStop(ctx)
		defer done()
		feed.Run(ctx, func(frame any) error { return s.send(jsonCodec, frame) })
		if ctx.Err() == nil {
			go s.goodbye()
		}
	}()
	go s.serve(leave)
	return nil
}

// goodbye closes the connection when there is nothing more to tell.
func (s *socket) goodbye() {
	defer time.AfterFunc(closeWithin, func() { _ = s.conn.CloseNow() }).Stop()
	_ = s.conn.Close(websocket.StatusNormalClosure, "") // no matter how it ends, it ends
}

// hear takes what the caller of a feed says, one message after the other.
func (s *socket) hear(feed *dialect.Feed) error {
	for {
		kind, message, err := s.conn.Read(s.ctx)
		if err != nil {
			return err
		}
		if kind == websocket.MessageText {
			feed.Hear(s.ctx, message)
		}
	}
}
