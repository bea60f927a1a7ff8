package umicp

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/quota"
	"github.com/hivellm/synap-go/umicp/umx"
)

// The paths that a Server answers.
const (
	Path         = "/umicp"
	DiscoverPath = "/umicp/discover"
)

// DefaultMaxBytes bounds a request's body where Options do not; a longer one is refused with TooLarge.
const DefaultMaxBytes = 16 << 20

// DefaultPeerID is the name that the server goes by among peers.
const DefaultPeerID = "synap-server"

// Options say what a Server is made of. Only Executor is needed.
type Options struct {
	Executor command.Executor
	Version  string // of the program, for discovery
	PeerID   string // "" is DefaultPeerID
	MaxBytes int64  // of a request's body over HTTP, and of a JSON envelope; 0 is DefaultMaxBytes
	Log      logrus.FieldLogger

	// Authenticator says who begins a session, by what its HELLO showed. Nil takes everybody for auth.Local. Over HTTP
	// and WebSocket the front has said who calls; a HELLO may say otherwise.
	Authenticator auth.Authenticator
	// CertificateName says by which name whoever begins a session on a TLS connection of Serve's listeners is known that shows a
	// verified certificate; "" is by none. Nil is by the subject's common name.
	CertificateName func(*x509.Certificate) string
	// Clients is where connections of Serve's listeners are booked, which bounds them; nil books none.
	Clients *clients.Registry
	// Addresses hold every address to a rate on Serve's listeners, by reading no faster; nil is no rate. HTTP's front has its own.
	Addresses    *quota.Buckets
	Limits       umx.Limits    // proposed to peers; zero fields are the defaults of package umx
	MaxSessions  int           // at once; the next one is sent away; 0 is DefaultMaxSessions
	WriteTimeout time.Duration // how long a peer may take nothing before it is dropped; 0 is DefaultWriteTimeout
}

// What Options' zero fields mean.
const (
	DefaultMaxSessions  = 100_000
	DefaultWriteTimeout = 10 * time.Second
)

// Server answers envelopes and frames. It is an http.Handler for Path and DiscoverPath and expects the caller's identity
// in the request's context; Serve is for connections of its own. It keeps nothing when a session has ended.
type Server struct {
	executor command.Executor
	version  string
	peer     string
	maxBytes atomic.Int64
	limits   umx.Limits
	log      logrus.FieldLogger

	authenticator auth.Authenticator
	certificate   func(*x509.Certificate) string
	clients       *clients.Registry
	addresses     *quota.Buckets // nil is no rate
	maxSessions   int
	maxPosted     int
	writeTimeout  time.Duration

	operations map[string]*command.Command // by every spelling
	rows       map[*command.Command]*row
	byOp       [256][]*row // by the two bytes of a command's number
	discovery  discovery

	sessions sessions
	loops    loops
	traffic  traffic
}

// New returns a server of the executor's table.
func New(o Options) *Server {
	if o.PeerID == "" {
		o.PeerID = DefaultPeerID
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Log == nil {
		silent := logrus.New()
		silent.SetOutput(io.Discard)
		o.Log = silent
	}
	if o.Authenticator == nil {
		o.Authenticator = auth.Everybody
	}
	if o.CertificateName == nil {
		o.CertificateName = func(cert *x509.Certificate) string { return cert.Subject.CommonName }
	}
	if o.MaxSessions <= 0 {
		o.MaxSessions = DefaultMaxSessions
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = DefaultWriteTimeout
	}
	s := &Server{
		executor: o.Executor, version: o.Version, peer: o.PeerID, limits: o.Limits.OrDefault(), log: o.Log,
		authenticator: o.Authenticator, certificate: o.CertificateName, clients: o.Clients, addresses: o.Addresses,
		maxSessions: o.MaxSessions, maxPosted: maxPosted, writeTimeout: o.WriteTimeout,
		rows: map[*command.Command]*row{},
	}
	s.SetMaxBytes(o.MaxBytes)
	s.sessions.init()
	s.operations = spellings(o.Executor.Table())
	for _, c := range o.Executor.Table().Commands() {
		r := newRow(c)
		r.place = len(s.rows)
		s.rows[c] = r
		of, at := &s.byOp[c.Op>>8], int(c.Op&0xff)
		for len(*of) <= at {
			*of = append(*of, nil)
		}
		(*of)[at] = r
	}
	s.discovery = s.describe(o.Executor.Table())
	return s
}

// SetMaxBytes changes how long a request's body over HTTP may be, from the next one on; what is not positive is DefaultMaxBytes.
func (s *Server) SetMaxBytes(n int64) {
	if n <= 0 {
		n = DefaultMaxBytes
	}
	s.maxBytes.Store(n)
}

// spellings maps every way to name an operation to its command. Where the name of one command's tool is the
// flat spelling of another command's name, the command wins: peers in the field mean that one.
func spellings(table *command.Table) map[string]*command.Command {
	all := map[string]*command.Command{}
	for _, c := range table.Commands() {
		if c.Tool != nil {
			all[c.Tool.Name] = c
		}
	}
	for _, c := range table.Commands() {
		all[c.Name] = c
		all["synap_"+strings.ReplaceAll(c.Name, ".", "_")] = c
	}
	return all
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	discover := strings.TrimSuffix(r.URL.Path, "/") == DiscoverPath
	switch {
	case discover && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		s.discover(w, r)
	case discover:
		s.wrongMethod(w, "GET, HEAD")
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		s.status(w, r)
	case r.Method == http.MethodPost:
		s.post(w, r)
	default:
		s.wrongMethod(w, "GET, HEAD, POST")
	}
}

func (s *Server) wrongMethod(w http.ResponseWriter, allowed string) {
	w.Header().Set("Allow", allowed)
	s.write(w, http.StatusMethodNotAllowed, refusal{fault.New(fault.Unsupported, "the methods here are %s", allowed)})
}

// status answers GET /umicp, by which a peer sees that somebody is there, or becomes a session.
func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "" {
		s.upgrade(w, r)
		return
	}
	s.write(w, http.StatusOK, struct {
		Status   string `json:"status"`
		Protocol string `json:"protocol"`
		Version  string `json:"version"`
	}{"ok", "UMICP", Version})
}

// post answers POST /umicp: a JSON envelope, frames of UMX1, or a legacy frame.
func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	caller := auth.FromContext(r.Context())
	if caller == nil {
		s.refuse(w, fault.New(fault.Unauthenticated, "who is calling is not known"))
		return
	}
	binary, err := speaks(r.Header.Get("Content-Type"))
	if err != nil {
		s.write(w, http.StatusUnsupportedMediaType, refusal{err})
		return
	}
	body, failed := io.ReadAll(http.MaxBytesReader(w, r.Body, s.maxBytes.Load()))
	if failed != nil {
		s.refuse(w, unread(r.Context(), failed))
		return
	}
	switch kind := umx.Sniff(body); {
	case kind == 'X':
		s.postFrames(w, r, caller, body)
	case kind == 'L':
		s.postLegacy(w, r, caller, body)
	case binary && kind != '{':
		s.write(w, http.StatusUnsupportedMediaType, refusal{fault.New(fault.Unsupported, "the body is neither a frame of UMX1 nor a JSON envelope")})
	default:
		e, err := Decode(body)
		if err != nil {
			s.refuse(w, err)
			return
		}
		s.write(w, http.StatusOK, s.answer(r.Context(), caller, e))
	}
}

// binaryType is the content type of frames.
const binaryType = "application/umicp+binary"

// speaks reports whether a content type is that of frames, or what is wrong with it. None at all is taken for JSON, as
// older peers send none; what the body really is, its first bytes say.
func speaks(contentType string) (binary bool, wrong *fault.Error) {
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case contentType == "", media == "application/json", media == "application/umicp+json":
		return false, nil
	case media == binaryType, media == "application/octet-stream":
		return true, nil
	case err != nil:
		return false, fault.New(fault.Unsupported, "content type %q cannot be read", clip(contentType))
	}
	return false, fault.New(fault.Unsupported, "content type %q is not understood; send a JSON envelope as application/json or frames as %s",
		clip(media), binaryType)
}

func unread(ctx context.Context, err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return fault.New(fault.TooLarge, "the body is larger than %d bytes", tooLarge.Limit).With("limit", tooLarge.Limit)
	case ctx.Err() != nil:
		return fault.From(ctx.Err())
	}
	return fault.Wrap(fault.Invalid, err, "the body ends before it should")
}

// answer runs the operation that an envelope asks for.
func (s *Server) answer(ctx context.Context, caller *auth.Identity, e *Envelope) *Envelope {
	result, err := s.run(ctx, caller, e)
	if err != nil {
		known := fault.From(err)
		failed := e.reply("err-", opControl, s.peer)
		failed.set("status", "error")
		failed.set("error", known.Message)
		failed.set("code", known.Code)
		return failed
	}
	done := e.reply("resp-", opData, s.peer)
	done.set("status", "success")
	done.set("reply_to", e.ID)
	if e.wantsJSON() {
		done.Capabilities["result"] = result
	} else {
		done.set("result", []content{{"text", string(result)}})
	}
	return done
}

// content is a block of a result, as MCP has it.
type content struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// wantsJSON reports whether the result is to be plain JSON rather than JSON in a block of text.
func (e *Envelope) wantsJSON() bool {
	format, _ := e.text("result_format")
	return format == "json" || slices.Contains(e.Accept, "application/json")
}

// run executes the operation and returns its response as JSON.
func (s *Server) run(ctx context.Context, caller *auth.Identity, e *Envelope) (json.RawMessage, error) {
	r, err := s.request(e)
	if err != nil {
		return nil, err
	}
	r.Caller = caller
	var resp any
	if r.Command.Kind == command.KindWatch {
		resp, err = command.Collect(ctx, s.executor, r)
	} else {
		resp, err = s.executor.Do(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	return encode(resp)
}

// request makes a call of an envelope's capabilities.
func (s *Server) request(e *Envelope) (*command.Request, error) {
	name, ok := e.text("operation")
	if !ok || name == "" {
		return nil, fault.New(fault.Invalid, `"capabilities" has no "operation": the name of a command, such as %s`,
			s.discovery.Operations[0].Name)
	}
	c := s.operations[name]
	if c == nil {
		_, err := s.executor.Table().Find(strings.ReplaceAll(strings.TrimPrefix(name, "synap_"), "_", "."))
		return nil, err
	}
	r := &command.Request{Command: c}
	args := maps.Clone(e.Capabilities)
	delete(args, "operation")
	if err := takeOptions(r, args); err != nil {
		return nil, err
	}
	raw, err := encode(args)
	r.Payload = command.JSON(raw)
	return r, err
}

// takeOptions moves what is about the call, not about the command, out of the arguments. A field of the
// command's own request with such a name is meant instead.
func takeOptions(r *command.Request, args map[string]json.RawMessage) error {
	options := []struct {
		name string
		into any
	}{
		{"durability", &r.Durability}, {"idempotency_key", &r.IdempotencyKey}, {"namespace", &r.Namespace}, {"result_format", new(string)},
	}
	for _, o := range options {
		raw, given := args[o.name]
		if _, own := r.Command.RequestSchema().Properties[o.name]; own || !given {
			continue
		}
		delete(args, o.name)
		if err := json.Unmarshal(raw, o.into); err != nil {
			if _, level := o.into.(*journal.Durability); level {
				return invalid(o.name, "%q is one of memory, buffered, fsynced, replicated", o.name)
			}
			return invalid(o.name, "%q is a string", o.name)
		}
	}
	return nil
}
