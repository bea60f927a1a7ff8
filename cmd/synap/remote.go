package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// Limits of what a server may answer.
const (
	maxAnswerBytes = 1 << 30  // of one answer
	maxLineBytes   = 64 << 20 // of one event
)

// silence is how long a followed server may say nothing. It says that it is alive four times as often.
const silence = time.Minute

// remote is an executor that asks a server. Its answers are the server's, as JSON.
type remote struct {
	url    string // without a slash at the end
	key    string // to call with; "" is none
	table  *command.Table
	client *http.Client
	broken error // why no connection can be made at all
}

var _ command.Executor = (*remote)(nil)

// newRemote returns an executor that runs the table's commands at the server. Nothing is sent yet.
func newRemote(c *Config, table *command.Table) *remote {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute}
	s := &remote{url: c.Server, key: c.findKey(), table: table, client: &http.Client{Transport: transport}}
	transport.TLSClientConfig, s.broken = c.clientTLS()
	if !overHTTP(c.Server) {
		s.broken = fault.New(fault.Invalid, "this is done over HTTP: %q is not a URL like http://%s", c.Server, defaultAddress)
	}
	return s
}

// newRemoteAt is newRemote for the address in a lock file, which may be that of a socket in the file system.
func newRemoteAt(c *Config, address string, table *command.Table) *remote {
	escaped, socket := strings.CutPrefix(address, socketScheme)
	path, err := url.PathUnescape(escaped)
	if !socket || err != nil {
		at := *c
		at.Server = address
		return newRemote(&at, table)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}}
	return &remote{url: "http://localhost", table: table, client: &http.Client{Transport: transport}}
}

func (s *remote) close() { s.client.CloseIdleConnections() }

// Table implements command.Executor.
func (s *remote) Table() *command.Table { return s.table }

// answers tells whether a Synap answers at the address, within the context's time.
func (s *remote) answers(ctx context.Context) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/health", nil)
	if err != nil || s.broken != nil {
		return false
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 4096))
	return err == nil && resp.StatusCode == http.StatusOK
}

// call is the envelope of one request.
type call struct {
	Type           string             `json:"type"`
	Command        string             `json:"command"`
	Payload        json.RawMessage    `json:"payload,omitempty"`
	Namespace      string             `json:"namespace,omitempty"`
	Durability     journal.Durability `json:"durability,omitempty"`
	IdempotencyKey string             `json:"idempotency_key,omitempty"`
}

// reply is an envelope that comes back, or one line of a stream; an error may also come alone.
type reply struct {
	Type     string           `json:"type"`
	Payload  json.RawMessage  `json:"payload"`
	Position journal.Position `json:"position"`
	Error    *fault.Error     `json:"error"`
}

// Do implements command.Executor. The response is a json.RawMessage. Other than it has to, it takes a Watch
// too, which the server answers once.
func (s *remote) Do(ctx context.Context, r *command.Request) (any, error) {
	resp, err := s.post(ctx, r, "application/json")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := s.read(ctx, resp)
	if err != nil {
		return nil, err
	}
	return answer.Payload, nil
}

// post sends a request and returns the answer that has begun to come.
func (s *remote) post(ctx context.Context, r *command.Request, accept string) (*http.Response, error) {
	if err := r.Validate(); err != nil || s.broken != nil {
		return nil, errors.Join(err, s.broken)
	}
	payload, err := payloadOf(r)
	if err != nil {
		return nil, err
	}
	namespace := r.Namespace
	if namespace == "" && r.Caller.Namespace != core.DefaultNamespace {
		namespace = r.Caller.Namespace // otherwise it is for the server to say where its caller is at home
	}
	body, err := encodeJSON(call{"request", r.Command.Name, payload, namespace, r.Durability, r.IdempotencyKey})
	if err != nil {
		return nil, fault.From(err)
	}
	hr, err := s.envelope(ctx, body)
	if err != nil {
		return nil, err
	}
	hr.Header.Set("Accept", accept)
	if r.Caller.Agent != "" {
		hr.Header.Set("Synap-Agent", r.Caller.Agent)
	}
	resp, err := s.client.Do(hr)
	if err != nil {
		return nil, s.lost(ctx, fmt.Errorf("%w: %w", errNoServer, err))
	}
	return resp, nil
}

// envelope is the HTTP request that carries envelopes to the server. It says who calls.
func (s *remote) envelope(ctx context.Context, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/api/v1/command", bytes.NewReader(body))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%q is not the URL of a server", s.url)
	}
	r.Header.Set("Content-Type", "application/json")
	if s.key != "" {
		r.Header.Set("Authorization", "Bearer "+s.key)
	}
	return r, nil
}

// payloadOf returns the request's fields in JSON. What came as JSON goes on as it is: the server knows better
// than we do what it may hold.
func payloadOf(r *command.Request) (json.RawMessage, error) {
	if raw, ok := r.Payload.(command.JSON); ok && r.Args == nil {
		if len(raw) > 0 && !json.Valid(raw) {
			return nil, r.Payload.Decode(r.Command.NewRequest())
		}
		return json.RawMessage(raw), nil
	}
	args := r.Args
	if args == nil {
		args = r.Command.NewRequest()
		if r.Payload != nil {
			if err := r.Payload.Decode(args); err != nil {
				return nil, err
			}
		}
	}
	return encodeJSON(args)
}

// lost says why there is no answer.
func (s *remote) lost(ctx context.Context, err error) error {
	switch {
	case errors.Is(context.Cause(ctx), errSilence):
		return fault.Wrap(fault.Unavailable, errBroken, "the server at %s has said nothing for %v", s.url, silence)
	case ctx.Err() != nil:
		return fault.From(ctx.Err())
	case errors.Is(err, errNoServer):
		return unreached(s.url, err)
	}
	return fault.Wrap(fault.Unavailable, fmt.Errorf("%w: %w", errBroken, err), "the server at %s ended its answer in the middle", s.url)
}

// unreached says why there is no connection with a server, where that is known and something else helps than to start one.
func unreached(url string, err error) error {
	var untrusted *tls.CertificateVerificationError
	var alert *net.OpError
	var unknown *net.DNSError
	switch {
	case errors.As(err, &untrusted):
		return fault.Wrap(fault.Unavailable, untrusted, "the certificate of %s is not to be trusted: %v; if it is of an authority of your own, name that with --ca FILE", url, untrusted.Err)
	case errors.As(err, &alert) && alert.Op == "remote error":
		return fault.Wrap(fault.Unavailable, alert, "%s refuses the connection: %v; if it asks for a certificate of yours, show one with --cert FILE --cert-key FILE", url, alert.Err)
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fault.Wrap(fault.Unavailable, errBroken, "what answers at %s speaks no TLS: begin the address with http://", url)
	case errors.As(err, &unknown):
		return fault.Wrap(fault.Unavailable, unknown, "no server answers at %s: %v", url, unknown)
	}
	return fault.Wrap(fault.Unavailable, err, "no server answers at %s", url)
}

// read returns the one envelope of an answer, or the error in it.
func (s *remote) read(ctx context.Context, resp *http.Response) (*reply, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	switch {
	case err != nil:
		return nil, s.lost(ctx, err)
	case len(body) > maxAnswerBytes:
		return nil, fault.New(fault.TooLarge, "the answer is longer than %d bytes", maxAnswerBytes)
	}
	return s.decode(resp, body)
}

// decode reads an envelope. What is an error of the server's comes with its envelope, what is no envelope at all without.
func (s *remote) decode(resp *http.Response, body []byte) (*reply, error) {
	answer := new(reply)
	if err := json.Unmarshal(body, answer); err != nil || (answer.Error == nil && answer.Type == "") {
		if bytes.Contains(body, []byte("HTTP request to an HTTPS server")) {
			return nil, fault.New(fault.Unavailable, "what answers at %s speaks TLS: begin the address with https://", s.url)
		}
		return nil, fault.Wrap(fault.Unavailable, err, "what answers at %s is not Synap (HTTP status %d)", s.url, resp.StatusCode)
	}
	if answer.Error != nil {
		return answer, answer.Error
	}
	return answer, nil
}

// Why there is no answer.
var (
	errNoServer = errors.New("no server")
	errSilence  = errors.New("silence")
	errBroken   = errors.New("the connection broke")
)

// Watch implements command.Executor. Events are given to the sink as json.RawMessage.
func (s *remote) Watch(ctx context.Context, r *command.Request, sink command.Sink) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	resp, err := s.post(ctx, r, "application/x-ndjson")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		_, err := s.read(ctx, resp)
		return err
	}
	watchdog := time.AfterFunc(silence, func() { cancel(errSilence) })
	defer watchdog.Stop()
	lines := bufio.NewReaderSize(resp.Body, 64<<10)
	for {
		line, err := readLine(lines)
		switch {
		case fault.CodeOf(err) == fault.TooLarge:
			return err
		case err != nil:
			return s.lost(ctx, err)
		}
		watchdog.Reset(silence)
		part, err := s.decode(resp, line)
		if err != nil {
			return err
		}
		if part.Type == "end" {
			return nil
		}
		if err := pass(part, sink); err != nil {
			return err
		}
	}
}

// pass hands one line of a stream on: an event, or word that there is nothing more for now.
func pass(part *reply, sink command.Sink) error {
	switch part.Type {
	case "event":
		return sink.Event(part.Position, part.Payload)
	case "seen":
		return sink.Flush(part.Position)
	}
	return nil // the beginning, or a sign of life
}

// readLine returns the next line, of bounded length.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, io.ErrUnexpectedEOF
		case len(line) > maxLineBytes:
			return nil, fault.New(fault.TooLarge, "an event is longer than %d bytes", maxLineBytes)
		}
	}
}
