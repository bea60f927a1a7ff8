package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/synaptest"
)

// The matrix of who may do what: every command of the table, every role that there is, every door. Its expectations are made
// anew from the table and from what a role says, by a matcher that is too simple to be wrong, so that a command or a role that
// is added is in it by itself.

// holder is somebody with a key, and what they may do.
type holder struct {
	name        string
	permissions []auth.Permission
	key         string
	id          *auth.Identity
}

// holders are one of each built-in role, one who may do nothing, and one who may touch some names.
func holders(t *testing.T, a *asking) (all []*holder) {
	t.Helper()
	add := func(name, rights string) {
		h := &holder{name: name, key: a.key(fmt.Sprintf(`{"name":%q,%s}`, "m-"+name, rights))}
		var err error
		if h.id, err = directoryOf(a.server.engine).Authenticate(t.Context(), &auth.Credential{Key: h.key}); err != nil {
			t.Fatal(err)
		}
		h.permissions = h.id.Permissions()
		all = append(all, h)
	}
	add("nobody", `"roles":[]`)
	add("some", `"permissions":["read:kv:a*","write:queue:jobs","write:stream:room*"]`)
	for _, role := range a.must("auth.role.list", `{}`)["items"].([]any) {
		name := role.(map[string]any)["name"].(string)
		add(name, fmt.Sprintf(`"roles":[%q]`, name))
	}
	return all
}

// covered is the simple matcher: whether the pattern of a permission covers what a resource means.
func covered(p auth.Permission, r auth.Resource) bool {
	if p.Structure != "*" && p.Structure != r.Structure {
		return false
	}
	literal, open := strings.CutSuffix(p.Name, "*")
	switch {
	case strings.Contains(literal, "*"):
		panic("the matrix has no such permissions")
	case r.Match == auth.Exact:
		return r.Name == p.Name || (open && strings.HasPrefix(r.Name, literal))
	case r.Match == auth.Prefix:
		return open && strings.HasPrefix(r.Name, literal)
	}
	// Of a pattern only what comes before its first special character is looked at.
	head, special := r.Name, strings.IndexAny(r.Name, `*?[\#`)
	if special >= 0 {
		head = strings.TrimSuffix(r.Name[:special], ".")
	}
	return (open && strings.HasPrefix(head, literal)) || (special < 0 && r.Name == p.Name)
}

// may says whether the permissions allow the command with the request.
func may(x *command.Dispatcher, permissions []auth.Permission, c *command.Command, request string) (bool, error) {
	need := map[command.Kind]auth.Access{command.KindRead: auth.Read, command.KindWatch: auth.Read, command.KindWrite: auth.Write, command.KindAct: auth.None}[c.Kind]
	if need = max(need, c.Access); c.Anyone || need == auth.None {
		return true, nil
	}
	wanted := []auth.Resource{auth.Any(c.Structure())}
	if !c.Open {
		args := c.NewRequest()
		if err := command.JSON(request).Decode(args); err != nil {
			return false, err
		}
		if err := x.Check(&command.Request{Caller: auth.Local(), Command: c, Args: args}); err != nil { // it fills in defaults
			return false, err
		}
		switch r := args.(type) {
		case interface{ Resource() auth.Resource }:
			wanted = []auth.Resource{r.Resource()}
		case interface{ Resources() []auth.Resource }:
			wanted = r.Resources()
		}
	}
	for _, r := range wanted {
		allowed := false
		for _, p := range permissions {
			allowed = allowed || (p.Access >= need && covered(p, r))
		}
		if !allowed {
			return false, nil
		}
	}
	return true, nil
}

// told is a request of a command that nothing is wrong with.
type told struct {
	command *command.Command
	request string
}

// everyCommand has one right request for every command, from the stories; nothing in it waits.
func everyCommand(t *testing.T, x *command.Dispatcher) (all []told) {
	t.Helper()
	table := x.Table()
	seen := map[string]bool{}
	for _, story := range synaptest.Stories(t) {
		for _, step := range story.Requests() {
			c, err := table.Find(step.Command)
			if err != nil || seen[c.Name] || !step.Valid() {
				continue
			}
			var fields map[string]json.RawMessage
			if err := json.Unmarshal([]byte(step.Plain()), &fields); err != nil {
				continue // a <name> stands where 1 does not do
			}
			for _, wait := range []string{"wait", "wait_ms"} {
				delete(fields, wait)
			}
			if _, there := fields["timeout_ms"]; there {
				fields["timeout_ms"] = json.RawMessage("1") // without it there would be seconds of it
			}
			text, err := json.Marshal(fields)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := may(x, nil, c, string(text)); err != nil {
				continue // a receipt, a cursor: the story had a real one
			}
			seen[c.Name] = true
			all = append(all, told{c, string(text)})
		}
	}
	for _, c := range table.Commands() {
		if !seen[c.Name] {
			all = append(all, told{c, handmade[c.Name]})
			if handmade[c.Name] == "" {
				t.Errorf("no story has a request of %s that can be made again: write one into handmade", c.Name)
			}
		}
	}
	return all
}

// handmade are requests of commands whose stories need what another command answered.
var handmade = map[string]string{
	"queue.ack": `{"receipts":["AQIBam9icw"],"action":"done"}`, // of the queue "jobs"
}

// TestWhoMayDoWhat asks the dispatcher about every command and every role.
func TestWhoMayDoWhat(t *testing.T) {
	a := serveAsking(t)
	who := holders(t, a)
	for _, c := range everyCommand(t, a.executor) {
		for _, h := range who {
			want, err := may(a.executor, h.permissions, c.command, c.request)
			if err != nil {
				t.Errorf("%s %s: %v", c.command.Name, c.request, err)
				continue
			}
			err = a.executor.Check(&command.Request{Caller: h.id, Command: c.command, Payload: command.JSON(c.request)})
			denied := fault.CodeOf(err) == fault.Denied
			if c.command.Anyone || c.command.Needs() == auth.None {
				continue // it runs others, which are asked about each
			}
			if denied == want {
				t.Errorf("%s: %s %s: allowed %v, want %v: %v", h.name, c.command.Name, c.request, !denied, want, err)
			}
		}
	}
}

// TestEveryDoorObeys sends every command through every door: as the most powerful who may not, as the least powerful who may,
// and as nobody. SYNAP_TORTURE has it done as everybody.
func TestEveryDoorObeys(t *testing.T) {
	a := serveAsking(t)
	who := holders(t, a)
	commands := everyCommand(t, a.executor)
	for _, d := range everyDoor() {
		t.Run(d.name, func(t *testing.T) {
			b := &asking{t: t, url: a.url, peers: a.peers, executor: a.executor}
			players := map[string]synaptest.Player{}
			play := func(key string, c told) error {
				p := players[key]
				if p == nil {
					p = d.open(b, key)
					players[key] = p
				}
				_, err := p.Play(t.Context(), c.command.Name, []byte(c.request))
				return err
			}
			for _, c := range commands {
				if c.command.Anyone || c.command.Needs() == auth.None || (d.joins && c.command.Joins() != nil) || (d.skip != nil && d.skip(c.command)) {
					continue
				}
				for _, h := range edge(a.executor, who, c) {
					want, _ := may(a.executor, h.permissions, c.command, c.request)
					err := play(h.key, c)
					code := fault.CodeOf(err)
					if code == fault.Unauthenticated || (code == fault.Denied) == want {
						t.Errorf("%s: %s %s: %v, want allowed: %v", h.name, c.command.Name, c.request, err, want)
					}
				}
			}
		})
	}
}

// edge picks the holder with the most permissions of those who may not, and the one with the least of those who may.
func edge(x *command.Dispatcher, who []*holder, c told) []*holder {
	if os.Getenv("SYNAP_TORTURE") != "" {
		return who
	}
	var picked []*holder
	var may1, not *holder
	weight := func(h *holder) (w int) {
		for _, p := range h.permissions {
			w += 10 * int(p.Access)
			if p.Structure == "*" {
				w += 100
			}
		}
		return w
	}
	for _, h := range who {
		switch ok, _ := may(x, h.permissions, c.command, c.request); {
		case ok && (may1 == nil || weight(h) < weight(may1)):
			may1 = h
		case !ok && (not == nil || weight(h) > weight(not)):
			not = h
		}
	}
	// What only an administrator may is left undone: it would end the others.
	if may1 != nil && may1.name != "admin" {
		picked = append(picked, may1)
	}
	if not != nil {
		picked = append(picked, not)
	}
	return picked
}

// opening is a way in.
type opening struct {
	name  string
	joins bool // only what can be part of a transaction
	skip  func(*command.Command) bool
	open  func(a *asking, key string) synaptest.Player
}

func everyDoor() []opening {
	envelope := func(a *asking, key, body string) ([]byte, error) {
		_, text := a.send("POST", "/api/v1/command", body, bearer(key))
		return unwrap([]byte(text))
	}
	through := func(body func(name string, request []byte) string, result func([]byte) ([]byte, error)) func(*asking, string) synaptest.Player {
		return func(a *asking, key string) synaptest.Player {
			return synaptest.PlayerFunc(func(_ context.Context, name string, request []byte) ([]byte, error) {
				answer, err := envelope(a, key, body(name, request))
				if err != nil || result == nil {
					return answer, err
				}
				return result(answer)
			})
		}
	}
	watch := func(c *command.Command) bool { return c.Kind == command.KindWatch }
	return []opening{
		{name: "envelope", open: through(func(n string, r []byte) string { return string(envelopeOf(n, r)) }, nil)},
		{name: "batch", open: func(a *asking, key string) synaptest.Player {
			return synaptest.PlayerFunc(func(_ context.Context, name string, request []byte) ([]byte, error) {
				_, text := a.send("POST", "/api/v1/command", fmt.Sprintf(`{"type":"batch","commands":[%s]}`, envelopeOf(name, request)), bearer(key))
				var answer struct{ Results []json.RawMessage }
				if err := json.Unmarshal([]byte(text), &answer); err != nil || len(answer.Results) != 1 {
					return nil, fmt.Errorf("%w: %s", err, text)
				}
				return unwrap(answer.Results[0])
			})
		}},
		{name: "atomic batch", joins: true, open: through(func(n string, r []byte) string {
			return fmt.Sprintf(`{"type":"batch","atomic":true,"commands":[%s]}`, envelopeOf(n, r))
		}, nil)},
		{name: "transaction", joins: true, open: through(func(n string, r []byte) string {
			return string(envelopeOf("txn.exec", fmt.Appendf(nil, `{"do":[{"command":%q,"payload":%s}]}`, n, r)))
		}, nil)},
		{name: "execute", open: through(func(n string, r []byte) string {
			return string(envelopeOf("server.execute", fmt.Appendf(nil, `{"command":%q,"payload":%s}`, n, r)))
		}, nil), skip: func(c *command.Command) bool { return c.Structure() == "server" }},
		{name: "route", open: func(a *asking, key string) synaptest.Player {
			return synaptest.PlayerFunc(func(_ context.Context, name string, request []byte) ([]byte, error) {
				resp, text := a.send("POST", "/v1/"+strings.ReplaceAll(name, ".", "/"), string(request), bearer(key))
				if resp.StatusCode < 400 {
					return []byte(text), nil
				}
				return unwrap([]byte(text))
			})
		}},
		{name: "websocket", skip: watch, open: func(a *asking, key string) synaptest.Player {
			conn, _, err := a.dial("", bearer(key))
			if err != nil {
				a.t.Fatal(err)
			}
			conn.SetReadLimit(32 << 20)
			a.t.Cleanup(func() { _ = conn.CloseNow() })
			return synaptest.PlayerFunc(func(ctx context.Context, name string, request []byte) ([]byte, error) {
				if err := conn.Write(ctx, websocket.MessageText, envelopeOf(name, request)); err != nil {
					return nil, err
				}
				_, answer, err := conn.Read(ctx)
				if err != nil {
					return nil, err
				}
				return unwrap(answer)
			})
		}},
		{name: "umicp", open: func(a *asking, key string) synaptest.Player {
			return synaptest.PlayerFunc(func(_ context.Context, name string, request []byte) ([]byte, error) {
				var capabilities map[string]json.RawMessage
				if err := json.Unmarshal(request, &capabilities); err != nil {
					return nil, err
				}
				capabilities["operation"] = fmt.Appendf(nil, "%q", name)
				body, err := json.Marshal(map[string]any{
					"v": "1.0", "msg_id": "m", "ts": "2026-01-01T00:00:00Z", "from": "a", "to": "b", "op": "request", "capabilities": capabilities,
				})
				if err != nil {
					return nil, err
				}
				_, text := a.send("POST", "/umicp", string(body), bearer(key))
				var back struct {
					Capabilities struct {
						Status, Error string
						Code          fault.Code
					}
				}
				if err := json.Unmarshal([]byte(text), &back); err != nil {
					return nil, fmt.Errorf("%w: %s", err, text)
				}
				if back.Capabilities.Status != statusOfSuccess {
					return nil, fault.New(back.Capabilities.Code, "%s", back.Capabilities.Error)
				}
				return nil, nil
			})
		}},
		{name: "umicp COMPACT over TCP", open: func(a *asking, key string) synaptest.Player {
			return umicpClientOf(a.t, "umicp://"+a.peers, key)
		}},
		{name: "mcp", skip: func(c *command.Command) bool { return c.Structure() == "server" && c.Tool == nil }, open: func(a *asking, key string) synaptest.Player {
			c, err := client.NewStreamableHttpClient(a.url+"/mcp?profile=full", transport.WithHTTPHeaders(map[string]string{"Authorization": "Bearer " + key}),
				transport.WithHTTPBasicClient(http.DefaultClient))
			if err != nil {
				a.t.Fatal(err)
			}
			if err := c.Start(a.t.Context()); err != nil {
				a.t.Fatal(err)
			}
			return tools(a.t, c)
		}},
	}
}

// statusOfSuccess is how UMICP says that it worked.
const statusOfSuccess = "success"
