package mcp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"unicode"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"go.yaml.in/yaml/v3"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/prompts"
)

const (
	maxArgumentBytes = 16 << 10 // of a prompt's argument
	maxNameArgument  = 256      // of one that is a name
)

// prompt is a recipe for a model. It is immutable.
type prompt struct {
	Name        string           `yaml:"-"`
	Title       string           `yaml:"title"`
	Description string           `yaml:"description"`
	Arguments   []promptArgument `yaml:"arguments"`

	body *template.Template
}

// promptArgument is what a user gives.
type promptArgument struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	Required    bool   `yaml:"required"`
	Type        string `yaml:"type"`     // "" is any text, "name" one line of it, "integer" a number
	Min         *int64 `yaml:"min"`      // of an integer
	Max         *int64 `yaml:"max"`      // of an integer
	Default     string `yaml:"default"`  // what an absent one is
	Complete    string `yaml:"complete"` // the kind of things that it names
}

// readPrompts reads all that are built in, by name.
func readPrompts() (all []*prompt, err error) {
	files, err := fs.Glob(prompts.Files, "*.md")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := fs.ReadFile(prompts.Files, file)
		if err != nil {
			return nil, err
		}
		p, err := parsePrompt(strings.TrimSuffix(file, ".md"), string(text))
		if err != nil {
			return nil, fmt.Errorf("prompt %s: %w", file, err)
		}
		all = append(all, p)
	}
	return all, nil
}

func parsePrompt(name, text string) (*prompt, error) {
	rest, ok := strings.CutPrefix(text, "---\n")
	head, body, ended := strings.Cut(rest, "\n---\n")
	if !ok || !ended {
		return nil, errors.New("it does not begin with YAML between two lines of ---")
	}
	p := &prompt{Name: name}
	dec := yaml.NewDecoder(strings.NewReader(head))
	dec.KnownFields(true)
	if err := dec.Decode(p); err != nil {
		return nil, err
	}
	var err error
	p.body, err = template.New(name).Funcs(template.FuncMap{"has": func(string) bool { return true }}).Parse(body)
	return p, err
}

// render writes the prompt for a client with the profile.
func (p *prompt) render(args map[string]string, has *profile) (string, error) {
	body, err := p.body.Clone()
	if err != nil {
		return "", err
	}
	body.Funcs(template.FuncMap{"has": func(tool string) bool { return slices.Contains(has.names(), tool) }})
	var out strings.Builder
	if err := body.Execute(&out, args); err != nil {
		return "", err
	}
	return strings.TrimSpace(out.String()) + "\n", nil
}

var toolInText = regexp.MustCompile(`\bsynap_[a-z_]+\b`)

// fits reports whether the client has every tool that the prompt tells it to call.
func (p *prompt) fits(has *profile) bool {
	text, err := p.render(map[string]string{}, has)
	if err != nil {
		return false
	}
	for _, tool := range toolInText.FindAllString(text, -1) {
		if !slices.Contains(has.names(), tool) {
			return false
		}
	}
	return true
}

// read checks what the user gave, and fills in what is absent.
func (p *prompt) read(given map[string]string) (map[string]string, error) {
	args := map[string]string{}
	for _, a := range p.Arguments {
		text := strings.TrimSpace(given[a.Name])
		if text == "" {
			text = a.Default
		}
		if text == "" {
			if a.Required {
				return nil, fault.New(fault.Invalid, "the argument %q is required: %s", a.Name, a.Description)
			}
			continue
		}
		if err := a.check(text); err != nil {
			return nil, err
		}
		args[a.Name] = text
	}
	for name := range given {
		if !slices.ContainsFunc(p.Arguments, func(a promptArgument) bool { return a.Name == name }) {
			return nil, fault.New(fault.Invalid, "there is no argument %q", clip(name, 80))
		}
	}
	return args, nil
}

func (a *promptArgument) check(text string) error {
	most := maxArgumentBytes
	if a.Type == "name" {
		most = maxNameArgument
	}
	switch {
	case len(text) > most:
		return fault.New(fault.TooLarge, "the argument %q has %d bytes, and at most %d are allowed", a.Name, len(text), most)
	case a.Type == "name" && strings.ContainsFunc(text, unicode.IsControl):
		return fault.New(fault.Invalid, "the argument %q is a name: one line", a.Name)
	case a.Type != "integer":
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || (a.Min != nil && n < *a.Min) || (a.Max != nil && n > *a.Max) {
		return fault.New(fault.Invalid, "the argument %q is a whole number%s, not %q", a.Name, a.bounds(), clip(text, 80))
	}
	return nil
}

func (a *promptArgument) bounds() (text string) {
	if a.Min != nil {
		text += fmt.Sprintf(" from %d", *a.Min)
	}
	if a.Max != nil {
		text += fmt.Sprintf(" to %d", *a.Max)
	}
	return text
}

// addPrompts hands the prompts to mcp-go. Which of them a client sees is decided when it asks.
func (s *Server) addPrompts(library *server.MCPServer) {
	for _, p := range s.prompts {
		declared := mcp.Prompt{Name: p.Name, Title: p.Title, Description: p.Description}
		for _, a := range p.Arguments {
			declared.Arguments = append(declared.Arguments, mcp.PromptArgument{Name: a.Name, Description: a.Description, Required: a.Required})
		}
		library.AddPrompt(declared, func(ctx context.Context, r mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			args, err := p.read(r.Params.Arguments)
			var text string
			if err == nil {
				text, err = p.render(args, s.toolsOf(ctx))
			}
			if err != nil {
				f := fault.From(err)
				return nil, &rpcFault{Code: mcp.INVALID_PARAMS, Message: f.Code.String() + ": " + f.Message}
			}
			return mcp.NewGetPromptResult(p.Description, []mcp.PromptMessage{
				mcp.NewPromptMessage(mcp.RoleUser, mcp.NewTextContent(text)),
			}), nil
		})
	}
}

// promptsFor leaves of prompts those that the client has the tools for.
func (s *Server) promptsFor(ctx context.Context, all []mcp.Prompt) []mcp.Prompt {
	has := s.toolsOf(ctx)
	return slices.DeleteFunc(all, func(declared mcp.Prompt) bool {
		return slices.ContainsFunc(s.prompts, func(p *prompt) bool { return p.Name == declared.Name && !p.fits(has) })
	})
}
