package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
)

// protocol is the revision of the protocol that the agents speak: the newest with sessions, which most clients have.
const protocol = "2025-11-25"

// Transport is how an agent reaches the server.
type Transport string

// The transports.
const (
	HTTP  Transport = "http"
	Stdio Transport = "stdio"
)

// Tally is what an agent used.
type Tally struct {
	Calls   int // of tools, prompts and resources
	Errors  int // calls that were answered with an error
	List    int // tokens of the tool list
	Results int // tokens of all answers
	Largest int // tokens of the longest answer
}

// Agent is a client that knows what the server tells it and nothing else. Its methods end the solver when something
// goes wrong that the solver did not ask to hear of.
type Agent struct {
	Me     string // what it is called
	Say    string // the prompt, if the task has one
	Tally  Tally
	guide  string   // what the server says of itself
	shown  []facing // the tools that a model is shown
	world  *World
	client *client.Client
	tokens func(string) int
	tools  map[string]schema
	named  []string    // with a prompt: the tools that it and the task name
	told   chan string // addresses of what changed
	ctx    context.Context
	end    func()
}

// facing is what a model is shown of a tool.
type facing struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	InputSchema json.RawMessage `json:"inputSchema"`
}

// schema is what a tool takes.
type schema struct {
	Properties map[string]any `json:"properties"`
	Required   []string       `json:"required"`
}

// Args are a call's arguments.
type Args map[string]any

// stuck is why a solver cannot go on.
type stuck struct{ error }

// connect starts an agent in a world.
func (w *World) connect(ctx context.Context, over Transport, tokens func(string) int) (*Agent, error) {
	a := &Agent{Me: w.fill("{{me}}"), world: w, tokens: tokens, tools: map[string]schema{}, told: make(chan string, 100), ctx: ctx}
	if err := a.dial(over); err != nil {
		return nil, err
	}
	a.client.OnNotification(func(n mcp.JSONRPCNotification) {
		if uri, ok := n.Params.AdditionalFields["uri"].(string); ok && n.Method == "notifications/resources/updated" {
			select {
			case a.told <- uri:
			default: // nobody needs to hear of a hundred
			}
		}
	})
	hello := mcp.InitializeRequest{}
	hello.Params.ProtocolVersion = protocol
	hello.Params.ClientInfo = mcp.Implementation{Name: "eval", Version: "1"}
	welcome, err := a.client.Initialize(ctx, hello)
	if err != nil {
		a.close()
		return nil, err
	}
	a.guide = welcome.Instructions
	if err := a.learn(); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

// dial opens the connection.
func (a *Agent) dial(over Transport) error {
	quiet := slog.New(slog.DiscardHandler)
	switch over {
	case HTTP:
		line, err := transport.NewStreamableHTTP(a.world.URL(),
			transport.WithHTTPHeaders(map[string]string{"Authorization": "Bearer " + a.world.Key}),
			//lint:ignore SA1019 revisions with sessions are what most clients speak, and this is how they hear of changes
			transport.WithContinuousListening(), //nolint:staticcheck // see above
			transport.WithHTTPLogger(quiet))
		if err != nil {
			return err
		}
		a.client = client.NewClient(line, client.WithProtocolVersion(protocol))
		a.end = func() { _ = a.client.Close() }
	case Stdio:
		cmd := exec.Command(a.world.server.Command[0], a.world.mcpArgs()...) //nolint:gosec // whoever plays names the program
		cmd.Env = append(append(os.Environ(), a.world.server.Env...), "SYNAP_KEY="+a.world.Key)
		in, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		a.client = client.NewClient(transport.NewIO(out, in, io.NopCloser(strings.NewReader(""))), client.WithProtocolVersion(protocol))
		a.end = func() { _ = in.Close(); _ = a.client.Close(); _ = cmd.Wait() }
	}
	if err := a.client.Start(a.ctx); err != nil {
		a.close()
		return err
	}
	return nil
}

func (a *Agent) close() { a.end() }

var toolName = regexp.MustCompile(`\bsynap_[a-z_]+\b`)

// learn reads the list of tools, and the prompt.
func (a *Agent) learn() error {
	list, err := a.client.ListTools(a.ctx, mcp.ListToolsRequest{})
	if err != nil {
		return err
	}
	for _, t := range list.Tools {
		text, err := json.Marshal(t)
		if err != nil {
			return err
		}
		var f facing
		var s schema
		if err := json.Unmarshal(text, &f); err != nil {
			return err
		}
		if err := json.Unmarshal(f.InputSchema, &s); err != nil {
			return err
		}
		a.shown, a.tools[f.Name] = append(a.shown, f), s
	}
	text, err := json.Marshal(a.shown)
	if err != nil {
		return err
	}
	a.Tally.List = a.tokens(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(text)))
	if a.world.Task.Prompt == "" {
		return nil
	}
	return a.ask()
}

// ask gets the prompt, and the names of the tools in it.
func (a *Agent) ask() error {
	name, args, err := a.world.Task.prompt()
	if err != nil {
		return err
	}
	for k, v := range args {
		args[k] = a.world.fill(v)
	}
	r := mcp.GetPromptRequest{}
	r.Params.Name, r.Params.Arguments = name, args
	got, err := a.client.GetPrompt(a.ctx, r)
	if err != nil {
		return err
	}
	for _, m := range got.Messages {
		if text, ok := m.Content.(mcp.TextContent); ok {
			a.Say += text.Text
		}
	}
	a.count(a.Say)
	a.named = toolName.FindAllString(a.Say+a.world.Text(), -1)
	for _, tool := range a.named {
		if _, ok := a.tools[tool]; !ok {
			return fmt.Errorf("the prompt %s names %s, which is not listed", name, tool)
		}
	}
	return nil
}

// count counts an answer.
func (a *Agent) count(text string) {
	n := a.tokens(text)
	a.Tally.Calls++
	a.Tally.Results += n
	a.Tally.Largest = max(a.Tally.Largest, n)
}

// check holds a call to what the server showed: a model can use nothing else.
func (a *Agent) check(tool string, args Args) error {
	s, ok := a.tools[tool]
	if !ok {
		return fmt.Errorf("%s is not in the list", tool)
	}
	if a.Say != "" && !slices.Contains(a.named, tool) {
		return fmt.Errorf("the prompt does not name %s", tool)
	}
	for name := range args {
		if s.Properties[name] == nil {
			return fmt.Errorf("%s lists no argument %q but %v", tool, name, slices.Sorted(maps.Keys(s.Properties)))
		}
	}
	for _, name := range s.Required {
		if args[name] == nil {
			return fmt.Errorf("%s requires %q", tool, name)
		}
	}
	return nil
}

// try calls a tool. The error is what a model is told: its text begins with a code.
func (a *Agent) try(tool string, args Args) (Answer, error) {
	if err := a.check(tool, args); err != nil {
		panic(stuck{err})
	}
	if args == nil {
		args = Args{}
	}
	r := mcp.CallToolRequest{}
	r.Params.Name, r.Params.Arguments = tool, map[string]any(args)
	got, err := a.client.CallTool(a.ctx, r)
	if err != nil {
		panic(stuck{fmt.Errorf("%s: %w", tool, err)})
	}
	text := got.Content[0].(mcp.TextContent).Text
	a.count(text)
	if got.IsError {
		a.Tally.Errors++
		return Answer{}, errors.New(text)
	}
	v, err := decode([]byte(text))
	if err != nil {
		panic(stuck{fmt.Errorf("%s answers %s: %w", tool, text, err)})
	}
	return Answer{v}, nil
}

// call calls a tool that has to succeed.
func (a *Agent) call(tool string, args Args) Answer {
	got, err := a.try(tool, args)
	a.must(err)
	return got
}

// fails calls a tool that has to be refused with the code, and returns what it was told.
func (a *Agent) fails(code, tool string, args Args) string {
	_, err := a.try(tool, args)
	if err == nil || !strings.HasPrefix(err.Error(), code+": ") {
		a.must(fmt.Errorf("%s %v: %v, not %s", tool, args, err, code))
	}
	return err.Error()
}

// must ends the solver on an error.
func (a *Agent) must(err error) {
	if err != nil {
		panic(stuck{err})
	}
}

// says ends the solver unless the text that it goes by says something: then the solver and the text have parted.
func (a *Agent) says(words ...string) {
	for _, w := range words {
		if !strings.Contains(a.Say, w) {
			a.must(fmt.Errorf("the prompt does not say %q: %s", w, a.Say))
		}
	}
}

// pages calls a tool until there is no further page, and does something with each answer.
func (a *Agent) pages(tool string, args Args, each func(Answer)) {
	args = maps.Clone(args)
	for {
		page := a.call(tool, args)
		each(page)
		next := page.Get("next_cursor").Text()
		if next == "" {
			return
		}
		args["cursor"] = next
	}
}

// read reads a resource as text.
func (a *Agent) read(uri string) string {
	r := mcp.ReadResourceRequest{}
	r.Params.URI = uri
	got, err := a.client.ReadResource(a.ctx, r)
	a.must(err)
	var all string
	for _, c := range got.Contents {
		if text, ok := c.(mcp.TextResourceContents); ok {
			all += text.Text
		}
	}
	a.count(all)
	return all
}

// follow subscribes to a resource.
func (a *Agent) follow(uri string) {
	r := mcp.SubscribeRequest{}
	r.Params.URI = uri
	//lint:ignore SA1019 as above
	a.must(a.client.Subscribe(a.ctx, r)) //nolint:staticcheck // see above
	a.count("")
}

// hear waits until the server tells of a change, and returns of what.
func (a *Agent) hear() string {
	select {
	case uri := <-a.told:
		return uri
	case <-a.ctx.Done():
		panic(stuck{errors.New("nothing was told of any change")})
	}
}

// pause is what a model does when it is told to wait.
func (a *Agent) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-a.ctx.Done():
		panic(stuck{a.ctx.Err()})
	}
}
