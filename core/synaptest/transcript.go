// Package synaptest is how Synap is tested from outside: stories of commands and
// answers in testdata, and a runner that plays them through any door.
//
// A story is a text file. A line with a command and its request is followed by a
// line with the answer:
//
//	# what this part is about
//	kv.set {"key":"a","value":"1"}
//	{"version":"*","created":true}
//
//	kv.increment {"key":"a","by":"x"}
//	! invalid an integer is wanted
//
// In an answer "*" stands for anything that is there. An error is its code and a
// part of its message. A number or a text may be written <name> where it is first
// seen and means the same wherever it is used again; in a request, a text is put in
// quotes: "<name>".
//
// It is imported by tests only.
package synaptest

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
)

//go:embed testdata/*.txt
var stories embed.FS

// Player sends one command through one door. The answer is JSON; a failure is a fault.Error.
type Player interface {
	Play(ctx context.Context, command string, request []byte) (answer []byte, err error)
}

// PlayerFunc is a Player that is a function.
type PlayerFunc func(ctx context.Context, command string, request []byte) ([]byte, error)

// Play implements Player.
func (f PlayerFunc) Play(ctx context.Context, command string, request []byte) ([]byte, error) {
	return f(ctx, command, request)
}

// Step is one command of a story with the answer that is expected.
type Step struct {
	Where   string // file:line
	Command string
	Request string // JSON, perhaps with <names> in it
	Want    string // JSON with "*" and <names>, or "! code part of the message"
}

// Story is a sequence of steps against a server that was empty before.
type Story struct {
	Name  string
	Steps []Step
}

// Stories returns every story of testdata.
func Stories(t testing.TB) []Story {
	t.Helper()
	files, err := fs.Glob(stories, "testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no stories: %v", err)
	}
	all := make([]Story, 0, len(files))
	for _, file := range files {
		text, err := stories.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".txt")
		steps, err := parse(name, string(text))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Story{Name: name, Steps: steps})
	}
	return all
}

// parse reads a story: an answer may go on over several lines, until the next empty line or command.
func parse(name, text string) ([]Step, error) {
	var steps []Step
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		where := fmt.Sprintf("%s.txt:%d", name, i+1)
		switch {
		case line == "" || line[0] == '#':
		case line[0] >= 'a' && line[0] <= 'z':
			command, request, _ := strings.Cut(line, " ")
			steps = append(steps, Step{Where: where, Command: command, Request: strings.TrimSpace(request)})
		case len(steps) == 0:
			return nil, fmt.Errorf("%s: an answer before any command", where)
		default:
			steps[len(steps)-1].Want += line
		}
	}
	for _, s := range steps {
		if s.Want == "" {
			return nil, fmt.Errorf("%s: %s has no answer", s.Where, s.Command)
		}
	}
	return steps, nil
}

// Play tells every story to a fresh player. open is called for each story and may use t.Cleanup.
func Play(t *testing.T, open func(t *testing.T) Player) {
	t.Helper()
	for _, story := range Stories(t) {
		t.Run(story.Name, func(t *testing.T) { story.Play(t, open(t)) })
	}
}

// Play tells the story to a fresh player.
func (s *Story) Play(t *testing.T, player Player) {
	t.Helper()
	names := map[string]any{}
	for _, step := range s.Steps {
		step.play(t, player, names)
	}
}

var placeholder = regexp.MustCompile(`<[a-z]+>`)

func (s *Step) play(t *testing.T, player Player, names map[string]any) {
	t.Helper()
	request := placeholder.ReplaceAllStringFunc(s.Request, func(name string) string {
		if v, known := names[name]; known {
			return fmt.Sprint(v)
		}
		return name
	})
	if request == "" {
		request = "{}"
	}
	answer, err := player.Play(t.Context(), s.Command, []byte(request))
	if code, message, failing := s.failure(); failing {
		e := fault.From(err)
		if e == nil || e.Code.String() != code || !strings.Contains(e.Message, message) {
			t.Errorf("%s: %s %s\n got  %s\n want %s", s.Where, s.Command, request, show(answer, err), s.Want)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %s %s\n got  %s\n want %s", s.Where, s.Command, request, show(nil, err), s.Want)
		return
	}
	got, err := decode(answer)
	if err != nil {
		t.Errorf("%s: the answer is not JSON: %q", s.Where, answer)
		return
	}
	want, err := decode(placeholder.ReplaceAll([]byte(s.Want), []byte(`"$0"`)))
	if err != nil {
		t.Fatalf("%s: the expected answer is not JSON: %s", s.Where, s.Want)
	}
	if !matches(got, want, names) {
		t.Errorf("%s: %s %s\n got  %s\n want %s", s.Where, s.Command, request, answer, s.Want)
	}
}

// Failure reports whether an error is expected, and which.
func (s *Step) failure() (code, message string, failing bool) {
	rest, failing := strings.CutPrefix(s.Want, "! ")
	code, message, _ = strings.Cut(rest, " ")
	return code, message, failing
}

// Plain is the request with 1 in place of every <name>, for who does not play the story.
func (s *Step) Plain() string {
	if s.Request == "" {
		return "{}"
	}
	return placeholder.ReplaceAllString(s.Request, "1")
}

// Valid reports whether there is nothing wrong with the step's request itself.
func (s *Step) Valid() bool {
	code, _, failing := s.failure()
	return !failing || (code != fault.Invalid.String() && code != fault.OutOfRange.String())
}

func show(answer []byte, err error) string {
	if err != nil {
		e := fault.From(err)
		return "! " + e.Code.String() + " " + e.Message
	}
	return string(answer)
}

func decode(text []byte) (v any, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}

// matches compares an answer with what is wanted, where "*" is anything and "<name>" is one number or text.
func matches(got, want any, names map[string]any) bool {
	switch want := want.(type) {
	case string:
		if want == "*" {
			return true
		}
		if placeholder.FindString(want) == want && want != "" {
			if known, ok := names[want]; ok {
				return reflect.DeepEqual(got, known)
			}
			names[want] = got
			switch got.(type) {
			case json.Number, string:
				return true
			}
			return false
		}
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(want) {
			return false
		}
		for k, w := range want {
			if v, there := g[k]; !there || !matches(v, w, names) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(want) {
			return false
		}
		for i := range want {
			if !matches(g[i], want[i], names) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(got, want)
}
