package command_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

type (
	bareRequest struct {
		Name string `json:"name" jsonschema:"a name"`
	}
	mutedRequest struct {
		nameRequest
		Extra string `json:"extra,omitempty"`
	}
	oddRequest struct {
		nameRequest
		Extra int `json:"extra,omitempty" min:"few" jsonschema:"more"`
	}
	enumRequest struct {
		nameRequest
		Extra int `json:"extra,omitempty" enum:"1,2" jsonschema:"more"`
	}
)

func handle[Req any](_ *toy, _ context.Context, _ *Req) (getResponse, error) { //nolint:revive // a handler is a method
	return getResponse{}, nil
}

type (
	pageRequest struct {
		Prefix string `json:"prefix,omitempty" jsonschema:"how they begin"`
		Cursor string `json:"cursor,omitempty" jsonschema:"where to go on"`
		Limit  int    `json:"limit,omitempty" jsonschema:"how many"`
	}
	pageResponse struct {
		Items []nameRequest `json:"items"`
	}
)

func listToys(*toy, context.Context, *pageRequest) (pageResponse, error) { return pageResponse{}, nil }

func TestAWrongTableDoesNotStart(t *testing.T) {
	info := func(change func(*command.Info)) command.Info {
		i := command.Info{Name: "toy.look", Op: 0x7f20, Summary: "Look at it."}
		change(&i)
		return i
	}
	with := func(change func(*command.Info)) *command.Command {
		return command.Read(info(change), handle[nameRequest])
	}
	same := func(*command.Info) {}
	tool := func(t command.Tool) func(*command.Info) {
		t.Name, t.Title, t.Description = "synap_toy_look", "Look", "Looks."
		return func(i *command.Info) { i.Tool = &t }
	}
	tests := []struct {
		name    string
		command *command.Command
		want    string
	}{
		{"a right one", with(same), ""},
		{"no verb", with(func(i *command.Info) { i.Name = "toy" }), "not of the form structure.verb"},
		{"capitals", with(func(i *command.Info) { i.Name = "toy.Look" }), "not of the form structure.verb"},
		{"another structure's name", with(func(i *command.Info) { i.Name = "kv.look" }), "does not begin with its structure"},
		{"a name twice", with(func(i *command.Info) { i.Name = "toy.get" }), "declared twice"},
		{"a number twice", with(func(i *command.Info) { i.Op = 0x7f01 }), "has the same number as toy.get"},
		{"another structure's number", with(func(i *command.Info) { i.Op = 0x0120 }), "high byte"},
		{"no summary", with(func(i *command.Info) { i.Summary = "" }), "summary is not a sentence"},
		{"a summary without an end", with(func(i *command.Info) { i.Summary = "Look" }), "summary is not a sentence"},
		{"no resource", command.Read(info(same), handle[bareRequest]), "names no resource"},
		{"open and yet a resource", with(func(i *command.Info) { i.Open = true }), "declared open, but"},
		{"a destructive read", with(func(i *command.Info) { i.Hints = command.Destructive }), "is not destructive"},
		{"an act that needs nothing", command.Act(info(same), handle[nameRequest]), "which access it needs"},
		{"a watch that says it waits", command.Watch(info(func(i *command.Info) { i.Waits = true }), (*toy).watch), "which a Watch always does"},
		{"one that asks and cannot say when", with(func(i *command.Info) { i.Asks = true }), "which only a Read does whose request has a method Waits"},
		{"a field without words", command.Read(info(same), handle[mutedRequest]), `field "extra" of the request has no jsonschema description`},
		{"a bound that is no number", command.Read(info(same), handle[oddRequest]), "invalid syntax"},
		{"an enum that is no string", command.Read(info(same), handle[enumRequest]), "an enum needs a string"},
		{"an argument that is no field", with(func(i *command.Info) { i.Args = "name names..." }), `mentions the field "names"`},
		{"a route with a part that is no field", with(func(i *command.Info) { i.Routes = []string{"GET /toys/:id"} }), `mentions the field "id"`},
		{"a body that is no field", with(func(i *command.Info) { i.Body = "value" }), `mentions the field "value"`},
		{"a tool with a dot", with(func(i *command.Info) { i.Tool = &command.Tool{Name: "toy.look"} }), "is not named synap_noun_verb"},
		{"a tool without words", with(func(i *command.Info) { i.Tool = &command.Tool{Name: "synap_toy_look"} }), "no title or no description"},
		{"a tool that shows what is not there", with(tool(command.Tool{Args: []string{"name", "x=y"}})), `shows the field "y"`},
		{"a tool that presets what is not there", with(tool(command.Tool{Defaults: map[string]any{"y": 1}})), `presets the field "y"`},
		{"a tool with an alias for nothing", with(tool(command.Tool{Aliases: map[string]string{"n": "y"}})), `alias "n" for "y"`},
		{"a tool that asks with no code", with(tool(command.Tool{Ask: &command.Ask{Code: "y"}})), `asks with the code "y"`},
		{"a tool that is right", with(tool(command.Tool{Args: []string{"counter=name"}, Aliases: map[string]string{"n": "counter"}})), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := command.NewTable(toyStructure(append(toyCommands(), test.command)))
			if test.want == "" && err != nil {
				t.Fatal(err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	for name, things := range map[string]*command.Things{
		"no such command": {Kind: "toys", List: "toy.list", Name: "name"}, "not by pages": {Kind: "toys", List: "toy.get", Name: "name"},
		"no Read": {Kind: "toys", List: "toy.add", Name: "name"},
	} {
		s := toyStructure(toyCommands())
		s.Things = things
		if _, err := command.NewTable(s); err == nil || !strings.Contains(err.Error(), "the things of toy") {
			t.Errorf("things with %s: %v", name, err)
		}
	}
	for name, clearing := range map[string]command.Clearing{
		"no such command": {Command: "toy.clear", Field: "name"}, "no Write": {Command: "toy.get", Field: "name"},
		"no such field": {Command: "toy.add", Field: "toy"}, "nothing to tell it with": {Command: "toy.add", Field: "name", With: map[string]any{"all": 1}},
		"": {Command: "toy.add", Field: "name", With: map[string]any{"by": 1}},
	} {
		list := command.Read(command.Info{Name: "toy.list", Op: 0x7f30, Summary: "List them.", Open: true}, listToys)
		s := toyStructure(append(toyCommands(), list))
		s.Things = &command.Things{Kind: "toys", List: "toy.list", Name: "name", Clear: map[string]command.Clearing{"empty": clearing}}
		if _, err := command.NewTable(s); (err == nil) != (name == "") {
			t.Errorf("clearing with %q: %v", name, err)
		}
	}
	for name, wrong := range map[string]bool{"toy.get": false, "toy.nothing": true} {
		s := toyStructure(toyCommands())
		s.Exchanges = []command.Exchange{{Kind: "toys", Hello: "toy.get", List: "toy.get", Read: "toy.get", Reached: name, Apply: "toy.get"}}
		if _, err := command.NewTable(s); (err != nil) != wrong {
			t.Errorf("exchanging by %q: %v", name, err)
		}
	}
	if _, err := command.NewTable(toyStructure(nil), toyStructure(nil)); err == nil {
		t.Error("two structures with one number were accepted")
	}
}

func TestFind(t *testing.T) {
	table, err := command.NewTable(toyStructure(toyCommands()))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := table.Find("toy.add"); err != nil || table.ByOp(c.Op) != c {
		t.Errorf("toy.add: %v", err)
	}
	for name, near := range map[string]any{"toy.ad": "toy.add", "TOY.GET": "toy.get", "toy.wacth": "toy.watch", "zzzzzz": nil,
		strings.Repeat("x", 100_000): nil} {
		_, err := table.Find(name)
		if e := fault.From(err); e.Code != fault.NotFound || e.Details["nearest"] != near || len(e.Message) > 200 {
			t.Errorf("%.20s: %v %v", name, e, e.Details)
		}
	}
	if table.ByOp(0) != nil {
		t.Error("number 0 is a command")
	}
}

func TestSchemaSaysWhatTheTagsSay(t *testing.T) {
	table, err := command.NewTable(toyStructure(toyCommands()))
	if err != nil {
		t.Fatal(err)
	}
	c, _ := table.Find("toy.add")
	got, err := json.Marshal(c.RequestSchema())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"type":"object","required":["name"],"properties":{` +
		`"name":{"type":"string","description":"the counter"},` +
		`"by":{"type":"integer","description":"how much","default":1,"minimum":-10,"maximum":10},` +
		`"fail":{"type":"string","description":"break down on purpose","enum":["before","after","panic"]}},` +
		`"additionalProperties":false}`
	var g, w any
	if json.Unmarshal(got, &g) != nil || json.Unmarshal([]byte(want), &w) != nil {
		t.Fatal("not JSON")
	}
	g1, _ := json.Marshal(g)
	w1, _ := json.Marshal(w)
	if string(g1) != string(w1) {
		t.Errorf("got  %s\nwant %s", g1, w1)
	}
	if c.Needs() != auth.Write || c.ReadOnly() {
		t.Error("toy.add is said to read only")
	}
}

// TestBothCodecsAgree sends every kind of request in JSON and in MessagePack.
func TestBothCodecsAgree(t *testing.T) {
	type object = map[string]any
	payloads := []any{
		object{"name": "a", "by": 2}, object{"name": "a"}, object{"name": "a", "by": 99}, object{}, object{"name": "a", "zebra": 1}, object{"nmae": "a"},
		object{"name": 1}, []any{"a", 2}, []any{}, "a", 1,
	}
	for _, payload := range payloads {
		text, _ := json.Marshal(payload)
		packed, err := msgpack.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		b := newBench(t)
		r := b.request("toy.add", string(text))
		viaJSON := b.do(r)
		b = newBench(t)
		r = b.request("toy.add", "")
		r.Payload = command.MsgPack(packed)
		viaPack := b.do(r)
		if viaJSON != viaPack {
			t.Errorf("%s: JSON %s, MessagePack %s", text, viaJSON, viaPack)
		}
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{`{"name":"a","by":1}`, `{"name":"\ud800"}`, `[[[`, `{"name":"a"}x`, `{"":{}}`, "\xff", `{"by":1e400}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := command.JSON(data).Decode(&addRequest{}); err != nil && fault.CodeOf(err) == fault.Internal {
			t.Errorf("%q: %v", data, err)
		}
	})
}

func FuzzDecodeMsgPack(f *testing.F) {
	packed, _ := msgpack.Marshal(map[string]any{"name": "a", "by": 1})
	for _, seed := range [][]byte{packed, {0xdf, 0xff, 0xff, 0xff, 0xff}, {0x81, 0xa4, 'n'}, {0xc1}, {0xd4, 1, 2}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := command.MsgPack(data).Decode(&addRequest{}); err != nil && fault.CodeOf(err) == fault.Internal {
			t.Errorf("%x: %v", data, err)
		}
	})
}
