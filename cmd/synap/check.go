package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// report is what `synap check` found.
type report struct {
	Directory string `json:"directory"`
	Whole     bool   `json:"whole"`
	Deep      bool   `json:"deep"`
	Digest    string `json:"digest,omitempty"` // of all that is there, after a deep check that found nothing wrong
	persistence.Checked
}

func (a *app) checkVerb() *cobra.Command {
	var deep bool
	cmd := &cobra.Command{
		Use: "check <directory>", Short: "Verify every byte of a data directory or a backup", Args: exactly(1),
		Long: "Verify every byte of a data directory or a backup: all snapshots, every file of the log, that nothing is missing between\n" +
			"them, and that every change in them can be read. Nothing is changed, and a server may use the directory meanwhile.\n" +
			"What is wrong is told with file, offset and version; a last write that was cut short is not wrong, since nobody\n" +
			"was told that it is safe. The exit code is 0 when the data is whole and 9 when it is damaged.",
		RunE: func(cmd *cobra.Command, args []string) error { return a.check(cmd, args[0], deep) },
	}
	cmd.Flags().BoolVar(&deep, "deep", false, "also load everything into memory, as a server does when it starts, and verify what comes out")
	addSettings(cmd, cmd.Flags(), "output")
	return cmd
}

func (a *app) check(cmd *cobra.Command, dir string, deep bool) error {
	config, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	r, err := a.inspect(cmd.Context(), dir, deep)
	if err != nil {
		return err
	}
	if config.Output == "table" {
		a.tellReport(r)
	} else {
		raw, err := encodeJSON(r)
		if err != nil {
			return err
		}
		if _, err := a.stdout.Write(append(raw, '\n')); err != nil {
			return err
		}
	}
	if !r.Whole {
		return errSilent(exitDamaged)
	}
	return nil
}

// inspect checks a directory, with a bar for people.
func (a *app) inspect(ctx context.Context, dir string, deep bool) (report, error) {
	r := report{Directory: dir, Deep: deep}
	engine, err := newEngine(nil, core.Options{})
	if err != nil {
		return r, err
	}
	bar := a.bar("checking " + dir)
	c := persistence.Check{FS: readable{vfs.OS}, Dir: dir, Decode: engine.DecodeOp, Progress: bar.show}
	if deep {
		c.State = engine
	}
	r.Checked, err = c.Run(ctx)
	bar.end()
	if err != nil {
		return r, whyNot(err)
	}
	r.Whole = len(r.Damage) == 0
	if !deep || !r.Whole {
		return r, nil
	}
	if err := engine.Check(); err != nil {
		r.Whole = false
		r.Damage = append(r.Damage, persistence.Damage{Sequence: r.Last, Why: "everything could be read, and does not fit together: " + err.Error()})
		return r, nil
	}
	r.Digest = fmt.Sprintf("%016x", engine.Digest())
	return r, nil
}

// whyNot turns what the file system says into an error that the program's exit codes know.
func whyNot(err error) error {
	var path *fs.PathError
	var known *fault.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.NotFound, "%v", err)
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Denied, "%v", err)
	case errors.As(err, &path):
		return fmt.Errorf("cannot go on: %w", err)
	}
	return err
}

// tellReport writes what was found for people.
func (a *app) tellReport(r report) {
	t := newTable()
	for _, s := range r.Snapshots {
		t.AppendRow(table.Row{s.File, fmt.Sprintf("%s, %d entries, begun at version %d and ended at %d", size(s.Bytes), s.Entries, s.Version, s.Until)})
	}
	versions := fmt.Sprintf("versions %d to %d", r.First, r.Last)
	if r.Records == 0 {
		versions = fmt.Sprintf("the next version is %d", r.Last+1)
	}
	t.AppendRow(table.Row{"log", fmt.Sprintf("%d files, %d records with %d changes, %s", r.Segments, r.Records, r.Changes, versions)})
	if r.Digest != "" {
		t.AppendRow(table.Row{"loaded", "every invariant holds; digest " + r.Digest})
	}
	tell(a.stdout, "%s\n", t.Render())
	if tail := r.Torn; tail != nil {
		tell(a.stdout, "the last write was cut short, or is under way: %s, offset %d, record %d: %s; %d bytes that nobody was told are safe\n",
			tail.File, tail.Offset, tail.Version, tail.Why, tail.Bytes)
	}
	for _, d := range r.Damage {
		tell(a.stdout, "DAMAGED: %s\n", d.Error())
	}
	if r.Whole {
		tell(a.stdout, "%s is whole: %s were read and verified\n", r.Directory, size(r.Bytes))
		return
	}
	tell(a.stdout, "%s is damaged\n", r.Directory)
}
