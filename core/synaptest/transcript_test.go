package synaptest

import (
	"encoding/json"
	"testing"
)

func TestMatching(t *testing.T) {
	tests := []struct {
		name, got, want string
		ok              bool
	}{
		{"the same", `{"a":[1,"x",null]}`, `{"a":[1,"x",null]}`, true},
		{"another value", `{"a":1}`, `{"a":2}`, false},
		{"a field too many", `{"a":1,"b":2}`, `{"a":1}`, false},
		{"a field too few", `{"a":1}`, `{"a":1,"b":"*"}`, false},
		{"anything", `{"a":{"deep":true}}`, `{"a":"*"}`, true},
		{"a longer list", `[1,2]`, `[1]`, false},
		{"a name twice the same", `[7,7]`, `["<v>","<v>"]`, true},
		{"a name twice, not the same", `[7,8]`, `["<v>","<v>"]`, false},
		{"a name for a text", `["x","x"]`, `["<v>","<v>"]`, true},
		{"a name for neither", `[[]]`, `["<v>"]`, false},
		{"digits are kept", `12345678901234567891`, `12345678901234567890`, false},
	}
	for _, test := range tests {
		got, err1 := decode([]byte(test.got))
		want, err2 := decode([]byte(test.want))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if ok := matches(got, want, map[string]any{}); ok != test.ok {
			t.Errorf("%s: matches(%s, %s) = %v", test.name, test.got, test.want, ok)
		}
	}
}

func TestStoriesAreWellFormed(t *testing.T) {
	for _, story := range Stories(t) {
		for _, step := range story.Steps {
			if _, _, failing := step.failure(); failing || step.Want == later {
				continue
			}
			if !json.Valid(step.wanted()) {
				t.Errorf("%s: not JSON: %s", step.Where, step.Want)
			}
		}
	}
	for what, text := range map[string]string{
		"an answer without a command":                  "{}",
		"a command without an answer":                  "kv.get {}",
		"a client that asks while it waits":            "a: kv.get {}\n...\n\na: kv.get {}\n{}",
		"a client that is answered without a question": "a: kv.get {}\n{}\n\na:\n{}",
		"a client that waits for ever":                 "a: kv.get {}\n...",
		"a client that is never answered":              "a: kv.get {}\n...\n\na:\n...",
		"a client that is answered at last, twice":     "a: kv.get {}\n...\n\na:\n~ {}",
	} {
		if _, err := parse("x", text); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
}
