package command

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
)

// Table is all commands, by name and by number. It is immutable.
type Table struct {
	structures []*Structure
	commands   []*Command // sorted by name
	byName     map[string]*Command
	byOp       map[uint16]*Command
}

// NewTable builds the table of the structures' commands. It fails with every mistake it finds: a server with
// a wrong table does not start.
func NewTable(structures ...*Structure) (*Table, error) {
	t := &Table{structures: structures, byName: map[string]*Command{}, byOp: map[uint16]*Command{}}
	var wrong []error
	ids := map[uint8]string{}
	tools := map[string]string{}
	for place, s := range structures {
		if other, taken := ids[s.ID]; taken {
			wrong = append(wrong, fmt.Errorf("structures %s and %s have the same number %d", other, s.Name, s.ID))
		}
		ids[s.ID] = s.Name
		for _, c := range s.Commands {
			c.structure, c.place = s, place
			if err := t.add(c, tools); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %w", c.Name, err))
			}
		}
	}
	for _, s := range structures {
		if err := t.checkThings(s.Things); err != nil {
			wrong = append(wrong, fmt.Errorf("the things of %s: %w", s.Name, err))
		}
	}
	wrong = append(wrong, t.checkExchanges())
	wrong = append(wrong, t.linkConditions())
	wrong = append(wrong, t.checkAddresses())
	slices.SortFunc(t.commands, func(a, b *Command) int { return strings.Compare(a.Name, b.Name) })
	return t, errors.Join(wrong...)
}

// checkExchanges wants the commands that they name.
func (t *Table) checkExchanges() error {
	var wrong []error
	for _, s := range t.structures {
		for _, x := range s.Exchanges {
			for _, name := range []string{x.Hello, x.List, x.Read, x.Reached, x.Apply} {
				if t.byName[name] == nil && (name != "" || x.Reached != "") {
					wrong = append(wrong, fmt.Errorf("%s exchanges %s by %q, which there is not", s.Name, x.Kind, name))
				}
			}
		}
	}
	return errors.Join(wrong...)
}

// checkThings wants a command that lists them, page by page, by name.
func (t *Table) checkThings(things *Things) error {
	if things == nil {
		return nil
	}
	c := t.byName[things.List]
	if c == nil || c.Kind != KindRead {
		return fmt.Errorf("there is no Read %q", things.List)
	}
	for _, field := range []string{"prefix", "cursor", "limit"} {
		if _, ok := c.fields.byName[field]; !ok {
			return fmt.Errorf("%s has no field %q", c.Name, field)
		}
	}
	items := c.responseSchema.Properties["items"]
	if items == nil || items.Items == nil || items.Items.Properties[things.Name] == nil {
		return fmt.Errorf("%s answers no items with a field %q", c.Name, things.Name)
	}
	if things.Count != "" {
		if c := t.byName[things.Count]; c == nil || c.Kind != KindRead || c.hasFields([]string{"prefix"}) != nil {
			return fmt.Errorf("there is no Read %q that counts what is under a prefix", things.Count)
		}
	}
	for mode, clearing := range things.Clear {
		c := t.byName[clearing.Command]
		if c == nil || c.Kind != KindWrite {
			return fmt.Errorf("%s: there is no Write %q", mode, clearing.Command)
		}
		for _, field := range append(slices.Sorted(maps.Keys(clearing.With)), clearing.Field) {
			if _, ok := c.fields.byName[field]; !ok {
				return fmt.Errorf("%s: %s has no field %q", mode, c.Name, field)
			}
		}
	}
	return nil
}

// sometimes is what the request of a Read implements that Asks.
var sometimes = reflect.TypeFor[interface{ Waits() bool }]()

var (
	commandName = regexp.MustCompile(`^[a-z]+(\.[a-z]+(_[a-z]+)*)+$`)
	toolName    = regexp.MustCompile(`^synap(_[a-z]+)+$`)
)

// add validates one command and puts it into the table.
func (t *Table) add(c *Command, tools map[string]string) error {
	switch {
	case !commandName.MatchString(c.Name):
		return errors.New("the name is not of the form structure.verb")
	case !strings.HasPrefix(c.Name, c.structure.Name+"."):
		return fmt.Errorf("the name does not begin with its structure, %s", c.structure.Name)
	case t.byName[c.Name] != nil:
		return errors.New("declared twice")
	case c.Op>>8 != uint16(c.structure.ID):
		return fmt.Errorf("number %#04x does not have the structure's number %#02x in its high byte", c.Op, c.structure.ID)
	case t.byOp[c.Op] != nil:
		return fmt.Errorf("has the same number as %s", t.byOp[c.Op].Name)
	case c.Summary == "" || !strings.HasSuffix(c.Summary, "."):
		return errors.New("the summary is not a sentence")
	case c.Anyone && !c.Open:
		return errors.New("what anyone may call touches no named thing, so it is declared open")
	case c.structure.Global && !c.Open:
		return errors.New("a command of the whole server is not part of a transaction, so it is declared open")
	case c.Kind == KindAct && c.Access == auth.None && !c.Open:
		return errors.New("an Act says which access it needs")
	case !c.names && !c.Open:
		return errors.New("the request names no resource and the command is not declared open")
	case c.names && c.Open:
		return errors.New("declared open, but the request names a resource")
	case c.Waits && c.Kind == KindWatch:
		return errors.New("declared to wait, which a Watch always does")
	case c.Asks && (c.Kind != KindRead || c.Waits || !c.Request.Implements(sometimes) && !reflect.PointerTo(c.Request).Implements(sometimes)):
		return errors.New("declared to ask others, which only a Read does whose request has a method Waits")
	case c.Frees && c.Kind != KindWrite:
		return errors.New("declared to free memory, which only a Write can")
	case c.ReadOnly() && c.Hints&Destructive != 0:
		return errors.New("a command that changes nothing is not destructive")
	}
	var err error
	if c.fields, err = fieldsOf(c.Request); err != nil {
		return err
	}
	c.weights = newWeights(c.Request)
	if c.requestSchema, err = schemaOf(c.Request); err != nil {
		return fmt.Errorf("request: %w", err)
	}
	if c.responseSchema, err = schemaOf(c.Response); err != nil {
		return fmt.Errorf("response: %w", err)
	}
	if err := c.checkFields(); err != nil {
		return err
	}
	if c.Tool != nil {
		if err := c.checkTool(tools); err != nil {
			return err
		}
	}
	t.byName[c.Name], t.byOp[c.Op], c.table = c, c, t
	t.commands = append(t.commands, c)
	return nil
}

// checkFields wants every field described, and every field that the declaration mentions to exist.
func (c *Command) checkFields() error {
	for name, p := range c.requestSchema.Properties {
		if p.Description == "" {
			return fmt.Errorf("field %q of the request has no jsonschema description", name)
		}
	}
	mentioned := strings.Fields(strings.ReplaceAll(c.Args, "...", ""))
	if c.Body != "" {
		mentioned = append(mentioned, c.Body)
	}
	for _, route := range c.Routes {
		for part := range strings.SplitSeq(route, "/") {
			if name, ok := strings.CutPrefix(part, ":"); ok {
				mentioned = append(mentioned, name)
			}
		}
	}
	for _, name := range mentioned {
		if _, ok := c.fields.byName[name]; !ok {
			return fmt.Errorf("mentions the field %q, which its request does not have", name)
		}
	}
	return nil
}

func (c *Command) checkTool(tools map[string]string) error {
	t := c.Tool
	switch {
	case !toolName.MatchString(t.Name):
		return fmt.Errorf("tool %q is not named synap_noun_verb", t.Name)
	case tools[t.Name] != "":
		return fmt.Errorf("has the same tool name as %s", tools[t.Name])
	case t.Title == "" || t.Description == "":
		return fmt.Errorf("tool %s has no title or no description", t.Name)
	}
	tools[t.Name] = c.Name
	shown := map[string]bool{}
	for _, arg := range t.Args {
		name, field, renamed := strings.Cut(arg, "=")
		if !renamed {
			field = name
		}
		shown[name] = true
		if _, ok := c.fields.byName[field]; !ok {
			return fmt.Errorf("tool %s shows the field %q, which the request does not have", t.Name, field)
		}
	}
	for field := range t.Defaults {
		if _, ok := c.fields.byName[field]; !ok {
			return fmt.Errorf("tool %s presets the field %q, which the request does not have", t.Name, field)
		}
	}
	for alias, name := range t.Aliases {
		if _, ok := c.fields.byName[name]; !ok && !shown[name] {
			return fmt.Errorf("tool %s has the alias %q for %q, which it does not show", t.Name, alias, name)
		}
	}
	return c.checkAsk()
}

// checkAsk holds the declaration of how a tool asks against the fields that there are.
func (c *Command) checkAsk() error {
	ask := c.Tool.Ask
	if ask == nil {
		return nil
	}
	answers := c.responseSchema.Properties
	if _, ok := c.fields.byName[ask.Code]; !ok || answers[ask.Code] == nil {
		return fmt.Errorf("tool %s asks with the code %q, which the request or the answer does not have", c.Tool.Name, ask.Code)
	}
	for _, field := range askedField.FindAllStringSubmatch(ask.Message, -1) {
		if _, ok := c.fields.byName[field[1]]; !ok && answers[field[1]] == nil {
			return fmt.Errorf("tool %s asks of the field %q, which neither the request nor the answer has", c.Tool.Name, field[1])
		}
	}
	return nil
}

// askedField is where a field's value stands in what a person is asked.
var askedField = regexp.MustCompile(`\{(\w+)\}`)

// Commands returns every command, sorted by name.
func (t *Table) Commands() []*Command { return t.commands }

// Structures returns the structures in the order in which they were given.
func (t *Table) Structures() []*Structure { return t.structures }

// ByOp returns the command with the permanent number, or nil.
func (t *Table) ByOp(op uint16) *Command { return t.byOp[op] }

// Find returns the command of that name, or a NotFound error that names the nearest one.
func (t *Table) Find(name string) (*Command, error) {
	if c := t.byName[name]; c != nil {
		return c, nil
	}
	names := make([]string, len(t.commands))
	for i, c := range t.commands {
		names[i] = c.Name
	}
	err := fault.New(fault.NotFound, "there is no command %q", clip(name))
	if near := nearest(name, names); near != "" {
		err = fault.New(fault.NotFound, "there is no command %q; did you mean %s?", clip(name), near).With("nearest", near)
	}
	return nil, err
}

// Nearest returns the candidate that a misspelt name most likely means, or "": for doors that rename fields.
func Nearest(name string, candidates []string) string { return nearest(name, candidates) }

// nearest returns the candidate that a misspelt name most likely means, or "".
func nearest(name string, candidates []string) string {
	best, fewest := "", max(2, len(name)/3)+1
	if len(name) > 64 {
		return ""
	}
	for _, c := range candidates {
		if d := distance(strings.ToLower(name), c); d < fewest {
			best, fewest = c, d
		}
	}
	return best
}

// distance is the Levenshtein distance between two strings, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// clip shortens what a caller sent before it is repeated in an error.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
