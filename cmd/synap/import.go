package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core/fault"
)

// imported is what became of an import.
type imported struct {
	Lines   int64 `json:"lines"`   // that were read
	Done    int64 `json:"done"`    // commands that worked
	Failed  int64 `json:"failed"`  // and that did not
	Expired int64 `json:"expired"` // lines about what would have expired by now
}

func (a *app) importVerb() *cobra.Command {
	in := &importing{app: a}
	cmd := &cobra.Command{
		Use: "import [file]", Short: "Run commands from a file, one JSON object a line, as synap export writes them", Args: cobra.MaximumNArgs(1),
		Long: "Run commands from a file, or from standard input, one JSON object a line: {\"command\":\"kv.set\",\"payload\":{…}}. They are run in\n" +
			"order, a few hundred at a time, each for itself. Every failure is told with its line. The first one ends the import after the\n" +
			"portion that it is in, and the line to go on with is told; with --keep-going the rest is run all the same.\n" +
			"A line may have \"until\", {\"delay_ms\":…}, for spans that end at a time in Unix milliseconds, and \"from_answer\", {\"field\":\"its\"},\n" +
			"for fields that are taken from the answer to the line before.",
		RunE: func(cmd *cobra.Command, args []string) error { return in.run(cmd, args) },
	}
	cmd.Flags().BoolVar(&in.keepGoing, "keep-going", false, "go on after a failure")
	cmd.Flags().Int64Var(&in.from, "from-line", 1, "begin with this `line`")
	addSettings(cmd, cmd.Flags(), "server", "key", "namespace", "timeout", "output")
	return cmd
}

// importing is an import under way.
type importing struct {
	app       *app
	keepGoing bool
	from      int64

	config *Config
	server *remote
	total  imported
	batch  []call
	lines  []int64         // of the batch, where each command stands
	bytes  int             // of the batch
	last   json.RawMessage // the answer to the line before; nil when there is none
	first  *fault.Error    // the first failure
}

func (in *importing) run(cmd *cobra.Command, args []string) error {
	config, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	in.config, in.server = config, newRemote(config, in.app.table)
	defer in.server.close()
	source := in.app.stdin
	if len(args) > 0 {
		file, err := os.Open(filepath.Clean(args[0]))
		if err != nil {
			return whyNot(err)
		}
		defer file.Close() //nolint:errcheck // it was only read
		source = file
	}
	err = in.readAll(cmd.Context(), source)
	t := in.total
	sentence := fmt.Sprintf("%d lines: %d done, %d failed, %d expired meanwhile", t.Lines, t.Done, t.Failed, t.Expired)
	if said := in.app.sayDone(config, t, sentence); err == nil {
		err = said
	}
	if err == nil && t.Failed > 0 {
		err = errSilent(exitFailed)
	}
	return err
}

// readAll runs every line.
func (in *importing) readAll(ctx context.Context, source io.Reader) error {
	lines := bufio.NewScanner(source)
	lines.Buffer(make([]byte, 64<<10), maxLineBytes)
	n := int64(0)
	for lines.Scan() {
		n++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 || n < in.from {
			continue
		}
		in.total.Lines++
		if err := in.line(ctx, n, line); err != nil {
			return err
		}
	}
	if err := in.send(ctx, n+1); err != nil {
		return err
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return fault.New(fault.TooLarge, "line %d is longer than %d bytes, and ends the import; what stands before it was run", n+1, maxLineBytes)
	case err != nil:
		return fault.Wrap(fault.Internal, err, "line %d cannot be read; what stands before it was run", n+1)
	}
	return nil
}

// importLine is a commandLine, read.
type importLine struct {
	commandLine
	Payload map[string]json.RawMessage `json:"payload"`
}

// line puts a line into the batch, and sends that when it is full.
func (in *importing) line(ctx context.Context, n int64, text []byte) error {
	l := importLine{}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil || l.Command == "" || dec.More() {
		return in.refuse(ctx, n, "", fault.New(fault.Invalid, "it is no command like {\"command\":\"kv.set\",\"payload\":{…}}"))
	}
	if l.Payload == nil {
		l.Payload = map[string]json.RawMessage{}
	}
	if len(l.FromAnswer) > 0 {
		if err := in.send(ctx, n); err != nil {
			return err
		}
		if err := l.take(in.last); err != nil {
			return in.refuse(ctx, n, l.Command, err)
		}
	}
	if !l.timely(time.Now().UnixMilli()) {
		in.total.Expired++
		in.last = nil
		return nil
	}
	payload, err := encodeJSON(l.Payload)
	if err != nil {
		return in.refuse(ctx, n, l.Command, fault.From(err))
	}
	return in.add(ctx, n, call{Type: "request", Command: l.Command, Payload: payload, Namespace: in.config.Namespace})
}

// take fills in the fields that come from the answer to the line before.
func (l *importLine) take(last json.RawMessage) *fault.Error {
	var answer map[string]json.RawMessage
	if json.Unmarshal(last, &answer) != nil {
		return fault.New(fault.Invalid, "it needs the answer to the line before, and there is none")
	}
	for here, there := range l.FromAnswer {
		if answer[there] == nil {
			return fault.New(fault.Invalid, "the answer to the line before has no field %q", clip(there))
		}
		l.Payload[here] = answer[there]
	}
	return nil
}

// timely fills in the spans that are given by their ends. It is false when what the line makes would be over by now.
func (l *importLine) timely(now int64) bool {
	for field, end := range l.Until {
		switch left := end - now; {
		case left > 0:
			l.Payload[field] = fmt.Appendf(nil, "%d", left)
		case field != "delay_ms": // a delay that is over is none
			return false
		}
	}
	var expires int64
	raw := l.Payload["expires_at"]
	return raw == nil || json.Unmarshal(raw, &expires) != nil || expires > now
}
