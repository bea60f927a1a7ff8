package umicp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
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
	MaxBytes int64  // of a request's body; 0 is DefaultMaxBytes
	Log      logrus.FieldLogger
}

// Server answers envelopes. It is an http.Handler for Path and DiscoverPath, expects the caller's identity in
// the request's context, and keeps nothing between requests.
type Server struct {
	executor command.Executor
	version  string
	peer     string
	maxBytes int64
	log      logrus.FieldLogger

	operations map[string]*command.Command // by every spelling
	discovery  discovery
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
	s := &Server{executor: o.Executor, version: o.Version, peer: o.PeerID, maxBytes: o.MaxBytes, log: o.Log}
	s.operations = spellings(o.Executor.Table())
	s.discovery = s.describe(o.Executor.Table())
	return s
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

// status answers GET /umicp, by which a peer sees that somebody is there.
func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "" {
		s.write(w, http.StatusNotImplemented, refusal{fault.New(fault.Unsupported,
			"UMICP over WebSocket comes with binary frames, which this version does not speak; POST a JSON envelope to %s", Path)})
		return
	}
	s.write(w, http.StatusOK, struct {
		Status   string `json:"status"`
		Protocol string `json:"protocol"`
		Version  string `json:"version"`
	}{"ok", "UMICP", Version})
}

// post answers POST /umicp.
func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	caller := auth.FromContext(r.Context())
	if caller == nil {
		s.refuse(w, fault.New(fault.Unauthenticated, "who is calling is not known"))
		return
	}
	if err := speaksJSON(r.Header.Get("Content-Type")); err != nil {
		s.write(w, http.StatusUnsupportedMediaType, refusal{err})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.maxBytes))
	if err != nil {
		s.refuse(w, unread(r.Context(), err))
		return
	}
	e, err := Decode(body)
	if err != nil {
		s.refuse(w, err)
		return
	}
	s.write(w, http.StatusOK, s.answer(r.Context(), caller, e))
}

// speaksJSON reports what is wrong with a content type. None at all is taken for JSON, as older peers send none.
func speaksJSON(contentType string) *fault.Error {
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case contentType == "", media == "application/json", media == "application/umicp+json":
		return nil
	case media == "application/umicp+binary":
		return fault.New(fault.Unsupported, "this version speaks no binary frames; send a JSON envelope as application/json")
	case err != nil:
		return fault.New(fault.Unsupported, "content type %q cannot be read", clip(contentType))
	}
	return fault.New(fault.Unsupported, "content type %q is not understood; send a JSON envelope as application/json", clip(media))
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
