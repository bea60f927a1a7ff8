package http

import (
	"net/http"

	"github.com/hivellm/synap-go/core/fault"
)

// state answers probes.
type state struct {
	Status string `json:"status"`
}

// serveHealth serves GET /health: the process is alive.
func serveHealth(x *exchange) error {
	return x.answer(http.StatusOK, answerCodec(x.r), state{"ok"})
}

// serveReady serves GET /ready: the server can serve, or why not.
func (d *Door) serveReady(x *exchange) error {
	if d.stopping.Err() != nil {
		return errStopping
	}
	if err := d.o.Ready(); err != nil {
		reason := fault.Wrap(fault.Unavailable, err, "%s", err)
		reason.Details = fault.From(err).Details
		return x.failAs(http.StatusServiceUnavailable, reason)
	}
	return x.answer(http.StatusOK, answerCodec(x.r), state{"ready"})
}

// serveOpenAPI serves GET /openapi.json.
func (d *Door) serveOpenAPI(x *exchange) error {
	document, err := d.openapi()
	if err != nil {
		return fault.From(err)
	}
	x.w.Header()["Content-Type"] = jsonCodec.contentType
	x.send(http.StatusOK, document)
	return nil
}
