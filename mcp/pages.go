package mcp

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// maxPageBytes is the longest resource that is read at once; a longer one is refused with the way to read it in parts.
const maxPageBytes = 1 << 20

// pages are what the table offers to be read under an address: MCP's resources and their templates. It is immutable.
type pages struct {
	table *command.Table
	all   []*page // fixed ones first
}

// page is one address, or a family of them.
type page struct {
	uri, name, title, description string

	command  *command.Command
	address  *command.Address // nil for a list of things
	things   *command.Things  // of the command's structure; may be nil
	pattern  *regexp.Regexp   // of the path
	path     []string         // the variables in the pattern, in order
	query    []string         // the variables behind the question mark
	follower *command.Command // nil when it cannot be followed
}

// fixed reports whether the page is one address.
func (p *page) fixed() bool { return len(p.path)+len(p.query) == 0 }

// newPages derives the pages from the table: an address of a command each, and a list of the things of each structure.
func newPages(table *command.Table) (*pages, error) {
	ps := &pages{table: table}
	for _, s := range table.Structures() {
		if s.Things != nil {
			list, err := table.Find(s.Things.List)
			if err != nil {
				return nil, err
			}
			ps.all = append(ps.all, &page{
				uri: "synap://" + s.Things.Kind, name: s.Things.Kind, title: strings.ToUpper(s.Things.Kind[:1]) + s.Things.Kind[1:],
				description: "The " + s.Things.Kind + " that there are, by name.", command: list, things: s.Things,
				pattern: regexp.MustCompile("^synap://" + regexp.QuoteMeta(s.Things.Kind) + "$"),
			})
		}
		for _, c := range s.Commands {
			for _, a := range c.Addresses {
				p, err := newPage(table, c, a, s.Things)
				if err != nil {
					return nil, fmt.Errorf("address %s: %w", a.URI, err)
				}
				ps.all = append(ps.all, p)
			}
		}
	}
	// What is fixed comes first, and what says more before what says less: synap://queue/{queue}/dead before {queue}.
	slices.SortStableFunc(ps.all, func(a, b *page) int {
		if len(a.path) != len(b.path) {
			return len(a.path) - len(b.path)
		}
		return strings.Count(b.uri, "/") - strings.Count(a.uri, "/")
	})
	return ps, nil
}

var variable = regexp.MustCompile(`\\\{(\\\+|\\\?)?([a-z_,]+)\\\}`)

func newPage(table *command.Table, c *command.Command, a *command.Address, things *command.Things) (*page, error) {
	p := &page{uri: a.URI, name: a.Name, title: a.Title, description: a.Description, command: c, address: a, things: things}
	pattern := variable.ReplaceAllStringFunc(regexp.QuoteMeta(a.URI), func(v string) string {
		parts := variable.FindStringSubmatch(v)
		switch parts[1] {
		case `\?`:
			p.query = strings.Split(parts[2], ",")
			return ""
		case `\+`:
			p.path = append(p.path, parts[2])
			return "([^?]+)"
		}
		p.path = append(p.path, parts[2])
		return "([^/?]+)"
	})
	var err error
	if p.pattern, err = regexp.Compile("^" + pattern + "$"); err != nil || a.Follow == nil {
		return p, err
	}
	p.follower, err = table.Find(a.Follow.Command)
	return p, err
}

// visible reports whether the caller may read any such page.
func (p *page) visible(id *auth.Identity) bool {
	return id.May(p.command.Needs(), p.command.Structure())
}

// spot is one address that somebody asks for.
type spot struct {
	page *page
	uri  string
	vars map[string]string
	all  bool // everything below what the address names
}

// find takes an address apart.
func (ps *pages) find(uri string) (*spot, error) {
	path, query, _ := strings.Cut(uri, "?")
	for _, p := range ps.all {
		found := p.pattern.FindStringSubmatch(path)
		if found == nil {
			continue
		}
		v := &spot{page: p, uri: uri, vars: map[string]string{}}
		for i, name := range p.path {
			text, err := url.PathUnescape(found[i+1])
			if err != nil {
				return nil, fault.New(fault.NotFound, "%q is no address: %q is not escaped as in URLs", clip(uri, 200), clip(found[i+1], 80))
			}
			v.vars[name] = text
		}
		values, err := url.ParseQuery(query)
		if err != nil {
			return nil, fault.New(fault.NotFound, "%q is no address: what follows the ? cannot be read", clip(uri, 200))
		}
		for name := range values {
			if !slices.Contains(p.query, name) {
				return nil, fault.New(fault.Invalid, "%s takes %s after the ?, and not %q", p.uri, strings.Join(p.query, " and "), clip(name, 80))
			}
			v.vars[name] = values.Get(name)
		}
		if t := p.things; t != nil && t.Separator != "" && p.address != nil && p.address.Follow != nil && p.address.Follow.Under != nil {
			last := v.vars[p.path[len(p.path)-1]]
			v.all = strings.HasSuffix(last, t.Separator)
		}
		return v, nil
	}
	return nil, fault.New(fault.NotFound, "there is nothing at %q; resources/list and resources/templates/list show what there is", clip(uri, 200))
}

// request is the call that reads what is there.
func (v *spot) request(table *command.Table, id *auth.Identity) (*command.Request, error) {
	p := v.page
	if p.address == nil {
		return requestOf(id, p.command, map[string]any{"limit": 100})
	}
	if v.all {
		list, err := table.Find(p.things.List)
		if err != nil {
			return nil, err
		}
		return requestOf(id, list, map[string]any{"limit": 100, "prefix": v.vars[p.path[len(p.path)-1]]})
	}
	fields := maps.Clone(p.address.With)
	if fields == nil {
		fields = map[string]any{}
	}
	for name, text := range v.vars {
		fields[p.address.Field(name)] = text
	}
	return requestOf(id, p.command, fields)
}

// following is the call that hears of changes; an error when one cannot.
func (v *spot) following(id *auth.Identity) (*command.Request, error) {
	p := v.page
	if p.follower == nil {
		return nil, fault.New(fault.Unsupported, "%s can be read but not subscribed to", clip(v.uri, 200))
	}
	fields := maps.Clone(p.address.Follow.With)
	if fields == nil {
		fields = map[string]any{}
	}
	of := p.address.Follow.Fields
	if v.all {
		of = p.address.Follow.Under
	}
	for name, field := range of {
		fields[field] = v.vars[name]
	}
	return requestOf(id, p.follower, fields)
}

// requestOf makes a request out of texts and values, each in the shape that its field asks for.
func requestOf(id *auth.Identity, c *command.Command, fields map[string]any) (*command.Request, error) {
	shaped := map[string]json.RawMessage{}
	for field, v := range fields {
		raw, err := encode(v)
		if err != nil {
			return nil, fault.From(err)
		}
		if s := c.RequestSchema().Properties[field]; s != nil {
			raw = forgive(raw, withoutNull(s))
		}
		shaped[field] = raw
	}
	payload, err := encode(shaped)
	return &command.Request{Caller: id, Command: c, Payload: command.JSON(payload)}, err
}

// withoutNull is the schema of what is there, of a field that may also be null.
func withoutNull(s *jsonschema.Schema) *jsonschema.Schema {
	if len(s.Types) == 2 && slices.Contains(s.Types, "null") {
		s = s.CloneSchemas()
		s.Type, s.Types = s.Types[0], nil
		if s.Type == "null" {
			s.Type = "string"
		}
	}
	return s
}

// content is what is at an address.
type content struct {
	mime string
	text string
	blob string // in base64, instead of text
}

// readPage returns what is there.
func (s *Server) readPage(ctx context.Context, uri string) (content, error) {
	v, err := s.pages.find(uri)
	if err != nil {
		return content{}, err
	}
	r, err := v.request(s.catalog.table, auth.FromContext(ctx))
	if err != nil {
		return content{}, err
	}
	resp, err := s.run(ctx, r)
	if err != nil {
		return content{}, err
	}
	text, err := encode(resp)
	if err != nil {
		return content{}, fault.From(err)
	}
	if len(text) > maxPageBytes {
		return content{}, fault.New(fault.TooLarge, "what is at %s has %d bytes, and at most %d are read at once: a tool reads it in parts",
			clip(uri, 200), len(text), maxPageBytes).With("limit", maxPageBytes)
	}
	if a := v.page.address; a != nil && !v.all {
		return contentOf(a, uri, text)
	}
	return content{mime: "application/json", text: string(text)}, nil
}

// contentOf takes the thing itself out of the answer, if the address says where it is.
func contentOf(a *command.Address, uri string, answer json.RawMessage) (content, error) {
	if a.Value == "" && a.Found == "" {
		return content{mime: "application/json", text: string(answer)}, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(answer, &fields); err != nil {
		return content{}, fault.From(err)
	}
	if a.Found != "" && string(fields[a.Found]) != "true" {
		return content{}, fault.New(fault.NotFound, "there is nothing at %s", clip(uri, 200))
	}
	if a.Value == "" {
		return content{mime: "application/json", text: string(answer)}, nil
	}
	return valueOf(fields[a.Value])
}

// valueOf shows a stored value as what it is: text, JSON or bytes.
func valueOf(raw json.RawMessage) (content, error) {
	var text string
	var bytes struct {
		Base64 *string `json:"$base64"`
	}
	switch kindOf(raw) {
	case "string":
		err := json.Unmarshal(raw, &text)
		return content{mime: "text/plain; charset=utf-8", text: text}, err
	case "object":
		if json.Unmarshal(raw, &bytes) == nil && bytes.Base64 != nil {
			if _, err := base64.StdEncoding.DecodeString(*bytes.Base64); err == nil {
				return content{mime: "application/octet-stream", blob: *bytes.Base64}, nil
			}
		}
	}
	return content{mime: "application/json", text: string(raw)}, nil
}
