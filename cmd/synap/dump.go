package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// dump is what `synap wal dump` was asked for.
type dump struct {
	from   uint64
	limit  uint64
	target string
}

func (a *app) walVerb() *cobra.Command {
	wal := &cobra.Command{
		Use: "wal", Short: "Look into the log of a data directory", RunE: helpOrNoChild,
	}
	d := &dump{}
	cmd := &cobra.Command{
		Use: "dump <directory>", Short: "Print the records of a log as JSON lines", Args: exactly(1),
		Long: "Print the records of the log in a data directory or a backup, one JSON object a line: its version, where it is, and every\n" +
			"change in it. Nothing is changed, and a server may use the directory meanwhile. Where the log is damaged it ends, with\n" +
			"what is wrong and where on standard error, and exit code 9.",
		RunE: func(cmd *cobra.Command, args []string) error { return a.dump(cmd.Context(), args[0], d) },
	}
	cmd.Flags().Uint64Var(&d.from, "from", 0, "begin with this `version`")
	cmd.Flags().Uint64Var(&d.limit, "limit", 0, "end after so many `records`; 0 is all")
	cmd.Flags().StringVar(&d.target, "target", "", "only records that change this key, queue, room or topic; with * at its end, all that begin so")
	cmd.Flags().StringVar(&d.target, "key", "", "the same as --target")
	wal.AddCommand(cmd)
	return wal
}

// errEnoughRecords ends a dump at its limit.
var errEnoughRecords = errors.New("enough records")

func (a *app) dump(ctx context.Context, dir string, d *dump) error {
	engine, err := newEngine(nil, core.Options{})
	if err != nil {
		return err
	}
	names := map[uint8]string{}
	for _, s := range a.table.Structures() {
		names[s.ID] = s.Name
	}
	out := bufio.NewWriterSize(a.stdout, 64<<10)
	var printed uint64
	torn, err := persistence.Dump(ctx, readable{vfs.OS}, dir, d.from, engine.DecodeOp, func(e persistence.Entry) error {
		if !d.wants(e.Record) {
			return nil
		}
		line, err := encodeJSON(lineOf(e, names))
		if err != nil {
			return err
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
		if printed++; printed == d.limit {
			return errEnoughRecords
		}
		return nil
	})
	// What could be read comes first, whatever is said about the rest.
	if err2 := out.Flush(); err2 != nil {
		return err2
	}
	if errors.Is(err, errEnoughRecords) {
		return nil
	}
	if torn != nil {
		tell(a.stderr, "synap: the last write was cut short, or is under way: %s, offset %d, record %d: %s\n",
			torn.File, torn.Offset, torn.Version, torn.Why)
	}
	if err != nil {
		return whyNot(err)
	}
	return nil
}

// wants reports whether a change of the record is one that was asked for.
func (d *dump) wants(rec *journal.Record) bool {
	if d.target == "" {
		return true
	}
	begin, open := strings.CutSuffix(d.target, "*")
	for c := range rec.Changes() {
		name, prefix := c.Op.Target()
		if name == d.target || (open && strings.HasPrefix(name, begin)) || (prefix && strings.HasPrefix(begin, name)) {
			return true
		}
	}
	return false
}

// recordLine is a record as it is printed.
type recordLine struct {
	Seq     uint64       `json:"seq"`
	Epoch   uint64       `json:"epoch"`
	File    string       `json:"file"`
	Offset  int64        `json:"offset"`
	Changes []changeLine `json:"changes"`
	Answer  *answerLine  `json:"answer,omitempty"`
}

// changeLine is a change in it.
type changeLine struct {
	Namespace uint32          `json:"namespace"`
	Structure string          `json:"structure"`
	Kind      uint8           `json:"kind"`
	Op        string          `json:"op"`
	Target    json.RawMessage `json:"target"`
	Prefix    bool            `json:"prefix,omitempty"`
	Fields    json.RawMessage `json:"fields"`
}

// answerLine is what the caller with an idempotency key was told.
type answerLine struct {
	Caller  string          `json:"caller"`
	Key     string          `json:"key"`
	Command string          `json:"command"`
	Born    int64           `json:"born"`
	Value   json.RawMessage `json:"value"`
}

func lineOf(e persistence.Entry, names map[uint8]string) recordLine {
	l := recordLine{Seq: e.Seq, Epoch: e.Epoch, File: e.File, Offset: e.Offset}
	for c := range e.Changes() {
		name, prefix := c.Op.Target()
		op, fields := showOp(c.Op)
		l.Changes = append(l.Changes, changeLine{
			Namespace: c.Namespace, Structure: names[c.Structure], Kind: c.Op.Kind(), Op: op, Target: showText(name), Prefix: prefix, Fields: fields,
		})
	}
	if a := e.Answer; a != nil {
		l.Answer = &answerLine{Caller: a.Caller, Key: a.Key, Command: a.Command, Born: a.Born, Value: showJSON(a.Value)}
	}
	return l
}
