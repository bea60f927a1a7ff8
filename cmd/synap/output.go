package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// printer writes what a command answers. It is the sink of a watch, whose events are one line each.
type printer struct {
	w       io.Writer
	mode    string // table, json or raw
	command *command.Command
}

// member is one field of an answer; an answer's fields stay in the order in which they came.
type member struct {
	name string
	raw  json.RawMessage
}

// answer writes a response. A thing that was looked for and is not there is an exit code, too.
func (p *printer) answer(response any) error {
	raw, err := encodeJSON(response)
	if err != nil {
		return err
	}
	members, err := split(raw)
	if err != nil {
		return err
	}
	missing := absent(members)
	switch at := find(members, "value"); {
	case p.mode == "json":
		err = p.line(raw)
	case missing && p.mode == "raw":
	case missing:
		return errMissing
	case at >= 0:
		err = p.value(members[at].raw)
	case p.mode == "raw":
		err = p.line(raw)
	default:
		err = p.people(members)
	}
	switch {
	case err != nil:
		return err
	case missing:
		return errSilent(exitNotFound)
	}
	return unconfirmed(members)
}

// errMissing says that what was looked for is not there.
var errMissing = fault.New(fault.NotFound, "not found")

func find(members []member, name string) int {
	return slices.IndexFunc(members, func(m member) bool { return m.name == name })
}

// absent reports whether an answer says that there was nothing to find, and that nothing was changed either.
func absent(members []member) bool {
	at := find(members, "found")
	return at >= 0 && string(members[at].raw) == "false" && find(members, "version") < 0
}

func (p *printer) line(raw []byte) error {
	_, err := p.w.Write(append(raw[:len(raw):len(raw)], '\n'))
	return err
}

// value writes a single value: what it holds, and for people a line's end after what is text.
func (p *printer) value(raw json.RawMessage) error {
	v, err := value.OfJSON(raw)
	if err != nil {
		return err
	}
	data := v.Data()
	if p.mode == "table" && v.Kind() != value.Bytes {
		data += "\n"
	}
	_, err = io.WriteString(p.w, data)
	return err
}

// Event implements command.Sink.
func (p *printer) Event(_ journal.Position, event any) error {
	raw, err := encodeJSON(event)
	if err != nil {
		return err
	}
	if p.mode != "table" {
		return p.line(raw)
	}
	members, err := split(raw)
	if err != nil {
		return err
	}
	parts := make([]string, len(members))
	for i, m := range members {
		parts[i] = m.name + "=" + m.cell()
	}
	return p.line([]byte(strings.Join(parts, "  ")))
}

// Flush implements command.Sink: every event was written when it came.
func (p *printer) Flush(journal.Position) error { return nil }

// people writes an answer as tables, in the order of its fields: the single ones together, and one for each list, with its name
// above it where something else stands before it.
func (p *printer) people(members []member) error {
	var parts []string
	plain := newTable()
	flush := func() {
		if plain.Length() > 0 {
			parts = append(parts, plain.Render())
			plain = newTable()
		}
	}
	if told := p.secretTold(members); told != "" {
		parts = append(parts, told)
	}
	for _, m := range members {
		rows, isList := objects(m.raw)
		switch {
		case isList:
			flush()
			list := listTable(m.name, rows)
			if len(parts) > 0 {
				list = m.name + ":\n" + list
			}
			parts = append(parts, list)
		case m.raw[0] == '[':
			plain.AppendRow(table.Row{m.name, listCell(m.raw)})
		default:
			for _, row := range flatten(m) {
				plain.AppendRow(table.Row{row.name, row.cell()})
			}
		}
	}
	flush()
	if len(parts) == 0 {
		return nil
	}
	_, err := io.WriteString(p.w, strings.Join(parts, "\n\n")+"\n")
	return err
}

func newTable() table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatDefault
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	return t
}

// flatten makes the rows kv.items and kv.bytes of a field kv that is an object.
func flatten(m member) []member {
	if m.raw[0] != '{' || bytes.HasPrefix(m.raw, []byte(`{"$`)) {
		return []member{m}
	}
	inner, err := split(m.raw)
	if err != nil || len(inner) == 0 {
		return []member{m}
	}
	var all []member
	for _, i := range inner {
		i.name = m.name + "." + i.name
		all = append(all, flatten(i)...)
	}
	return all
}

// objects returns the members of each element of a list of objects.
func objects(raw json.RawMessage) (rows [][]member, ok bool) {
	var items []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &items) != nil || len(items) == 0 {
		return nil, false
	}
	for _, item := range items {
		members, err := split(item)
		if err != nil {
			return nil, false
		}
		rows = append(rows, members)
	}
	return rows, true
}

// listTable is a list of objects with a column for each field that any of them has.
func listTable(title string, rows [][]member) string {
	t := newTable()
	var columns []string
	for _, row := range rows {
		for _, m := range row {
			if !slices.Contains(columns, m.name) {
				columns = append(columns, m.name)
			}
		}
	}
	header := make(table.Row, len(columns))
	for i, c := range columns {
		header[i] = strings.ToUpper(c)
	}
	t.AppendHeader(header)
	for _, row := range rows {
		cells := make(table.Row, len(columns))
		for i, c := range columns {
			if cells[i] = ""; find(row, c) >= 0 {
				cells[i] = row[find(row, c)].cell()
			}
		}
		t.AppendRow(cells)
	}
	if len(columns) == 0 {
		return fmt.Sprintf("%s: %d", title, len(rows))
	}
	return t.Render()
}

// listCell is a list of single things, one under the other.
func listCell(raw json.RawMessage) string {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return string(raw)
	}
	cells := make([]string, len(items))
	for i, item := range items {
		cells[i] = cell(item)
	}
	return strings.Join(cells, "\n")
}

// cell is one value in a table, which people read: a time as one, and a list of single things without brackets.
func (m member) cell() string {
	var ms int64
	if isTime(m.name) && json.Unmarshal(m.raw, &ms) == nil && ms >= firstTime {
		return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if m.raw[0] != '[' {
		return cell(m.raw)
	}
	var items []json.RawMessage
	if json.Unmarshal(m.raw, &items) != nil || len(items) == 0 || slices.ContainsFunc(items, func(i json.RawMessage) bool { return i[0] == '{' || i[0] == '[' }) {
		return cell(m.raw)
	}
	cells := make([]string, len(items))
	for i, item := range items {
		cells[i] = cell(item)
	}
	return strings.Join(cells, ", ")
}

// isTime tells by its name whether a field that is a number is a time in Unix milliseconds.
func isTime(name string) bool {
	name = name[strings.LastIndexByte(name, '.')+1:]
	return name == "at" || name == "since" || name == "deadline" || name == "next_expiry" || strings.HasSuffix(name, "_at") || strings.HasSuffix(name, "_time")
}

// firstTime is the smallest number that is taken for Unix milliseconds: 2001-09-09. What is less may be a span or a counter.
const firstTime = 1_000_000_000_000

// cell is one value in a table: a string as itself, without what would move the cursor; anything else as JSON.
func cell(raw json.RawMessage) string {
	var s string
	if raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return string(raw)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Sprintf("%q", s)
	}
	return s
}

// split returns the members of a JSON object in their order.
func split(raw json.RawMessage) ([]member, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if token, err := dec.Token(); err != nil || token != json.Delim('{') {
		return nil, errors.Join(errors.New("the answer is not a JSON object"), err)
	}
	var members []member
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // the decoder lets nothing else stand here
		m := member{name: name}
		if err := dec.Decode(&m.raw); err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	return members, nil
}
