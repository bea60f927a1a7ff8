package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// commandLine is a line of an export: a command that makes a part of what there was.
type commandLine struct {
	Command string         `json:"command"`
	Payload map[string]any `json:"payload,omitempty"`
	// Until gives fields that are spans of milliseconds by their ends, in Unix milliseconds.
	Until map[string]int64 `json:"until,omitempty"`
	// FromAnswer gives fields that are taken from the answer to the line before: here -> there.
	FromAnswer map[string]string `json:"from_answer,omitempty"`
}

func (a *app) exportVerb() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "export", Short: "Write what a namespace holds as commands, one JSON object a line", Args: cobra.NoArgs,
		Long: "Write what a namespace holds as the commands that make it, one JSON object a line, for `synap import`, another server, or\n" +
			"your own tools. What changes meanwhile may be in it or not: it is not of one moment, as a backup is, and it has no\n" +
			"versions, leases or dead letters. What could not be written is told on standard error.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.export(cmd, file) },
	}
	cmd.Flags().StringVar(&file, "file", "", "write to this `file`, which must not exist, rather than standard output")
	addSettings(cmd, cmd.Flags(), "server", "key", "namespace", "timeout")
	return cmd
}

func (a *app) export(cmd *cobra.Command, file string) error {
	config, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	if file == "" {
		return a.exportTo(cmd.Context(), config, a.stdout)
	}
	return a.exportFile(cmd.Context(), config, filepath.Clean(file))
}

// exportFile writes to a file, which gets its name when it is whole: half of an export would pass for one.
func (a *app) exportFile(ctx context.Context, config *Config, name string) error {
	partial := name + ".partial"
	if _, err := os.Lstat(name); err == nil {
		return fault.New(fault.AlreadyExists, "%s exists: nothing is overwritten", name)
	}
	out, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the file that the user named
	if errors.Is(err, os.ErrExist) {
		return fault.New(fault.AlreadyExists, "%s is left from something that was interrupted: remove it first", partial)
	}
	if err != nil {
		return whyNot(err)
	}
	err = a.exportTo(ctx, config, out)
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	if err := os.Rename(partial, name); err != nil {
		return err
	}
	return vfs.OS.SyncDir(filepath.Dir(name))
}

func (a *app) exportTo(ctx context.Context, config *Config, w io.Writer) error {
	e := &exporter{ctx: ctx, config: config, server: newRemote(config, a.table), out: bufio.NewWriterSize(w, 1<<20), stderr: a.stderr}
	defer e.server.close()
	for _, part := range []func() error{e.keys, e.queues, e.rooms, e.topics} {
		if err := part(); err != nil {
			return err
		}
	}
	return e.out.Flush()
}

// exporter walks through a namespace with the commands that everybody reads with.
type exporter struct {
	ctx    context.Context
	config *Config
	server *remote
	out    *bufio.Writer
	stderr io.Writer
}

// ask runs a command and decodes its answer.
func (e *exporter) ask(name string, payload map[string]any, answer any) error {
	c, err := e.server.table.Find(name)
	if err != nil {
		return err
	}
	raw, err := encodeJSON(payload)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(e.ctx, e.config.Timeout)
	defer cancel()
	got, err := e.server.Do(ctx, &command.Request{Caller: auth.Local(), Command: c, Payload: command.JSON(raw), Namespace: e.config.Namespace})
	if err != nil {
		return err
	}
	return json.Unmarshal(got.(json.RawMessage), answer)
}

// emit writes a line.
func (e *exporter) emit(l commandLine) error {
	raw, err := encodeJSON(l)
	if err == nil {
		_, err = e.out.Write(append(raw, '\n'))
	}
	return err
}

// pages asks for page after page until there is none; each returns the cursor of the next one.
func pages(next func(cursor string) (string, error)) error {
	for cursor := ""; ; {
		var err error
		if cursor, err = next(cursor); err != nil || cursor == "" {
			return err
		}
	}
}

// request is a payload with a cursor, unless that is the first page's.
func request(cursor string, fields map[string]any) map[string]any {
	if cursor != "" {
		fields["cursor"] = cursor
	}
	return fields
}

// pick returns the fields of those names that are there.
func pick(from map[string]json.RawMessage, names ...string) map[string]any {
	fields := map[string]any{}
	for _, name := range names {
		if raw, ok := from[name]; ok {
			fields[name] = raw
		}
	}
	return fields
}

// ignoreMissing is for what was deleted while it was walked through.
func ignoreMissing(err error) error {
	if fault.CodeOf(err) == fault.NotFound {
		return nil
	}
	return err
}
