// Package eval is tasks for agents: what a model is told, the world that it finds, and a judge who looks
// at the world afterwards.
//
// A task is a Markdown file in tasks, for people to read and for any model to be given. World opens it in a
// namespace of its own on a running server, with keys that may do what the task says. Agent is a real MCP
// client that counts what it uses; a scripted solver drives it, and is held to what the server shows: it cannot name a tool
// or an argument that was not listed. The judge asks the server, never the solver, and is judged itself: it
// has to refuse a world in which nothing was done, and every way of doing it wrong that the task lists.
//
// It knows a server by its address and its root key only, and nothing of what is inside.
package eval

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:embed tasks/*.md
var files embed.FS

// Task is one thing to be done, as its file says it.
type Task struct {
	ID    string // the file's name
	Title string
	Text  string // what a model is told; the prompt's text goes before it when there is a prompt

	Profile string   // of the tools that it is given; "" is the default
	Access  []string // the permissions of its key; none is the role writer
	Quotas  string   // of the namespace, as JSON; "" is none
	Agents  []string // others who take part, each with a key
	Prompt  string   // a prompt of the server's, with its arguments as JSON; "" is none

	World []Step   // what was before
	When  []Step   // what others do meanwhile: the first step waits for its moment
	Judge []Check  // how it has to be in the end
	Wrong []Misuse // ways of doing it wrong
}

// Step is a command that somebody runs, perhaps many times.
type Step struct {
	Who     string // one of the task's agents; "" is the server's administrator
	From    int    // the step is run for every number from From to To, which is {i} in it
	To      int
	Command string
	Request string            // JSON with {{names}} in it
	Keep    map[string]string // names to be given to parts of the answer
}

// Check is something that has to be so in the end.
type Check struct {
	Says string // in words
	Step Step
	Want string // JSON, see match; or "! code"
}

// Misuse is a way of doing the task wrong, which the judge must not accept.
type Misuse struct {
	Says  string
	Steps []Step
}

// Tasks returns all tasks, by id.
func Tasks() ([]*Task, error) {
	names, err := fs.Glob(files, "tasks/*.md")
	if err != nil {
		return nil, err
	}
	all := make([]*Task, 0, len(names))
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		t, err := parse(strings.TrimSuffix(strings.TrimPrefix(name, "tasks/"), ".md"), string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, t)
	}
	return all, nil
}

// parse reads a task's file: a title, settings as "name: value", the text, and sections.
func parse(id, file string) (*Task, error) {
	t := &Task{ID: id}
	head, sections, _ := strings.Cut(file, "\n## ")
	if err := t.parseHead(head); err != nil {
		return nil, err
	}
	for _, section := range strings.Split(sections, "\n## ") {
		title, body, _ := strings.Cut(section, "\n")
		if err := t.parseSection(title, body); err != nil {
			return nil, fmt.Errorf("%s: %w", title, err)
		}
	}
	switch {
	case t.Title == "" || (t.Text == "" && t.Prompt == ""):
		return nil, fmt.Errorf("it has no title or no text")
	case len(t.World) == 0 || len(t.Judge) == 0:
		return nil, fmt.Errorf("it has no world or no judge")
	}
	return t, nil
}

var setting = regexp.MustCompile(`^(profile|access|quotas|agents|prompt): (.*)$`)

func (t *Task) parseHead(head string) error {
	title, rest, _ := strings.Cut(head, "\n")
	var ok bool
	if t.Title, ok = strings.CutPrefix(title, "# "); !ok {
		return fmt.Errorf("the first line is no title")
	}
	var text []string
	for _, line := range strings.Split(rest, "\n") {
		m := setting.FindStringSubmatch(line)
		if m == nil || len(strings.TrimSpace(strings.Join(text, ""))) > 0 {
			text = append(text, line)
			continue
		}
		switch value := m[2]; m[1] {
		case "profile":
			t.Profile = value
		case "access":
			t.Access = strings.Fields(value)
		case "quotas":
			t.Quotas = value
		case "agents":
			t.Agents = strings.Fields(value)
		case "prompt":
			t.Prompt = value
		}
	}
	t.Text = strings.TrimSpace(strings.Join(text, "\n"))
	return nil
}

func (t *Task) parseSection(title, body string) (err error) {
	name, says, _ := strings.Cut(title, ": ")
	switch name {
	case "World":
		t.World, err = t.steps(body)
	case "When":
		t.When, err = t.steps(body)
	case "Judge":
		t.Judge, err = t.checks(body)
	case "Wrong":
		m := Misuse{Says: says}
		m.Steps, err = t.steps(body)
		t.Wrong = append(t.Wrong, m)
	default:
		err = fmt.Errorf("there is no such section")
	}
	return err
}

// stepLine is a step: who runs it, how often, the command, its request, and what to keep of the answer.
var stepLine = regexp.MustCompile(`^(?:([a-z]+): )?(?:(\d+)\.\.(\d+) )?([a-z]+(?:\.[a-z_]+)+)(?: (\{.*\}))?((?: -> [a-z]+=[a-z0-9_.]+)*)$`)

func (t *Task) step(line string) (s Step, ok bool, err error) {
	m := stepLine.FindStringSubmatch(line)
	if m == nil {
		return s, false, nil
	}
	s = Step{Who: m[1], From: 1, To: 1, Command: m[4], Request: m[5], Keep: map[string]string{}}
	if s.Request == "" {
		s.Request = "{}"
	}
	if s.Who != "" && s.Who != "agent" && !slices.Contains(t.Agents, s.Who) {
		return s, true, fmt.Errorf("%q is nobody: %s", s.Who, line)
	}
	if m[2] != "" {
		s.From, _ = strconv.Atoi(m[2])
		s.To, _ = strconv.Atoi(m[3])
	}
	for _, keep := range strings.Split(m[6], " -> ")[1:] {
		name, path, _ := strings.Cut(keep, "=")
		s.Keep[name] = path
	}
	return s, true, nil
}

func (t *Task) steps(body string) (all []Step, err error) {
	for _, line := range strings.Split(body, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		s, ok, err := t.step(line)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("no command: %s", line)
		}
		all = append(all, s)
	}
	return all, nil
}

// checks reads what the judge looks at: a sentence, a command, and what has to come back.
func (t *Task) checks(body string) (all []Check, err error) {
	var says string
	for _, line := range strings.Split(body, "\n") {
		line = strings.TrimSpace(line)
		s, isStep, err := t.step(line)
		switch {
		case err != nil:
			return nil, err
		case line == "":
		case isStep:
			if says == "" {
				return nil, fmt.Errorf("it does not say what this is about: %s", line)
			}
			all = append(all, Check{Says: says, Step: s})
			says = ""
		case line[0] == '{' || line[0] == '!':
			if len(all) == 0 || says != "" {
				return nil, fmt.Errorf("an answer without a command: %s", line)
			}
			if last := &all[len(all)-1]; last.Want != "" {
				return nil, fmt.Errorf("two answers: %s", line)
			} else {
				last.Want = line
			}
		default:
			says = strings.TrimSpace(says + " " + line)
		}
	}
	for _, c := range all {
		if c.Want == "" {
			return nil, fmt.Errorf("%q wants nothing", c.Says)
		}
	}
	return all, nil
}

// prompt is the name and the arguments of the task's prompt.
func (t *Task) prompt() (name string, args map[string]string, err error) {
	name, raw, _ := strings.Cut(t.Prompt, " ")
	if raw == "" {
		return name, nil, nil
	}
	err = json.Unmarshal([]byte(raw), &args)
	return name, args, err
}
