package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// maxBodyBytes is the longest message; a longer one is answered with 413.
const maxBodyBytes = 4 << 20

// maxReadyBytes is how much is made ready for a body before any of it has come.
const maxReadyBytes = 64 << 10

// Handler serves MCP's StreamableHTTP, for revisions with sessions (up to 2025-11-25) and without (from 2026-07-28)
// alike. It is to be mounted at /mcp behind a front that checks Host and Origin and has put the caller's identity
// into the request's context; without one the answer is 401. ?profile= chooses the tools.
func (s *Server) Handler() http.Handler { return s.counted(s.serveHTTP) }

// newWeb is mcp-go's transport as it has to be set up to be safe.
func (s *Server) newWeb() *server.StreamableHTTPServer {
	return server.NewStreamableHTTPServer(s.library,
		server.WithSessionIdManagerResolver(s.sessions),
		server.WithEventStore(s.events),
		server.WithStreamableHTTPLogger(slogTo(s.log)),
		// The front has the list of allowed hosts; the library knows loopback names only.
		server.WithDisableLocalhostProtection(true),
	)
}

// refusal is an error of the transport, before there is a call.
type refusal struct {
	status  int
	message string
}

// counted counts requests in while serve answers them, refuses them when the door is closing, and survives a panic.
func (s *Server) counted(serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.recovered(w)
		leave, err := s.enter()
		if err != nil {
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		defer leave()
		serve(w, r)
	})
}

func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	in, no := s.admit(w, r)
	if no != nil {
		refuse(w, no.status, no.message)
		return
	}
	defer in.done()
	if s.serveQuickly(w, in) || s.takesBack(w, in) {
		return
	}
	ctx, cancel := context.WithCancel(in.ctx)
	defer cancel()
	defer context.AfterFunc(s.all, cancel)()
	out := newStream(w)
	defer out.close()
	r = r.WithContext(withPosed(ctx, out))
	r.Body = &bodyRead{*bytes.NewReader(in.body)}
	if r.Method == http.MethodGet {
		seen, stop := s.withUpdates(out, r)
		defer stop()
		r = seen
	}
	s.web.ServeHTTP(out, r)
}

// bodyRead is a body that has come already.
type bodyRead struct{ bytes.Reader }

// Close implements io.Closer.
func (*bodyRead) Close() error { return nil }

// serveQuickly answers a quickCall, and reports whether it was one.
func (s *Server) serveQuickly(w http.ResponseWriter, in *admitted) bool {
	if in.Method != http.MethodPost {
		return false
	}
	c, ok := s.quick(in.body)
	if !ok || !quickHTTP(in.Header, &c) {
		return false
	}
	c.web = true
	session := ""
	if !c.modern() {
		session = in.Header.Get(server.HeaderKeySessionID)
	}
	ctx, end := s.waiting.begin(in.ctx, session, &c)
	defer end()
	answer := s.answerQuickly(ctx, &c)
	w.Header()["Content-Type"] = jsonType
	_, _ = w.Write(answer) //nolint:gosec // it is JSON; a client that went away needs no answer
	return true
}

// takesBack ends the call that a session's message takes back, if it does, and leaves the rest to mcp-go. Of messages without a session it
// reports true: there a client closes the connection, and mcp-go would end whoever's request has that id.
func (s *Server) takesBack(w http.ResponseWriter, in *admitted) (answered bool) {
	if in.Method != http.MethodPost || !mayCancel(in.body) {
		return false
	}
	modern := mcp.IsModernProtocol(in.Header.Get(mcp.HeaderProtocolVersion))
	session := in.Header.Get(server.HeaderKeySessionID)
	if modern {
		session = ""
	}
	if !s.waiting.cancel(session, in.body) || !modern {
		return false
	}
	w.WriteHeader(http.StatusAccepted)
	return true
}

var jsonType = []string{"application/json"}

// admitted is a request that passed the checks before the protocol.
type admitted struct {
	*http.Request
	ctx  context.Context // with its profile and caller
	body []byte
	done func() // to be called when it was served
}

// admit makes the checks that come before the protocol, and reads the body.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) (in *admitted, no *refusal) {
	id := auth.FromContext(r.Context())
	if id == nil {
		w.Header().Set("WWW-Authenticate", `Bearer realm="synap"`)
		return nil, &refusal{http.StatusUnauthorized, "who is calling is not known: send a credential"}
	}
	var query url.Values
	if r.URL.RawQuery != "" {
		query = r.URL.Query()
	}
	p, err := s.catalog.profileFor(id, query.Get("profile"))
	if err != nil {
		return nil, &refusal{statusOf(err), err.Error()}
	}
	var body []byte
	switch r.Method {
	case http.MethodGet, http.MethodDelete:
	case http.MethodPost:
		if body, no = readBody(w, r); no != nil {
			return nil, no
		}
	default:
		w.Header().Set("Allow", "GET, POST, DELETE")
		return nil, &refusal{http.StatusMethodNotAllowed, r.Method + " is not a method of this endpoint"}
	}
	ctx, done, no := s.admitSession(r, body, id)
	if no != nil {
		return nil, no
	}
	session := r.Header.Get(server.HeaderKeySessionID)
	client := clientIn(body)
	if client == "" {
		client = s.sessions.client(session)
	}
	if id, err = asAgent(id, r, query, client); err != nil {
		done()
		return nil, &refusal{http.StatusBadRequest, err.Error()}
	}
	if aboutSubscriptions(body) {
		if answer := s.subscribe(id, session, body); answer != nil {
			done()
			return nil, &refusal{http.StatusOK, string(answer)}
		}
	}
	return &admitted{r, auth.NewContext(withProfile(ctx, p), id), body, done}, nil
}

// statusOf is the status of a request that names a profile or an agent which it cannot have.
func statusOf(err error) int {
	if fault.CodeOf(err) == fault.Denied {
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

// admitSession finds the session that the request belongs to. Requests of revisions without sessions have none, and
// neither has the one that opens it, which has a place for it.
func (s *Server) admitSession(r *http.Request, body []byte, id *auth.Identity) (with context.Context, done func(), no *refusal) {
	session := r.Header.Get(server.HeaderKeySessionID)
	switch {
	case mcp.IsModernProtocol(r.Header.Get(mcp.HeaderProtocolVersion)):
		return r.Context(), func() {}, nil
	case session == "" && r.Method == http.MethodPost && mayOpen(body):
		return s.reserve(r.Context(), id)
	case session == "":
		return nil, nil, &refusal{http.StatusBadRequest, "the " + server.HeaderKeySessionID + " header is missing: send initialize first"}
	}
	done, ok := s.sessions.use(session, id.Name)
	if !ok {
		return nil, nil, &refusal{http.StatusNotFound, errNoSession.Error() + ": send initialize to open one"}
	}
	return r.Context(), done, nil
}

// mayOpen reports whether a message may do without a session: it opens one, or says in itself of which revision it is. What is no JSON has
// an answer of its own.
func mayOpen(body []byte) bool {
	for _, word := range []string{"initialize", "_meta", "server/discover"} {
		if bytes.Contains(body, []byte(word)) {
			return true
		}
	}
	return !json.Valid(body)
}

// aboutSubscriptions reports whether a message may begin or end one.
func aboutSubscriptions(body []byte) bool {
	return bytes.Contains(body, []byte("subscri"))
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	body := bytes.NewBuffer(make([]byte, 0, roomFor(r.ContentLength))) // it doubles as it grows; io.ReadAll takes five times the message
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return nil, &refusal{http.StatusRequestEntityTooLarge, "the message is longer than 4 MiB"}
	case err != nil:
		return nil, &refusal{http.StatusBadRequest, "the message ends in the middle"}
	}
	if err := command.CheckJSON(body.Bytes()); err != nil { // before anything recurses into it, or quotes it
		return nil, &refusal{http.StatusBadRequest, fault.From(err).Message}
	}
	return body.Bytes(), nil
}

// roomFor is how much is made ready for a body that is said to have so many bytes: all of a small one, and room to find that it has ended.
func roomFor(length int64) int64 { return min(max(length, 0), maxReadyBytes) + bytes.MinRead }

// refuse answers with a JSON-RPC error that belongs to no request.
func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if status == http.StatusOK { // it is a whole answer
		_, _ = io.WriteString(w, message) //nolint:gosec // it is JSON
		return
	}
	_, _ = w.Write(rpcError(nil, mcp.INVALID_REQUEST, message)) //nolint:gosec // it is JSON; a client that went away needs no answer
}

// rpcError is a JSON-RPC error; id is nil when the request's is not known.
func rpcError(id any, code int, message string) []byte {
	text, err := encode(mcp.NewJSONRPCError(mcp.NewRequestId(id), code, message, nil))
	if err != nil {
		return nil // numbers and strings always encode
	}
	return append(text, '\n')
}

// recovered turns a panic, which is a bug, into a 500: one request fails and the server stays up.
func (s *Server) recovered(w http.ResponseWriter) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so as well
		panic(p)
	}
	s.log.WithField("panic", p).WithField("stack", string(debug.Stack())).Error("a request panicked")
	refuse(w, http.StatusInternalServerError, fault.New(fault.Internal, "internal error").Message)
}

// forget drops what the library keeps of a session that has ended: it does so for a DELETE, and in no other way.
func (s *Server) forget(id string) {
	s.web.Handle(nowhere{}, &server.HTTPRequest{
		Method: http.MethodDelete, Header: http.Header{server.HeaderKeySessionID: {id}}, Context: context.Background(),
	})
}

// nowhere is the response to a request that nobody sent.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) WriteHeader(int)             {}
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Flush()                      {}
func (nowhere) CanStream() bool             { return false }
