package main

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestNamesLeadToCommands wants every name of every command to lead to it, and to it alone.
func TestNamesLeadToCommands(t *testing.T) {
	a := &app{}
	root, err := a.root()
	if err != nil {
		t.Fatal(err)
	}
	for name := range verbs {
		if _, err := a.table.Find(name); err != nil {
			t.Errorf("a verb is told of what is no command: %v", err)
		}
	}
	paths := map[string]string{}
	for _, s := range a.table.Structures() {
		group, others := namesOf(s)
		for _, c := range a.table.Commands() {
			if c.Structure() != s.Name {
				continue
			}
			path, aliases := pathOf(c)
			for _, group := range append(others, group) {
				for _, verb := range append(aliases, path[len(path)-1]) {
					spelt := strings.Join(append([]string{group}, append(path[1:len(path)-1:len(path)-1], verb)...), " ")
					if other, taken := paths[spelt]; taken {
						t.Errorf("synap %s is %s and %s", spelt, other, c.Name)
					}
					paths[spelt] = c.Name
					cmd, rest, err := root.Find(strings.Fields(spelt))
					if err != nil || len(rest) > 0 || !strings.Contains(cmd.Long, c.Summary) {
						t.Errorf("synap %s is %q, %v; want %s", spelt, cmd.CommandPath(), err, c.Name)
					}
				}
			}
		}
	}
	for spelt, want := range map[string]string{
		"topic listen": "pubsub.subscribe", "pubsub listen": "pubsub.subscribe", "pubsub subscribe": "pubsub.subscribe",
		"topic poll": "pubsub.listen", "topic publish": "pubsub.publish", "stream watch": "stream.watch", "queue receive": "queue.receive",
		"stream group join": "stream.group.join",
	} {
		if paths[spelt] != want {
			t.Errorf("synap %s is %q, want %s", spelt, paths[spelt], want)
		}
	}
	wantOneOfEach(t, root)
}

// wantOneOfEach wants no two subcommands of one to share a name.
func wantOneOfEach(t *testing.T, cmd *cobra.Command) {
	t.Helper()
	seen := map[string]bool{}
	for _, sub := range cmd.Commands() {
		for _, name := range append(sub.Aliases, sub.Name()) {
			if seen[name] {
				t.Errorf("there are two of %s %s", cmd.CommandPath(), name)
			}
			seen[name] = true
		}
		wantOneOfEach(t, sub)
	}
}

// TestListeningPrintsAsItComes publishes a message only when the one before was printed.
func TestListeningPrintsAsItComes(t *testing.T) {
	url := serve(t)
	publish := func(topic, text string) (subscribers int) {
		t.Helper()
		var answer struct{ Subscribers int }
		got := synap(t, "", "topic", "publish", topic, text, "-o", "json", "--server", url)
		if err := json.Unmarshal([]byte(got.out), &answer); err != nil {
			t.Fatal(got, err)
		}
		return answer.Subscribers
	}
	for _, mode := range []struct{ output, want string }{
		{"table", "event=message  topic=a.b  message=one  published_at="},
		{"json", `{"event":"message","topic":"a.b","message":"one","published_at":`},
	} {
		t.Run(mode.output, func(t *testing.T) {
			eventually(t, "nobody listens who did before", func() bool { return publish("a.b", "to nobody") == 0 })
			ctx, interrupt := context.WithCancel(t.Context())
			out, said := make(printed, 10), make(printed, 10)
			done := make(chan int, 1)
			go func() {
				done <- run(ctx, []string{"topic", "listen", "a.#", "-o", mode.output, "--server", url}, strings.NewReader(""), out, said)
			}()
			for publish("a.b", "one") == 0 {
			}
			if line := <-out; !strings.HasPrefix(line, mode.want) {
				t.Errorf("it prints %q, want %q", line, mode.want)
			}
			for range 3 {
				publish("a", "two\nlines")
				if line := <-out; !strings.Contains(line, `two\nlines`) {
					t.Errorf("it prints %q", line)
				}
			}
			interrupt()
			if code := <-done; exitCode(code) != exitInterrupted || len(out) > 0 || len(said) > 0 {
				t.Errorf("it ends with %d, and %d and %d lines more; want %d and nothing", code, len(out), len(said), exitInterrupted)
			}
		})
	}
}

// TestSchemasNameTools wants what the schemas of tools say to name tools, and not the commands behind them, where everybody who has
// the one tool has the other. Tools that are told by name what to run are told the names of commands.
func TestSchemasNameTools(t *testing.T) {
	a := &app{}
	if _, err := a.root(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, profile := range []string{"core", "kv", "memory", "messaging", "readonly", "compat", "full"} {
		tools, err := shownTools(a.table, profile)
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]string{} // of tools that the profile has, by command
		for _, c := range a.table.Commands() {
			if c.Tool != nil && slices.ContainsFunc(tools, func(t shownTool) bool { return t.Name == c.Tool.Name }) {
				names[c.Name] = c.Tool.Name
			}
		}
		for _, tool := range tools {
			if in := tool.InputSchema.Properties; in["command"] != nil || in["commands"] != nil {
				continue
			}
			text, err := json.Marshal([]any{tool.Description, tool.InputSchema, tool.OutputSchema})
			if err != nil {
				t.Fatal(err)
			}
			for name, other := range names {
				if regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).Match(text) {
					t.Errorf("%s, in the profile %s, names %s, which a model knows as %s", tool.Name, profile, name, other)
				}
				if strings.Contains(string(text), other) {
					seen++
				}
			}
		}
	}
	if seen == 0 {
		t.Error("no tool names another")
	}
}

// TestThingsAreReadWhereTheyAreListed wants what browsing names to be an address that can be read, where a structure has addresses.
func TestThingsAreReadWhereTheyAreListed(t *testing.T) {
	a := &app{}
	if _, err := a.root(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, s := range a.table.Structures() {
		var read []string
		for _, c := range s.Commands {
			for _, address := range c.Addresses {
				if strings.Contains(address.URI, "{") { // one's own inbox is one address
					read = append(read, address.URI)
				}
			}
		}
		if s.Things == nil || len(read) == 0 {
			continue
		}
		seen++
		if !slices.ContainsFunc(read, func(uri string) bool { return strings.HasPrefix(uri, s.Things.Root()+"{") }) {
			t.Errorf("%s are listed as %s…, and read as %v", s.Things.Kind, s.Things.Root(), read)
		}
	}
	if seen < 4 {
		t.Errorf("%d structures have addresses", seen)
	}
}
