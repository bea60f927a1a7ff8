package main

import (
	"strings"
	"testing"
)

// TestDurations says what is sent for a duration.
func TestDurations(t *testing.T) {
	a := &app{}
	if _, err := a.root(); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, command, args, want string }{
		{"whole seconds", "queue.receive", "jobs --wait 10s", `{"queue":"jobs","wait":10}`},
		{"minutes are seconds", "queue.receive", "jobs --lease 1m30s", `{"lease":90,"queue":"jobs"}`},
		{"a plain number is seconds, as it was", "queue.receive", "jobs --lease 90", `{"lease":90,"queue":"jobs"}`},
		{"half a second is milliseconds", "queue.receive", "jobs --wait 500ms", `{"queue":"jobs","wait_ms":500}`},
		{"so are one and a half", "queue.receive", "jobs --wait 1.5s", `{"queue":"jobs","wait_ms":1500}`},
		{"the flag of milliseconds", "queue.receive", "jobs --wait-ms 2s", `{"queue":"jobs","wait_ms":2000}`},
		{"a plain number of milliseconds", "queue.receive", "jobs --wait-ms 2000", `{"queue":"jobs","wait_ms":2000}`},
		{"a flag without one of seconds", "queue.create", "jobs --retention-ms 24h", `{"queue":"jobs","retention_ms":86400000}`},
		{"fields that are called by their units", "queue.ack", "r --action retry --seconds 1m", `{"action":"retry","receipts":["r"],"seconds":60}`},
		{"and too fine for them", "queue.ack", "r --action retry --seconds 1500ms", `{"action":"retry","ms":1500,"receipts":["r"]}`},
		{"by place", "kv.expire", "k 2m", `{"key":"k","ttl":120}`},
		{"the last of two", "queue.receive", "jobs --wait 1500ms --wait 2s", `{"queue":"jobs","wait":2}`},
		{"what is negative is for the server to refuse", "queue.receive", "jobs --wait=-5s", `{"queue":"jobs","wait":-5}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := a.table.Find(test.command)
			if err != nil {
				t.Fatal(err)
			}
			r := a.newRow(c, "verb")
			cmd := r.cobra()
			if err := cmd.ParseFlags(strings.Fields(test.args)); err != nil {
				t.Fatal(err)
			}
			got, err := r.payload(cmd, cmd.Flags().Args())
			if err != nil || string(got) != test.want {
				t.Errorf("%s %s sends %s, %v; want %s", test.command, test.args, got, err, test.want)
			}
		})
	}
}

// TestEverySpanIsADuration holds the rule by which spans are told from other numbers against what the table says of
// them: whatever is described in seconds or milliseconds, and is no point in time, takes a duration.
func TestEverySpanIsADuration(t *testing.T) {
	for _, c := range tableForTests(t).Commands() {
		for _, f := range newArguments(c.Request, c.RequestSchema()) {
			text := f.schema.Description
			says := f.name == "seconds" || (strings.Contains(text, "seconds") && !strings.Contains(text, "Unix"))
			if kindOf(f.schema) == "integer" && f.span.is() != says {
				t.Errorf("%s of %s is a duration: %t; it is described as %q", f.name, c.Name, f.span.is(), text)
			}
		}
	}
}

func TestDefaultsOfDurations(t *testing.T) {
	c, err := tableForTests(t).Find("pubsub.request")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range newArguments(c.Request, c.RequestSchema()) {
		if f.name == "timeout_ms" && f.String() != "5s" {
			t.Errorf("the default of timeout_ms is shown as %q, want 5s", f.String())
		}
	}
}
