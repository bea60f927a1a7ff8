package main

import (
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core/command"
)

// verbs are what people call a command whose verb in the table was named for programs: the first is its name here,
// and the others are understood too. Whoever listens at a terminal wants to see messages as they come; polling with
// a handle is for programs.
var verbs = map[string][]string{
	"pubsub.subscribe": {"listen", "subscribe"},
	"pubsub.listen":    {"poll"},
	"pubsub.topics":    {"topics", "list"},
}

// pathOf is how a command is called here: kv.set is kv set. The aliases stand for the last part of it.
func pathOf(c *command.Command) (path, aliases []string) {
	path = strings.Split(strings.ReplaceAll(c.Name, "_", "-"), ".")
	if names := verbs[c.Name]; names != nil {
		path[len(path)-1], aliases = names[0], names[1:]
	}
	return path, aliases
}

// words finds what is in quotes, which stays as it is, and what may be the name of a command.
var words = regexp.MustCompile(`"(?:\\.|[^"\\])*"|\b[a-z]+(?:\.[a-z_]+)+\b`)

// inSubcommands spells commands as they are called here where a sentence of the server's names them.
func (a *app) inSubcommands(sentence string) string {
	if a.table == nil {
		return sentence
	}
	return words.ReplaceAllStringFunc(sentence, func(word string) string {
		c, err := a.table.Find(word)
		if err != nil {
			return word
		}
		path, _ := pathOf(c)
		return "synap " + strings.Join(path, " ")
	})
}

// ours are the program's own subcommands that a structure's things must not hide: synap key prints an API key.
var ours = map[string]bool{"key": true}

// namesOf are the subcommands that hold a structure's commands: its name, and what it holds in the singular, as
// topic for pubsub.
func namesOf(s *command.Structure) (name string, aliases []string) {
	if s.Things == nil {
		return s.Name, nil
	}
	if thing := s.Things.One(); thing != s.Name && !ours[thing] {
		aliases = append(aliases, thing)
	}
	return s.Name, aliases
}

// group returns the subcommand that holds a structure's commands.
func (a *app) group(s *command.Structure) *cobra.Command {
	name, aliases := namesOf(s)
	short := strings.TrimSuffix(s.Summary, ".")
	if len(aliases) > 0 {
		short += "; also: synap " + strings.Join(aliases, ", ")
	}
	g := &cobra.Command{
		Use: name, Aliases: aliases, Short: short, Long: s.Summary, GroupID: "table",
		RunE: func(cmd *cobra.Command, args []string) error { return a.noRow(cmd, s.Name, args) },
	}
	addSettings(g, g.PersistentFlags(), "server", "key", "namespace", "timeout", "output")
	return g
}
