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
// Several clients of one server are told apart by a name and a colon; who is not named is one more. A client whose answer is ... is left
// waiting for it, while others go on, and has it where its name stands alone. An answer after ~ is what the same request is answered at
// last, however often it takes: so a story goes on when the server says that somebody waits, and not when some time is over.
//
//	bob: queue.receive {"queue":"jobs","wait":20}
//	...
//
//	queue.stats {"queue":"jobs"}
//	~ {"waiting":1,"ready":"*"}
//
//	queue.publish {"queue":"jobs","message":"work"}
//	{"message_id":"1"}
//
//	bob:
//	{"messages":["*"]}
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
	"slices"
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

// Door lets in another client of one server each time.
type Door func() Player

// Shared is a door that keeps no clients apart: whatever they ask goes the same way.
func Shared(p Player) Door { return func() Player { return p } }

// Step is one command of a story with the answer that is expected.
type Step struct {
	Where   string // file:line
	Client  string // who asks; "" is who is not named
	Command string // "" where a client is answered that was left waiting
	Request string // JSON, perhaps with <names> in it
	Want    string // JSON with "*" and <names>, or "! code part of the message"; perhaps after "~ "; or "..."
}

// later is what is wanted of a client that is left waiting.
const later = "..."

// Story is a sequence of steps against a server that was empty before.
type Story struct {
	Name  string
	Steps []Step
}

// Requests returns the steps in which something is asked.
func (s *Story) Requests() []Step {
	return slices.DeleteFunc(slices.Clone(s.Steps), func(step Step) bool { return step.Command == "" })
}

// Waits reports whether clients are left waiting in it.
func (s *Story) Waits() bool {
	return slices.ContainsFunc(s.Steps, func(step Step) bool { return step.Want == later })
}

// Stories returns every story of testdata.
func Stories(t testing.TB) []Story {
	t.Helper()
	return StoriesOf(t, stories)
}

// StoriesOf returns the stories of another testdata: those that are told in another language.
func StoriesOf(t testing.TB, files fs.FS) []Story {
	t.Helper()
	names, err := fs.Glob(files, "testdata/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("there are no stories: %v", err)
	}
	all := make([]Story, 0, len(names))
	for _, file := range names {
		text, err := fs.ReadFile(files, file)
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

// speaker is a client's name before what it asks, or alone.
var speaker = regexp.MustCompile(`^([a-z]+):(?: |$)`)

// parse reads a story: an answer may go on over several lines, until the next empty line or command.
func parse(name, text string) ([]Step, error) {
	var steps []Step
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		where := fmt.Sprintf("%s.txt:%d", name, i+1)
		switch {
		case line == "" || line[0] == '#':
		case line[0] >= 'a' && line[0] <= 'z':
			step := Step{Where: where}
			if named := speaker.FindStringSubmatch(line); named != nil {
				step.Client, line = named[1], strings.TrimSpace(line[len(named[0]):])
			}
			step.Command, step.Request, _ = strings.Cut(line, " ")
			step.Request = strings.TrimSpace(step.Request)
			steps = append(steps, step)
		case len(steps) == 0:
			return nil, fmt.Errorf("%s: an answer before any command", where)
		default:
			steps[len(steps)-1].Want += line
		}
	}
	waiting := map[string]bool{}
	for _, s := range steps {
		switch {
		case s.Want == "":
			return nil, fmt.Errorf("%s: %s has no answer", s.Where, s.Command)
		case waiting[s.Client] != (s.Command == ""):
			return nil, fmt.Errorf("%s: a client asks again when it has its answer, and has one when it asked", s.Where)
		}
		waiting[s.Client] = s.Want == later
		if s.Command == "" && s.Want[0] != '{' && s.Want[0] != '!' {
			return nil, fmt.Errorf("%s: who was left waiting has one answer", s.Where)
		}
	}
	for client, still := range waiting {
		if still {
			return nil, fmt.Errorf("%s.txt: the client %q is left waiting for ever", name, client)
		}
	}
	return steps, nil
}

// failure reports whether an error is expected, and which.
func (s *Step) failure() (code, message string, failing bool) {
	rest, failing := strings.CutPrefix(strings.TrimPrefix(s.Want, "~ "), "! ")
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
