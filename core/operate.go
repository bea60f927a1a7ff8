package core

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// Operating says what the engine does for those who operate it. The zero Operating does nothing.
type Operating struct {
	SlowAfter time.Duration     // calls that take so long are kept for server.slowlog; 0 keeps none
	HotKeys   bool              // find the names that are called most
	Clients   *clients.Registry // the connections, for server.clients; nil when nobody counts them
	// Audit hears of every call; see command.Observer. Nil hears nothing.
	Audit func(ctx context.Context, r *command.Request, err error)
	// Failed hears of Internal errors instead of Report, with the call's context.
	Failed func(ctx context.Context, command string, err error)
}

// operator is what the engine knows for those who operate it.
type operator struct {
	slow slowlog
	hot  *hotkeys
}

// Operate has the engine do as o says from now on.
func (e *Engine) Operate(o Operating) {
	e.operating.Store(&o)
	if o.SlowAfter == 0 && !o.HotKeys && o.Audit == nil && o.Failed == nil {
		e.dispatcher.Observe(nil)
		return
	}
	observer := &command.Observer{SlowAfter: o.SlowAfter, Slow: e.operator.slow.add, Audit: o.Audit, Failed: o.Failed}
	if o.HotKeys {
		observer.Sample = e.operator.hot.sample
	}
	e.dispatcher.Observe(observer)
}

// operations are the commands of those who operate the server.
func operations() []*command.Command {
	return []*command.Command{
		command.Read(command.Info{
			Name: "server.info", Op: 0x0010, Open: true,
			Summary: "Report on the process: version, memory, collector, connections and calls.",
			Doc:     "The same and more is at /metrics, for Prometheus.",
		}, (*server).info),
		command.Read(command.Info{
			Name: "server.slowlog", Op: 0x0011, Open: true,
			Summary: "List the latest calls that took long, newest first.",
			Doc: "The latest 256 are kept, with names and never with values: of the namespaces that you may use, with the names that you may " +
				"read. From which time on a call is slow is the setting slowlog.threshold. Commands that wait, such as queue.receive, are " +
				"never slow.",
		}, (*server).slowlog),
		command.Read(command.Info{
			Name: "server.hotkeys", Op: 0x0012, Open: true,
			Summary: "List the names that are called most, hottest first.",
			Doc: "It is an estimate over the last one to two minutes, from one call in 64: a name that has more than 1 in 512 of the calls is " +
				"in it. Calls that name several things, or a pattern, are not counted. It lists what you may read.",
		}, (*server).hotkeys),
		command.Act(command.Info{
			Name: "server.clients", Op: 0x0013, Open: true, Access: auth.Admin, Hints: command.Idempotent,
			Summary: "List the open connections.",
		}, (*server).clients),
		command.Act(command.Info{
			Name: "server.disconnect", Op: 0x0014, Open: true, Access: auth.Admin, Hints: command.Destructive, Args: "id",
			Summary: "Break off connections: one by its number, or all of a caller or an address.",
			Doc:     "Requests on them are cancelled and their callers may connect again; to keep somebody out, revoke the key.",
		}, (*server).disconnect),
	}
}

// InfoRequest asks for nothing in particular.
type InfoRequest struct{}

// InfoResponse is how the process fares.
type InfoResponse struct {
	Version     string         `json:"version" jsonschema:"the program's version"`
	Go          string         `json:"go" jsonschema:"what it was built with"`
	Platform    string         `json:"platform" jsonschema:"operating system and processor"`
	Started     time.Time      `json:"started_at"`
	UptimeS     int64          `json:"uptime_s"`
	CPUs        int            `json:"cpus" jsonschema:"how many processors it uses at most"`
	Goroutines  int            `json:"goroutines"`
	Memory      MemoryInfo     `json:"memory"`
	Calls       uint64         `json:"calls" jsonschema:"commands run since the start, failed ones included"`
	Failed      uint64         `json:"failed" jsonschema:"of those, how many failed"`
	Namespaces  int            `json:"namespaces"`
	Connections int            `json:"connections" jsonschema:"open now"`
	Refused     uint64         `json:"refused" jsonschema:"connections for which there was no room, since the start"`
	Doors       map[string]int `json:"doors" jsonschema:"open connections by the door that they came through"`
}

// MemoryInfo is what the process takes and its collector does.
type MemoryInfo struct {
	HeapBytes    uint64  `json:"heap_bytes" jsonschema:"in use"`
	SystemBytes  uint64  `json:"system_bytes" jsonschema:"had from the system"`
	LimitBytes   int64   `json:"limit_bytes,omitempty" jsonschema:"the limit that the collector keeps to, if there is one"`
	Collections  uint32  `json:"collections" jsonschema:"since the start"`
	PauseSeconds float64 `json:"pause_seconds" jsonschema:"how long they stopped the program, in all"`
}

func (s *server) info(context.Context, *InfoRequest) (InfoResponse, error) {
	e := s.engine
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	resp := InfoResponse{
		Version: e.version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Started: e.started, UptimeS: int64(time.Since(e.started).Seconds()),
		CPUs: runtime.GOMAXPROCS(0), Goroutines: runtime.NumGoroutine(), Namespaces: len(e.Namespaces()), Doors: map[string]int{},
		Memory: MemoryInfo{
			HeapBytes: mem.HeapInuse, SystemBytes: mem.Sys, Collections: mem.NumGC, PauseSeconds: time.Duration(mem.PauseTotalNs).Seconds(), //nolint:gosec // centuries fit
		},
	}
	const unlimited = 1 << 62
	if limit := debug.SetMemoryLimit(-1); limit < unlimited {
		resp.Memory.LimitBytes = limit
	}
	for _, c := range e.table.Commands() {
		for code := range fault.NumCodes {
			n := c.Stats().Calls(code)
			resp.Calls += n
			if code != 0 {
				resp.Failed += n
			}
		}
	}
	if registry := e.operating.Load().Clients; registry != nil {
		counts := registry.Counts()
		resp.Connections, resp.Refused, resp.Doors = counts.Open, counts.Refused, counts.ByDoor
	}
	return resp, nil
}

// SlowlogRequest asks for the latest calls that took long.
type SlowlogRequest struct {
	Limit int `json:"limit,omitempty" min:"1" max:"256" default:"32" jsonschema:"how many calls at most"`
}

// SlowlogResponse is the latest calls that took long.
type SlowlogResponse struct {
	ThresholdMS float64    `json:"threshold_ms" jsonschema:"from how many milliseconds on a call is kept; 0 means that none is"`
	Total       uint64     `json:"total" jsonschema:"how many calls were kept since the start, in all namespaces"`
	Calls       []SlowCall `json:"calls"`
}

func (s *server) slowlog(ctx context.Context, r *SlowlogRequest) (resp SlowlogResponse, err error) {
	resp.ThresholdMS = float64(s.engine.operating.Load().SlowAfter.Microseconds()) / 1000
	resp.Calls, resp.Total = s.engine.operator.slow.list(command.CallOf(ctx).Caller, r.Limit)
	return resp, nil
}

// HotkeysRequest asks for the names that are called most.
type HotkeysRequest struct {
	Limit int `json:"limit,omitempty" min:"1" max:"512" default:"20" jsonschema:"how many names at most"`
}

// HotkeysResponse is the names that are called most.
type HotkeysResponse struct {
	Looking bool     `json:"looking" jsonschema:"false when this server does not look for hot names: the setting hotkeys is off"`
	Seconds float64  `json:"seconds" jsonschema:"over how long they were counted"`
	Keys    []HotKey `json:"keys"`
}

func (s *server) hotkeys(ctx context.Context, r *HotkeysRequest) (resp HotkeysResponse, err error) {
	resp.Looking = s.engine.operating.Load().HotKeys
	resp.Keys, resp.Seconds = s.engine.operator.hot.list(command.CallOf(ctx).Caller, r.Limit, time.Now())
	return resp, nil
}

// ClientsRequest asks for a page of connections.
type ClientsRequest struct {
	Limit int    `json:"limit,omitempty" min:"1" max:"1000" default:"100" jsonschema:"how many connections a page has at most"`
	After uint64 `json:"after,omitempty" jsonschema:"next of the page before"`
}

// ClientsResponse is a page of connections, by number.
type ClientsResponse struct {
	Total   int            `json:"total" jsonschema:"how many connections are open"`
	Clients []clients.Info `json:"clients"`
	Next    uint64         `json:"next,omitempty" jsonschema:"pass it as after for the next page; absent on the last one"`
}

func (s *server) clients(_ context.Context, r *ClientsRequest) (ClientsResponse, error) {
	resp := ClientsResponse{Clients: []clients.Info{}}
	registry := s.engine.operating.Load().Clients
	if registry == nil {
		return resp, nil
	}
	resp.Total = registry.Counts().Open
	resp.Clients = registry.List(r.After, r.Limit+1)
	if len(resp.Clients) > r.Limit {
		resp.Clients = resp.Clients[:r.Limit]
		resp.Next = resp.Clients[r.Limit-1].ID
	}
	return resp, nil
}

// DisconnectRequest says whose connections to break off.
type DisconnectRequest struct {
	ID      uint64 `json:"id,omitempty" jsonschema:"the connection of this number"`
	Caller  string `json:"caller,omitempty" max:"256" jsonschema:"all connections on which this caller called last"`
	Address string `json:"address,omitempty" max:"64" jsonschema:"all connections from this address, with a port or without"`
}

// Validate wants one of them.
func (r *DisconnectRequest) Validate() error {
	given := 0
	for _, is := range []bool{r.ID != 0, r.Caller != "", r.Address != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		return fault.New(fault.Invalid, "one of id, caller and address says which connections are meant")
	}
	return nil
}

// DisconnectResponse is how many connections were broken off.
type DisconnectResponse struct {
	Disconnected int `json:"disconnected"`
}

func (s *server) disconnect(_ context.Context, r *DisconnectRequest) (resp DisconnectResponse, err error) {
	registry := s.engine.operating.Load().Clients
	if registry == nil {
		registry = clients.New(clients.Limits{}) // nobody counts connections: there are none to break off
	}
	if r.ID != 0 {
		c := registry.Find(r.ID)
		if c == nil {
			return resp, fault.New(fault.NotFound, "there is no connection %d", r.ID)
		}
		c.End()
		return DisconnectResponse{1}, nil
	}
	resp.Disconnected = registry.End(func(i clients.Info) bool {
		return (r.Caller != "" && i.Caller == r.Caller) || (r.Address != "" && i.From(r.Address))
	})
	return resp, nil
}
