package mcp

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// The profiles that every table has. Further ones are named by the tools that belong to them.
const (
	profileCore     = "core"     // all tools but those that are only in the full profile
	profileReadOnly = "readonly" // those of core that change nothing
	profileFull     = "full"     // every tool
	profileCompat   = "compat"   // the tools of the first generation, under the names that they had
)

// catalog is the command table as language models see it. It is immutable.
type catalog struct {
	table    *command.Table
	tools    []*tool // in the order in which structures and their commands are declared
	byName   map[string]*tool
	profiles map[string]*profile
}

// profile is a named set of tools.
type profile struct {
	name         string
	tools        []*tool // in the catalog's order
	byCommand    map[string]*tool
	instructions string // what a client is told when it connects
}

// newCatalog derives everything from the table and fails with every mistake it finds.
func newCatalog(table *command.Table) (*catalog, error) {
	c := &catalog{table: table, byName: map[string]*tool{}, profiles: map[string]*profile{}}
	var wrong []error
	for _, structure := range table.Structures() {
		for _, cmd := range structure.Commands {
			if cmd.Tool == nil {
				continue
			}
			for _, decl := range declarations(cmd.Tool) {
				t, err := newTool(cmd, decl)
				if err != nil {
					wrong = append(wrong, fmt.Errorf("tool %s: %w", decl.Name, err))
					continue
				}
				c.tools = append(c.tools, t)
				c.byName[t.name()] = t
			}
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	for _, name := range Profiles(table.Structures()) {
		c.profiles[name] = c.newProfile(name)
	}
	for _, t := range c.tools {
		if err := t.write(func(sentence string) string { return c.inToolsFor(t, sentence) }); err != nil {
			wrong = append(wrong, fmt.Errorf("tool %s: %w", t.name(), err))
		}
	}
	return c, errors.Join(wrong...)
}

// inToolsFor names tools where a sentence in a tool's schema names commands: those that everybody has who has the tool.
func (c *catalog) inToolsFor(t *tool, sentence string) string {
	if t.runsCommands() {
		return sentence
	}
	return words.ReplaceAllStringFunc(sentence, func(word string) string {
		var named *tool
		for _, p := range c.profiles {
			switch other := p.byCommand[word]; {
			case !p.has(t):
			case other == nil, named != nil && other != named:
				return word
			default:
				named = other
			}
		}
		if named == nil {
			return word
		}
		return named.name()
	})
}

// Profiles are the names of all profiles of the structures' tools, in order.
func Profiles(structures []*command.Structure) []string {
	names := map[string]bool{profileCore: true, profileReadOnly: true, profileFull: true}
	for _, structure := range structures {
		for _, c := range structure.Commands {
			if c.Tool == nil {
				continue
			}
			for _, t := range declarations(c.Tool) {
				for _, name := range t.Profiles {
					names[name] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// formerProfiles are those of a tool under its former name.
var formerProfiles = []string{profileCompat}

// declarations are the tool, and the tool under the name that it had in servers of the first generation.
func declarations(t *command.Tool) []*command.Tool {
	if t.Former == nil {
		return []*command.Tool{t}
	}
	old := *t
	old.Name, old.Profiles, old.Former = t.Former.Name, formerProfiles, nil
	old.Args = slices.Concat(t.Args, t.Former.Args)
	old.Aliases = maps.Clone(t.Aliases)
	if old.Aliases == nil {
		old.Aliases = map[string]string{}
	}
	maps.Copy(old.Aliases, t.Former.Aliases)
	if old.Name == t.Name { // it kept its name
		now := *t
		now.Profiles = append(slices.Clone(t.Profiles), profileCompat)
		return []*command.Tool{&now}
	}
	return []*command.Tool{t, &old}
}

func (c *catalog) newProfile(name string) *profile {
	p := &profile{name: name, byCommand: map[string]*tool{}}
	for _, t := range c.tools {
		if t.belongs(name) {
			p.tools = append(p.tools, t)
			p.byCommand[t.command.Name] = t
		}
	}
	p.instructions = p.instruct(c.table)
	return p
}

// belongs reports whether the tool is in the profile. Read-only is what a tool is, not what it says.
func (t *tool) belongs(profile string) bool {
	listed := t.decl.Profiles
	if slices.Equal(listed, formerProfiles) {
		return profile == profileCompat
	}
	core := len(listed) != 1 || listed[0] != profileFull
	switch profile {
	case profileFull:
		return true
	case profileCore:
		return core
	case profileReadOnly:
		return core && t.command.ReadOnly()
	}
	return slices.Contains(listed, profile)
}

// profile returns the profile of that name, "" being core, or a NotFound error that names them all.
func (c *catalog) profile(name string) (*profile, error) {
	if name == "" {
		name = profileCore
	}
	if p := c.profiles[name]; p != nil {
		return p, nil
	}
	all := slices.Sorted(maps.Keys(c.profiles))
	return nil, fault.New(fault.NotFound, "there is no profile %q; the profiles are %s", clip(name, 80), strings.Join(all, ", ")).
		With("profiles", all)
}

// profileFor returns the profile of a caller who asks for one by name, or for none with "". A key may be for one profile, and for no other.
func (c *catalog) profileFor(id *auth.Identity, asked string) (*profile, error) {
	switch {
	case id.Profile == "":
		return c.profile(asked)
	case asked != "" && asked != id.Profile:
		return nil, fault.New(fault.Denied, "this key is for the profile %q, and for no other: leave ?profile= or --profile away", id.Profile)
	}
	p, err := c.profile(id.Profile)
	if err != nil {
		return nil, fault.Wrap(fault.Denied, err, "this key is for the profile %q, and there is none: ask whoever gave it to you", id.Profile)
	}
	return p, nil
}

// has reports whether the tool is in the profile.
func (p *profile) has(t *tool) bool { return p.byCommand[t.command.Name] == t }

// names returns the names of the profile's tools.
func (p *profile) names() []string {
	names := make([]string, len(p.tools))
	for i, t := range p.tools {
		names[i] = t.name()
	}
	return names
}

// clip shortens what a caller sent before it is repeated to them.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
