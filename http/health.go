package http

import (
	"net/http"

	"github.com/hivellm/synap-go/core/fault"
)

// state answers probes.
type state struct {
	Status string `json:"status"`
}

// index is what is served where. It tells nothing that the documentation does not.
type index struct {
	Server   string   `json:"server"`
	Key      string   `json:"key"`     // how to say who calls
	OpenAPI  string   `json:"openapi"` // every route of every command
	Commands string   `json:"commands"`
	Socket   string   `json:"websocket"`
	Health   string   `json:"health"`
	Ready    string   `json:"ready"`
	Metrics  string   `json:"metrics"`
	Doors    []string `json:"doors"` // that share the port
}

// serveIndex serves GET /, for whoever opens the address in a browser to see whether it works.
func (d *Door) serveIndex(x *exchange) error {
	i := index{
		Server: "synap", Key: "Authorization: Bearer sk_…", OpenAPI: routeOpenAPI, Commands: routeCommand, Socket: routeSocket, Health: routeHealth,
		Ready: routeReady, Metrics: routeMetrics, Doors: []string{},
	}
	for _, m := range d.o.Mounts {
		i.Doors = append(i.Doors, m.Pattern)
	}
	return x.answer(http.StatusOK, answerCodec(x.r), i)
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
