package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// addTable adds a subcommand for every row of the table: kv.set becomes `synap kv set`.
func (a *app) addTable(root *cobra.Command) {
	groups := map[string]*cobra.Command{}
	for _, s := range a.table.Structures() {
		groups[s.Name] = a.group(s)
		root.AddCommand(groups[s.Name])
	}
	for _, c := range a.table.Commands() {
		path, aliases := pathOf(c)
		last := len(path) - 1
		parent := groups[path[0]]
		for _, part := range path[1:last] {
			parent = child(parent, part)
		}
		row := a.newRow(c, path[last]).cobra()
		row.Aliases = aliases
		parent.AddCommand(row)
	}
}

// child returns the subcommand that groups others under a part of their names.
func child(parent *cobra.Command, part string) *cobra.Command {
	for _, c := range parent.Commands() {
		if c.Name() == part {
			return c
		}
	}
	c := &cobra.Command{Use: part, Short: "Commands of " + part, RunE: helpOrNoChild}
	parent.AddCommand(c)
	return c
}

// noRow answers a group that was called without one of its commands.
func (a *app) noRow(cmd *cobra.Command, group string, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	c, err := a.table.Find(group + "." + strings.ReplaceAll(args[0], "-", "_"))
	if err != nil {
		return noChild(cmd, args[0])
	}
	path, _ := pathOf(c)
	return fault.New(fault.Invalid, "%s is spelt synap %s", c.Name, strings.Join(path, " "))
}

// noChild says that a subcommand has none of that name.
func noChild(cmd *cobra.Command, name string) error {
	var all []string
	for _, child := range cmd.Commands() {
		all = append(append(all, child.Name()), child.Aliases...)
	}
	if near := command.Nearest(name, all); near != "" {
		return fault.New(fault.Invalid, "there is no %s %s; did you mean %s %s?", cmd.CommandPath(), clip(name), cmd.CommandPath(), near)
	}
	return fault.New(fault.Invalid, "there is no %s %s; %s --help lists what there is", cmd.CommandPath(), clip(name), cmd.CommandPath())
}

// helpOrNoChild is what a subcommand does that only holds others.
func helpOrNoChild(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return noChild(cmd, args[0])
}

// row is one command of the table as a subcommand.
type row struct {
	app     *app
	command *command.Command
	verb    string
	places  []*argument // given by place, in order
	needed  int         // how many of the places must be given
	endless bool        // the last place takes all that follows
	flags   []*argument // given by name

	asJSON         bool
	durability     string
	idempotencyKey string
}

func (a *app) newRow(c *command.Command, verb string) *row {
	r := &row{app: a, command: c, verb: verb}
	fields := newArguments(c.Request, c.RequestSchema())
	r.flags = fields
	for place := range strings.FieldsSeq(strings.TrimSuffix(c.Args, "...")) {
		i := slices.IndexFunc(r.flags, func(f *argument) bool { return f.name == place })
		r.places = append(r.places, r.flags[i])
		r.flags = slices.Delete(r.flags, i, i+1)
	}
	for i, p := range r.places {
		if slices.Contains(c.RequestSchema().Required, p.name) {
			r.needed = i + 1
		}
		r.endless = p.list() // the table lets only the last one be
	}
	return r
}

// fields are all of the request's, those given by place first.
func (r *row) fields() []*argument { return slices.Concat(r.places, r.flags) }

// cobra returns the subcommand.
func (r *row) cobra() *cobra.Command {
	c := r.command
	cmd := &cobra.Command{
		Use: r.usage(), Short: strings.TrimSuffix(c.Summary, "."), Long: r.long(),
		Args: r.checkPlaces, RunE: r.run, ValidArgsFunction: r.completePlace,
	}
	for _, f := range r.flags {
		flag := cmd.Flags().VarPF(f, strings.ReplaceAll(f.name, "_", "-"), "", f.usage())
		if kindOf(f.schema) == "boolean" {
			flag.NoOptDefVal = "true"
		}
		if complete := f.completion(); complete != nil {
			if err := cmd.RegisterFlagCompletionFunc(flag.Name, complete); err != nil {
				panic(err) // the flag was not defined, or completed before
			}
		}
	}
	r.addOptions(cmd)
	return cmd
}

// addOptions adds what is about the call rather than the command, where the command has no such field.
func (r *row) addOptions(cmd *cobra.Command) {
	for _, f := range r.fields() {
		if f.isValue() && cmd.Flags().Lookup("json") == nil {
			cmd.Flags().BoolVar(&r.asJSON, "json", false, "values are JSON, not text")
		}
	}
	if r.command.Kind != command.KindWrite {
		return
	}
	if cmd.Flags().Lookup("durability") == nil {
		levels := []string{journal.InMemory.String(), journal.Buffered.String(), journal.Fsynced.String(), journal.Replicated.String()}
		cmd.Flags().StringVar(&r.durability, "durability", "", "answer when the write is at least this safe: "+strings.Join(levels, ", "))
		complete(cmd, "durability", levels)
	}
	if cmd.Flags().Lookup("idempotency-key") == nil {
		cmd.Flags().StringVar(&r.idempotencyKey, "idempotency-key", "", "a repeat with the same `key` is answered as the first was")
	}
}

// usage is the synopsis: kv set <key> <value>.
func (r *row) usage() string {
	use := r.verb
	for i, p := range r.places {
		name := strings.ReplaceAll(p.name, "_", "-")
		if i < r.needed {
			name = "<" + name + ">"
		} else {
			name = "[" + name + "]"
		}
		if r.endless && i == len(r.places)-1 {
			name += "..."
		}
		use += " " + name
	}
	return use
}

// long is the whole help text above the flags.
func (r *row) long() string {
	var text strings.Builder
	tell(&text, "%s\n", r.command.Summary)
	if r.command.Doc != "" {
		tell(&text, "\n%s\n", r.command.Doc)
	}
	anyValue, anySpan := false, false
	for i, p := range r.places {
		if i == 0 {
			tell(&text, "\nArguments:\n")
		}
		tell(&text, "  %-12s %s\n", strings.ReplaceAll(p.name, "_", "-"), p.usage())
	}
	for _, f := range r.fields() {
		anyValue, anySpan = anyValue || f.isValue(), anySpan || f.span.is()
	}
	if anyValue {
		tell(&text, "\nA value is text; @name is what a file holds, - is standard input, and @@ is an @ at the beginning.\n")
	}
	if anySpan {
		tell(&text, "\nA duration is written like 10s, 1m30s, 500ms or 24h; a number alone counts the unit that is named.\n")
	}
	if r.command.Kind == command.KindWatch {
		tell(&text, "\nPrints a line for each event as it comes, until it is interrupted or --limit is reached; with --wait-ms it answers\n"+
			"once. When the connection breaks it goes on where it was, if events have positions and the server is back within --timeout.\n")
	}
	return strings.TrimSpace(text.String())
}

// checkPlaces is cobra's check of the number of arguments.
func (r *row) checkPlaces(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) < r.needed:
		return fault.New(fault.Invalid, "%s is missing: %s", r.places[len(args)].name, cmd.UseLine())
	case len(args) > len(r.places) && !r.endless:
		return fault.New(fault.Invalid, "%q is one argument too many: %s", clip(args[len(r.places)]), cmd.UseLine())
	}
	return nil
}

func (r *row) completePlace(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	i := min(len(args), len(r.places)-1)
	if i < 0 || (len(args) >= len(r.places) && !r.endless) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if complete := r.places[i].completion(); complete != nil {
		return complete(cmd, args, begun)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// run asks the server.
func (r *row) run(cmd *cobra.Command, args []string) error {
	config, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	request, err := r.request(cmd, config, args)
	if err != nil {
		return err
	}
	server := newAsker(config, r.app.table)
	defer server.close()
	out := &printer{w: r.app.stdout, mode: config.Output, command: r.command}
	if wait := cmd.Flags().Lookup("wait-ms"); r.command.Kind == command.KindWatch && (wait == nil || !wait.Changed) {
		f := &follower{server: server, sink: out, patience: config.Timeout, stderr: r.app.stderr}
		return f.follow(cmd.Context(), request)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), config.Timeout)
	defer cancel()
	answer, err := server.Do(ctx, request)
	if err != nil {
		return err
	}
	return out.answer(answer)
}

// request makes a call of what the command line says.
func (r *row) request(cmd *cobra.Command, config *Config, args []string) (*command.Request, error) {
	request := &command.Request{
		Caller: auth.Local(), Command: r.command, Namespace: config.Namespace, IdempotencyKey: r.idempotencyKey,
	}
	if r.durability != "" {
		if err := request.Durability.UnmarshalText([]byte(r.durability)); err != nil {
			return nil, fault.New(fault.Invalid, "%v", err)
		}
	}
	payload, err := r.payload(cmd, args)
	request.Payload = command.JSON(payload)
	return request, err
}

// payload is the request in JSON: what was given, and nothing else.
func (r *row) payload(_ *cobra.Command, args []string) ([]byte, error) {
	for i, text := range args {
		place := r.places[min(i, len(r.places)-1)]
		if err := place.Set(text); err != nil {
			return nil, err
		}
	}
	in := &input{stdin: r.app.stdin, asJSON: r.asJSON}
	fields := map[string]json.RawMessage{}
	for _, f := range r.fields() {
		if len(f.texts) == 0 {
			continue
		}
		raw, err := f.encode(in)
		if err != nil {
			return nil, err
		}
		if _, twice := fields[f.field()]; twice {
			return nil, fault.New(fault.Invalid, "%s says the same as another argument: give one of them", f.name)
		}
		fields[f.field()] = raw
	}
	return encodeJSON(fields)
}
