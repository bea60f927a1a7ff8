package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// app is one run of the program.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	table          *command.Table
	started        bool // the command line was understood; errors from here on are not about it
}

// run runs the program and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	root, err := a.root()
	if err == nil {
		root.SetArgs(args)
		err = root.ExecuteContext(ctx)
	}
	code := a.exitOf(ctx, err)
	if err != nil && (code != exitInterrupted || ctx.Err() == nil) && !isSilent(err) { // who interrupts it knows
		a.explain(stderr, err)
	}
	return int(code)
}

// root is the whole command line: the verbs, and a subcommand for every row of the table.
func (a *app) root() (*cobra.Command, error) {
	engine, err := newEngine(nil, core.Options{})
	if err != nil {
		return nil, err
	}
	a.table = engine.Dispatcher().Table()
	root := &cobra.Command{
		Use:   "synap",
		Short: "Memory for AI agents and everybody else: key-value, queues, streams and more behind one table of commands",
		Long: "Start a server with `synap serve`, then talk to it: `synap kv set greeting hello`, `synap kv get greeting`.\n" +
			"`synap help exit-codes` says what the exit codes mean.",
		SilenceErrors: true, SilenceUsage: true,
		// What runs from here on was understood.
		PersistentPreRun: func(*cobra.Command, []string) { a.started = true },
	}
	root.SetFlagErrorFunc(wrongFlag)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.PersistentFlags().String("config", "", "YAML `file` with settings (SYNAP_CONFIG)")
	addSettings(root, root.PersistentFlags(), "log.level", "log.format")
	root.AddGroup(&cobra.Group{ID: "program", Title: "Programs:"}, &cobra.Group{ID: "table", Title: "Commands of a server:"})
	root.SetHelpCommandGroupID("program")
	root.SetCompletionCommandGroupID("program")
	for _, verb := range []*cobra.Command{
		a.serveVerb(), a.healthVerb(), a.configVerb(), a.mcpVerb(), a.keyVerb(), a.benchVerb(), a.checkVerb(), a.walVerb(), a.backupVerb(), a.restoreVerb(), a.exportVerb(), a.importVerb(), a.versionVerb(),
	} {
		verb.GroupID = "program"
		root.AddCommand(verb)
	}
	root.AddCommand(exitTopic())
	a.addTable(root)
	return root, nil
}

// wrongFlag says what may have been meant by a flag that is none.
func wrongFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	switch {
	case !errors.As(err, &unknown):
		return err
	case unknown.GetSpecifiedShortnames() != "":
		return fmt.Errorf("%w; put -- before arguments that begin with -", err)
	}
	name := unknown.GetSpecifiedName()
	if strings.Contains(cmd.Use, "["+name+"]") || strings.Contains(cmd.Use, "<"+name+">") {
		return fmt.Errorf("%w: it is given by its place: %s", err, cmd.UseLine())
	}
	var all []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { all = append(all, f.Name) })
	if near := command.Nearest(name, all); near != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, near)
	}
	return err
}

// exactly is cobra's check that so many arguments were given, in a sentence that shows how it is written.
func exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < n:
			return fault.New(fault.Invalid, "something is missing: %s", cmd.UseLine())
		case len(args) > n:
			return fault.New(fault.Invalid, "%q is one argument too many: %s", clip(args[n]), cmd.UseLine())
		}
		return nil
	}
}

func (a *app) versionVerb() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := io.WriteString(a.stdout, "synap "+version+"\n")
			return err
		},
	}
}

// isTerminal reports whether people read what is written there.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
