package mcp

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// maxSeenBytes is how much of what was given is repeated in an error.
const maxSeenBytes = 120

// teach explains a fault to a model in four parts: what was wrong, the value seen, what is allowed or nearest, and
// what to call next. It begins with the code.
func (t *tool) teach(f *fault.Error, raw json.RawMessage, args arguments, p *profile) string {
	a := t.about(f)
	message := f.Message
	if a != nil && a.name != a.field {
		message = strings.Replace(message, strconv.Quote(a.field), strconv.Quote(a.name), 1)
	}
	allowed := t.allowed(f, a)
	if !t.runsCommands() {
		message, allowed = p.inTools(message), p.inTools(allowed)
	}
	return strings.Join([]string{
		f.Code.String() + ": " + message,
		"Given: " + seen(raw, a, args),
		"Allowed: " + allowed,
		"Next: " + t.next(f, a, p),
	}, "\n")
}

// words finds what is in quotes, which is the caller's and stays as it is, and what may be the name of a command.
var words = regexp.MustCompile(`"(?:\\.|[^"\\])*"|\b[a-z]+(?:\.[a-z]+)+\b`)

// runsCommands reports whether the tool is told by its arguments which commands to run: there a command is called what it is.
func (t *tool) runsCommands() bool { return t.byName["command"] != nil || t.byName["commands"] != nil }

// inTools names the tools where a sentence names commands: a model knows no others. Commands without a tool here keep their names.
func (p *profile) inTools(sentence string) string {
	return words.ReplaceAllStringFunc(sentence, func(word string) string {
		if t := p.byCommand[word]; t != nil {
			return t.name()
		}
		return word
	})
}

// about returns the argument that the fault is about, or nil.
func (t *tool) about(f *fault.Error) *argument {
	name, ok := f.Details["argument"].(string)
	if !ok {
		name, _ = f.Details["field"].(string)
	}
	// A field inside a field is "options.limit"; the model gave the outer one.
	name, _, _ = strings.Cut(name, ".")
	if name == "" {
		return nil
	}
	for _, a := range t.args {
		if a.field == name {
			return a
		}
	}
	return t.byName[name]
}

// seen repeats what was given: the argument that is wrong, or all.
func seen(raw json.RawMessage, a *argument, args arguments) string {
	if g := args.get(a); g != nil {
		return a.name + " = " + clip(string(g.value), maxSeenBytes)
	}
	if a != nil {
		return "no " + a.name
	}
	if len(raw) == 0 {
		return "no arguments"
	}
	return clip(strings.ToValidUTF8(string(raw), "�"), maxSeenBytes)
}

// allowed says what is: for a wrong argument what its schema asks for, else what the fault knows.
func (t *tool) allowed(f *fault.Error, a *argument) string {
	if a != nil {
		return a.name + ": " + describe(a.schema)
	}
	if all, ok := f.Details["allowed"].([]string); ok {
		return strings.Join(all, ", ")
	}
	var facts []string
	for _, key := range slices.Sorted(maps.Keys(f.Details)) {
		v, err := encode(f.Details[key])
		if err == nil {
			facts = append(facts, key+" "+clip(string(v), maxSeenBytes))
		}
	}
	if len(facts) > 0 {
		return strings.Join(facts, ", ")
	}
	return rules[f.Code]
}

// rules say what is allowed where the fault itself does not.
var rules = map[fault.Code]string{
	fault.Invalid:         "what the tool's schema describes",
	fault.OutOfRange:      "what is there now; older things may be gone",
	fault.Unauthenticated: "callers who are known",
	fault.Denied:          "what your credential grants",
	fault.NotFound:        "names that exist",
	fault.AlreadyExists:   "names that do not exist yet",
	fault.Conflict:        "the version that is there now",
	fault.TooLarge:        "less in one call",
	fault.Unsupported:     "what this server offers",
	fault.Exhausted:       "the same call, later",
	fault.Internal:        "nothing you could change: this is the server's mistake",
	fault.Corrupt:         "nothing you could change: stored bytes are damaged",
	fault.Unavailable:     "the same call, a little later",
	fault.Canceled:        "the same call again",
	fault.Timeout:         "a shorter wait, or less in one call",
	fault.NotPrimary:      "reads here; writes on the primary",
}

// next says what to call now. Tools are named only where the client has them.
func (t *tool) next(f *fault.Error, a *argument, p *profile) string {
	again := "call " + t.name() + " again"
	look := t.neighbour(p)
	switch f.Code {
	case fault.Invalid:
		if near, ok := f.Details["nearest"].(string); ok {
			return again + " with " + strconv.Quote(near)
		}
		if a != nil {
			return again + " with " + a.name + " corrected"
		}
		return again + " with the arguments corrected"
	case fault.OutOfRange:
		if a != nil {
			return again + " with " + a.name + " in range"
		}
		return again + " from where things begin now" + or(look, "; %s shows what is there")
	case fault.Unauthenticated:
		return "ask the user for a credential, and connect with it"
	case fault.Denied:
		return "do not retry; tell the user which access is missing" + or(look, ", or use %s, which shows what you may see")
	case fault.NotFound:
		return "correct the name" + or(look, ": %s shows what there is") + ", then " + again
	case fault.AlreadyExists:
		return "use another name" + or(look, ", or look at what is there with %s")
	case fault.Conflict:
		return "look at what is there now" + or(look, " with %s") + ", then " + again + " with its version"
	case fault.TooLarge:
		return t.nextTooLarge(f, again)
	case fault.Unsupported:
		return t.nextUnsupported(f, p)
	case fault.Exhausted:
		return nextExhausted(f, again, look)
	case fault.Unavailable:
		return "wait a few seconds, then " + again
	case fault.Timeout, fault.Canceled:
		return again + " if the answer is still wanted" + or(look, "; check with %s first if it may have happened")
	case fault.NotPrimary:
		return "tell the user to connect to the primary"
	default:
		return again + " once; if it fails again, tell the user"
	}
}

// nextExhausted tells what passes by itself from what does not.
func nextExhausted(f *fault.Error, again string, look *tool) string {
	wait, rate := f.Details["retry_after_ms"]
	switch {
	case rate:
		return fmt.Sprintf("wait %v milliseconds, then %s", wait, again)
	case f.Details["quota"] != nil || f.Details["resource"] != nil:
		return "waiting does not help: delete what may go" + or(look, " (%s shows what there is)") + " or ask the user for more room, then " + again
	}
	return "wait a few seconds, then " + again
}

func (t *tool) nextTooLarge(f *fault.Error, again string) string {
	less, _ := f.Details["narrow"].([]string)
	switch {
	case len(less) > 0:
		return again + " and ask for less with " + strings.Join(less, ", ")
	case t.command.ReadOnly():
		return again + " for less"
	}
	return "look at the result in parts; do not repeat the call unless it may happen twice"
}

func (t *tool) nextUnsupported(f *fault.Error, p *profile) string {
	if f.Details["profile"] != nil {
		return "use one of the allowed tools, or ask the user to connect with ?profile=" + profileFull
	}
	return "do it another way" + or(t.neighbour(p), "; %s shows what there is")
}

// or formats the text with the tool's name, and is empty when there is no such tool.
func or(t *tool, format string) string {
	if t == nil {
		return ""
	}
	return fmt.Sprintf(format, t.name())
}

// neighbour returns the tool that shows what there is where this tool works: one that lists, else one that
// explains, else one that reads. Nil when the profile has none.
func (t *tool) neighbour(p *profile) *tool {
	structure := t.command.Structure()
	for _, verb := range []string{".list", ".help"} {
		if n := p.byCommand[structure+verb]; n != nil && n != t {
			return n
		}
	}
	for _, n := range p.tools {
		if n != t && n.command.Structure() == structure && n.command.Kind == command.KindRead {
			return n
		}
	}
	return nil
}

// describe says in a few words what a schema asks for.
func describe(s *jsonschema.Schema) string {
	var parts []string
	switch {
	case len(s.Enum) > 0:
		text, err := encode(s.Enum)
		if err == nil {
			parts = append(parts, "one of "+string(text))
		}
	case s.Type != "":
		parts = append(parts, s.Type)
	case s.Types != nil:
		parts = append(parts, strings.Join(s.Types, " or "))
	}
	parts = append(parts, bounds(s)...)
	if s.Description != "" {
		parts = append(parts, s.Description)
	}
	return strings.Join(parts, ", ")
}

// bounds says how small and how large.
func bounds(s *jsonschema.Schema) (parts []string) {
	number := func(f *float64, word string) {
		if f != nil {
			parts = append(parts, word+" "+strconv.FormatFloat(*f, 'f', -1, 64))
		}
	}
	count := func(n *int, word, unit string) {
		if n != nil {
			parts = append(parts, fmt.Sprintf("%s %d %s", word, *n, unit))
		}
	}
	number(s.Minimum, "at least")
	number(s.Maximum, "at most")
	count(s.MinLength, "at least", "characters")
	count(s.MaxLength, "at most", "characters")
	count(s.MinItems, "at least", "entries")
	count(s.MaxItems, "at most", "entries")
	return parts
}

// machine is the fault for programs: code, message, details.
func machine(f *fault.Error) json.RawMessage {
	text, err := encode(f)
	if err != nil {
		text, _ = encode(fault.New(f.Code, "%s", f.Message)) // code and message always encode
	}
	return text
}
