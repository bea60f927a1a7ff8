package core

import (
	"context"
	"runtime"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// serverID is the server structure's permanent number.
const serverID = 0

// server is the structure that speaks about all others: what there is, how it is used, how it fares.
func (e *Engine) server() *command.Structure {
	return &command.Structure{
		Name: "server", ID: serverID,
		Summary:  "The server itself: its state, its commands, and running any of them by name.",
		New:      func(env command.Env) command.State { return &server{engine: e, env: env} },
		DecodeOp: decodeOp,
		Commands: append([]*command.Command{
			command.Read(command.Info{
				Name: "server.status", Op: 0x0001, Open: true, Anyone: true,
				Summary: "Report who you are, what the server is and how much it holds.",
				Addresses: []*command.Address{{
					URI: "synap://status", Name: "status", Title: "Server status",
					Description: "Who you are to this server, what it is and how much it holds.",
					Follow:      &command.Watched{Command: "server.watch"},
				}},
				Tool: &command.Tool{
					Name: "synap_status", Title: "Server status", Profiles: []string{"kv", "memory", "messaging", "readonly"},
					Description: "Who you are here, what you may do, the server's version, and how much each structure holds.",
				},
			}, (*server).status),
			command.Read(command.Info{
				Name: "server.help", Op: 0x0002, Open: true, Anyone: true, Args: "name",
				Summary: "Explain a command, or list all commands.",
				Addresses: []*command.Address{{
					URI: "synap://help", Name: "help", Title: "All commands", Description: "Every command of the server in a line.",
				}, {
					URI: "synap://help/{command}", Name: "command", Title: "A command", Fields: map[string]string{"command": "name"},
					Description: "All about one command, with the schema of its request.",
				}},
				Tool: &command.Tool{
					Name: "synap_help", Title: "Command help", Profiles: []string{"full"},
					Description: "List every command in a line, or give name for one command's reference and request schema. Commands without a tool run through synap_query (reads) and synap_execute.",
					Docs:        map[string]string{"name": "A command, tool or structure."},
				},
			}, (*server).help),
			command.Watch(command.Info{
				Name: "server.watch", Op: 0x0007, Open: true,
				Summary: "Hear that something in the namespace changed, whatever it is.",
				Doc: "An event tells of all that changed since the one before, and comes once a second at most. With made it is only told that things " +
					"came to be, streams or collections, and at once; whoever hears it lists them.",
			}, (*server).watch),
			command.Act(command.Info{
				Name: "server.browse", Op: 0x0005, Open: true, Anyone: true, Access: auth.Read, Hints: command.Idempotent, Args: "kind",
				Summary: "List the queues, streams, topics, agents or other things that there are.",
				Tool: &command.Tool{
					Name: "synap_browse", Title: "Browse", Profiles: []string{"memory", "messaging", "readonly"},
					Description: "List what there is of a kind by name, with counts.",
					Docs:        map[string]string{"kind": "queues, streams, topics, keys, agents, memories, collections or namespaces.", "prefix": "-", "limit": "-", "cursor": "-"},
					Aliases:     map[string]string{"type": "kind", "what": "kind", "next_cursor": "cursor"},
				},
			}, (*server).browse),
			command.Act(command.Info{
				Name: "server.clear", Op: 0x0006, Open: true, Anyone: true, Access: auth.Write, Hints: command.Idempotent | command.Destructive,
				Args:    "target mode",
				Summary: "Empty or drop a queue, a stream or a topic, in two steps.",
				Doc: "The first call previews what is there and answers a code; the second one, with the code, does it. The code is good for " +
					"the same caller, target and mode, for two minutes.",
				Tool: &command.Tool{
					Name: "synap_clear", Title: "Empty or drop", Profiles: []string{"kv", "messaging"},
					Description: "Empty or drop a whole queue, stream, agent or collection of memories, empty the keys under a prefix, or send dead letters back to work. Without confirm the user is asked, or, where that cannot be, nothing changes: it returns counts and a code valid for 2 minutes. Ask the user before you pass it.",
					Docs:        map[string]string{"target": "e.g. synap://queue/jobs, synap://kv/project:alpha:", "mode": "-", "confirm": "-"},
					Aliases:     map[string]string{"uri": "target", "code": "confirm", "action": "mode"},
					Ask:         &command.Ask{Code: "confirm", Message: "An agent wants to clear {target} by {mode}. It holds {counts}. This cannot be undone."},
				},
			}, (*server).clear),
			command.Act(command.Info{
				Name: "server.query", Op: 0x0003, Open: true, Anyone: true, Access: auth.Read, Weight: -1, Hints: command.Idempotent, Args: "command payload",
				Summary: "Run any command that only reads, by name.",
				Doc:     "A watch answers once: with the events since from, waiting for the first one for wait_ms.",
				Tool: &command.Tool{
					Name: "synap_query", Title: "Run a reading command", Profiles: []string{"full"},
					Description: "Run any command that only reads, by name; synap_help tells its fields. Prefer a specific tool.",
					Docs:        map[string]string{"command": "e.g. kv.count", "payload": "Its request."},
					Aliases:     map[string]string{"name": "command", "arguments": "payload", "args": "payload"},
				},
			}, (*server).query),
			command.Act(command.Info{
				Name: "server.execute", Op: 0x0004, Open: true, Hints: command.Destructive, Args: "command payload",
				Summary: "Run any command, by name.",
				Doc:     "With dry_run the command is checked and not run: its name, its fields, and whether you may.",
				Tool: &command.Tool{
					Name: "synap_execute", Title: "Run any command", Profiles: []string{"full"},
					Description: "Run any command by name; it may change or delete data. synap_help tells its fields. Prefer a specific tool.",
					Docs:        map[string]string{"command": "e.g. kv.rename", "payload": "Its request.", "dry_run": "Only check the call."},
					Aliases:     map[string]string{"name": "command", "arguments": "payload", "args": "payload"},
				},
			}, (*server).execute),
		}, operations()...),
	}
}

// server is the State of the server structure; it holds no data.
type server struct {
	command.NoData
	engine *Engine
	env    command.Env
}

// StatusRequest asks for nothing in particular.
type StatusRequest struct{}

// StatusResponse is who the caller is and how the server fares.
type StatusResponse struct {
	Principal  string                   `json:"principal" jsonschema:"who the server takes you for"`
	Namespace  string                   `json:"namespace" jsonschema:"where your commands work"`
	Access     string                   `json:"access" jsonschema:"the most you may do anywhere: none, read, write or admin; auth.whoami says where"`
	ReadOnly   bool                     `json:"read_only" jsonschema:"true when you may only read"`
	Version    string                   `json:"version" jsonschema:"the program's version"`
	UptimeS    int64                    `json:"uptime_s" jsonschema:"seconds since the server started"`
	Durability journal.Durability       `json:"durability" jsonschema:"how safe every write is at least"`
	Position   journal.Position         `json:"position" jsonschema:"where the journal stands; a watch can start from it"`
	Namespaces int                      `json:"namespaces" jsonschema:"how many namespaces there are"`
	Structures map[string]command.Usage `json:"structures" jsonschema:"what each structure holds in your namespace"`
	HeapBytes  uint64                   `json:"heap_bytes" jsonschema:"the process's heap in use"`
	Quotas     map[string]QuotaUse      `json:"quotas,omitempty" jsonschema:"what is limited in your namespace, and how much of it is used"`
	Memory     *QuotaUse                `json:"memory,omitempty" jsonschema:"how much memory the whole server may use, and uses; absent without a limit"`
}

func (s *server) status(ctx context.Context, _ *StatusRequest) (StatusResponse, error) {
	e := s.engine
	r := command.CallOf(ctx)
	standard, _ := e.journal.Levels()
	resp := StatusResponse{
		Principal: r.Caller.Name, Access: r.Caller.Most().String(), ReadOnly: r.Caller.Most() <= auth.Read,
		Version: e.version, UptimeS: int64(time.Since(e.started).Seconds()),
		Durability: standard, Position: e.journal.Position(), Structures: map[string]command.Usage{},
	}
	for _, space := range e.Namespaces() {
		resp.Namespaces++
		if space.ID != s.env.Namespace {
			continue
		}
		resp.Namespace = space.Name
		resp.Quotas = e.uses(space, false)
		for place, st := range e.table.Structures() {
			if st.ID != serverID && (!st.Global || space == e.home) {
				resp.Structures[st.Name] = space.States[place].Stats()
			}
		}
	}
	if limit := e.limited.Memory.Limit(); limit > 0 {
		resp.Memory = &QuotaUse{Limit: limit, Use: e.limited.Memory.Used()}
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	resp.HeapBytes = mem.HeapInuse
	return resp, nil
}

// HelpRequest names a command, or none for all.
type HelpRequest struct {
	Name string `json:"name,omitempty" jsonschema:"a command, a tool, or a structure; absent lists everything"`
}

// HelpResponse is a list of commands, or all about one.
type HelpResponse struct {
	Commands []Line             `json:"commands,omitempty" jsonschema:"the commands, one line each"`
	Command  *command.Reference `json:"command,omitempty" jsonschema:"all about the command that was asked for"`
}

// Line is one command in a list.
type Line struct {
	Name    string `json:"name"`
	Kind    string `json:"kind" jsonschema:"read, write, act or watch"`
	Summary string `json:"summary"`
}

func (s *server) help(_ context.Context, r *HelpRequest) (HelpResponse, error) {
	table := s.engine.table
	var resp HelpResponse
	for _, c := range table.Commands() {
		if r.Name == c.Name || (c.Tool != nil && r.Name == c.Tool.Name) {
			ref := c.Reference()
			return HelpResponse{Command: &ref}, nil
		}
		if r.Name == "" || r.Name == c.Structure() {
			resp.Commands = append(resp.Commands, Line{c.Name, c.Kind.String(), c.Summary})
		}
	}
	if resp.Commands == nil {
		_, err := table.Find(r.Name)
		return resp, err
	}
	return resp, nil
}

// QueryRequest names a reading command and carries its request.
type QueryRequest struct {
	Command string      `json:"command" jsonschema:"the command's name, such as kv.count"`
	Payload value.Value `json:"payload,omitzero" jsonschema:"the command's request"`
}

// Describe says that the payload is an object, not any value.
func (*QueryRequest) Describe(s *jsonschema.Schema) { describePayload(s) }

// ExecuteRequest names any command and carries its request.
type ExecuteRequest struct {
	Command string      `json:"command" jsonschema:"the command's name, such as kv.rename"`
	Payload value.Value `json:"payload,omitzero" jsonschema:"the command's request"`
	DryRun  bool        `json:"dry_run,omitempty" jsonschema:"check the call and do not run it"`
}

// Describe says that the payload is an object, not any value.
func (*ExecuteRequest) Describe(s *jsonschema.Schema) { describePayload(s) }

func describePayload(s *jsonschema.Schema) {
	s.Properties["payload"] = &jsonschema.Schema{Type: "object", Description: s.Properties["payload"].Description}
}

// ResultResponse is another command's response.
type ResultResponse struct {
	Command string `json:"command"`
	DryRun  bool   `json:"dry_run,omitempty" jsonschema:"true when the call was only checked, and found right"`
	Result  any    `json:"result,omitempty" jsonschema:"the command's response"`
}

// Describe says that the result is an object.
func (*ResultResponse) Describe(s *jsonschema.Schema) {
	s.Properties["result"] = &jsonschema.Schema{Type: "object", Description: "the command's response"}
}

func (s *server) query(ctx context.Context, r *QueryRequest) (ResultResponse, error) {
	inner, err := s.inner(ctx, r.Command, r.Payload)
	if err != nil {
		return ResultResponse{}, err
	}
	if !inner.Command.ReadOnly() {
		return ResultResponse{}, fault.New(fault.Denied, "%s does not only read: run it with server.execute", r.Command)
	}
	return s.run(ctx, inner)
}

func (s *server) execute(ctx context.Context, r *ExecuteRequest) (ResultResponse, error) {
	inner, err := s.inner(ctx, r.Command, r.Payload)
	if err != nil {
		return ResultResponse{}, err
	}
	if r.DryRun {
		return ResultResponse{Command: r.Command, DryRun: true}, s.engine.dispatcher.Check(inner)
	}
	return s.run(ctx, inner)
}

// inner makes the request of the command that was asked for, on behalf of whoever asks.
func (s *server) inner(ctx context.Context, name string, payload value.Value) (*command.Request, error) {
	outer := command.CallOf(ctx)
	r, err := s.engine.inner(outer, name, payload)
	if err == nil && r.Command.Kind == command.KindAct && r.Command.Structure() == outer.Command.Structure() && r.Command.Tool != nil {
		return nil, fault.New(fault.Invalid, "%s runs other commands: call it directly", name)
	}
	return r, err
}

// inner makes the request of a command that is named in another one.
func (e *Engine) inner(outer *command.Request, name string, payload value.Value) (*command.Request, error) {
	c, err := e.table.Find(name)
	if err != nil {
		return nil, err
	}
	if k := payload.Kind(); k != value.JSON && k != value.None {
		return nil, fault.New(fault.Invalid, "the payload is an object with the fields of %s, not %s", c.Name, k)
	}
	return outer.Inner(c, command.JSON(payload.Data())), nil
}

func (s *server) run(ctx context.Context, inner *command.Request) (ResultResponse, error) {
	resp := ResultResponse{Command: inner.Command.Name}
	var err error
	if inner.Command.Kind == command.KindWatch {
		resp.Result, err = command.Collect(ctx, s.engine.dispatcher, inner)
	} else {
		resp.Result, err = s.engine.dispatcher.Do(ctx, inner)
	}
	return resp, err
}
