package http

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// binder fills a command's request from a route: path, query, headers and body all bind to the same typed
// fields. What goes where is decided when the door is made.
type binder struct {
	command *command.Command
	path    []slot          // in the order of the path
	query   map[string]slot // every field that is neither in the path nor the raw body, by what the query calls it
	body    func(v reflect.Value, contentType string, body []byte) error
	bodyAt  []int // the field that body fills; nil when the body is the request, or there is none
	hasBody bool  // the method carries a body

	must []slot // what must be given under another name than the command has for it

	version, absent, present *slot // if_version, if_absent, if_present, where the request has them
}

// slot is one field of a request and how to read it from text.
type slot struct {
	name  string // what the route calls it
	field string // what the request does
	index []int
	set   setter
	list  bool
}

// splitRoute takes a route apart, which may end in other names for fields: "GET /topics?subscribe=patterns" calls
// the field patterns subscribe in its query.
func splitRoute(route string) (method, path string, renamed url.Values, err error) {
	method, path, _ = strings.Cut(route, " ")
	path, names, _ := strings.Cut(path, "?")
	if !strings.HasPrefix(path, "/") {
		return "", "", nil, errors.New(`it is not of the form "METHOD /path"`)
	}
	renamed, err = url.ParseQuery(names)
	return method, path, renamed, err
}

// fieldName is the name that a field has in JSON; "" when it has none.
func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	switch {
	case name == "-" || !f.IsExported() || (f.Anonymous && name == ""):
		return ""
	case name == "":
		return f.Name
	}
	return name
}

func newBinder(c *command.Command, route string) (*binder, error) {
	method, path, renamed, err := splitRoute(route)
	if err != nil {
		return nil, err
	}
	b := &binder{command: c, query: map[string]slot{}}
	switch method {
	case http.MethodGet:
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		b.hasBody = true
	default:
		return nil, fmt.Errorf("the method %q is not one of GET, POST, PUT, PATCH, DELETE", method)
	}
	for _, f := range reflect.VisibleFields(c.Request) {
		name := fieldName(f)
		if name == "" {
			continue
		}
		if name == c.Body && b.hasBody {
			b.bodyAt = f.Index
			if b.body = bodySetter(f.Type); b.body == nil {
				return nil, fmt.Errorf("a raw body cannot fill the field %q, which is a %s", name, f.Type)
			}
			continue
		}
		set, list := setterOf(f.Type)
		b.query[name] = slot{name: name, field: name, index: f.Index, set: set, list: list}
	}
	for part := range strings.SplitSeq(path, "/") {
		name, ok := strings.CutPrefix(part, ":")
		if !ok {
			continue
		}
		s, known := b.query[name]
		if !known {
			return nil, fmt.Errorf("the request has no field %q for the path", name)
		}
		b.path = append(b.path, s)
		delete(b.query, name)
	}
	for name := range renamed {
		if err := b.rename(name, renamed.Get(name)); err != nil {
			return nil, err
		}
	}
	b.version, b.absent, b.present = b.find("if_version"), b.find("if_absent"), b.find("if_present")
	return b, nil
}

// rename gives a field of the query another name.
func (b *binder) rename(name, field string) error {
	s, known := b.query[field]
	if _, taken := b.query[name]; taken || !known {
		return fmt.Errorf("%q cannot be another name for the field %q: that must be in the query, and no other may have the name", name, field)
	}
	s.name = name
	delete(b.query, field)
	b.query[name] = s
	if slices.Contains(b.command.RequestSchema().Required, field) {
		b.must = append(b.must, s)
	}
	return nil
}

func (b *binder) find(name string) *slot {
	if s, ok := b.query[name]; ok {
		return &s
	}
	return nil
}

// bind returns the request that the exchange asks for.
func (b *binder) bind(d *Door, x *exchange) (any, error) {
	args := b.command.NewRequest()
	v := reflect.ValueOf(args).Elem()
	if b.hasBody {
		if err := b.bindBody(d, x, args, v); err != nil {
			return nil, err
		}
	}
	for i := range b.path {
		if err := b.bindPath(x, &b.path[i], v, i); err != nil {
			return nil, err
		}
	}
	if x.r.URL.RawQuery != "" {
		if err := b.bindQuery(x.r.URL.RawQuery, v); err != nil {
			return nil, err
		}
	}
	return args, b.missing(v)
}

// missing finds what must be given and was not, where the command would call it by another name than the caller.
func (b *binder) missing(v reflect.Value) error {
	for i := range b.must {
		if s := &b.must[i]; v.FieldByIndex(s.index).IsZero() {
			return fault.New(fault.Invalid, "%q is required", s.name).With("field", s.name)
		}
	}
	return nil
}

// bindBody takes the body for the one field that wants it raw, otherwise for the request.
func (b *binder) bindBody(d *Door, x *exchange, args any, v reflect.Value) error {
	body, err := d.readBody(x.r)
	if err != nil {
		return err
	}
	if b.body != nil {
		return b.body(v.FieldByIndex(b.bodyAt), first(x.r.Header, "Content-Type"), body)
	}
	if len(body) == 0 {
		return nil
	}
	in, err := requestCodec(x.r)
	if err != nil {
		return err
	}
	return in.decoder(body).Decode(args)
}

// bindPath sets the i-th field of the path, which the body must not contradict.
func (b *binder) bindPath(x *exchange, s *slot, v reflect.Value, i int) error {
	text := x.params[i].Value
	if x.r.URL.RawPath != "" {
		var err error
		if text, err = url.PathUnescape(text); err != nil {
			return fault.New(fault.Invalid, "the path's %q is not percent-encoded as it should be", s.name)
		}
	}
	field := v.FieldByIndex(s.index)
	if b.hasBody && !field.IsZero() {
		other := reflect.New(field.Type()).Elem()
		if err := s.set(other, text); err != nil || !reflect.DeepEqual(other.Interface(), field.Interface()) {
			return fault.New(fault.Invalid, "%q is another in the body than in the path", s.name).With("field", s.name)
		}
	}
	return s.assign(field, text)
}

// bindQuery sets the fields that the query names. It is split here and not by net/url so that a comma that was
// sent encoded does not divide a list.
func (b *binder) bindQuery(raw string, v reflect.Value) error {
	var seen []string
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, text, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return fault.New(fault.Invalid, "the query is not percent-encoded as it should be")
		}
		s, known := b.query[name]
		if !known {
			return b.unknown(name)
		}
		if !s.list && slices.Contains(seen, name) {
			return fault.New(fault.Invalid, "%q is given twice", name).With("field", name)
		}
		seen = append(seen, name)
		if err := s.assignRaw(v.FieldByIndex(s.index), text); err != nil {
			return err
		}
	}
	return nil
}

// unknown explains a parameter that there is not, and knows the nearest name.
func (b *binder) unknown(name string) error {
	for i := range b.path {
		if b.path[i].name == name {
			return fault.New(fault.Invalid, "%q is in the path, not in the query", name).With("field", name)
		}
	}
	if b.body != nil && name == b.command.Body {
		return fault.New(fault.Invalid, "%q is the body, not in the query", name).With("field", name)
	}
	known := slices.Sorted(maps.Keys(b.query))
	if len(known) == 0 {
		return fault.New(fault.Invalid, "there is no field %q: none is expected", clip(name)).With("field", clip(name))
	}
	if near := command.Nearest(name, known); near != "" {
		return fault.New(fault.Invalid, "there is no field %q; did you mean %q?", clip(name), near).
			With("nearest", near).With("field", clip(name))
	}
	return fault.New(fault.Invalid, "there is no field %q; the fields are %s", clip(name), strings.Join(known, ", ")).With("field", clip(name))
}

// assignRaw is assign for text that is still encoded as in a query; of a list it is divided at commas first.
func (s *slot) assignRaw(field reflect.Value, raw string) error {
	parts := []string{raw}
	if s.list {
		parts = strings.Split(raw, ",")
	}
	for _, part := range parts {
		text, err := url.QueryUnescape(part)
		if err != nil {
			return fault.New(fault.Invalid, "%q is not percent-encoded as it should be", s.name).With("field", s.name)
		}
		if err := s.assign(field, text); err != nil {
			return err
		}
	}
	return nil
}

func (s *slot) assign(field reflect.Value, text string) error {
	err := s.set(field, text)
	if err == nil {
		return nil
	}
	var known *fault.Error
	if errors.As(err, &known) {
		return known.With("field", s.name)
	}
	return fault.Wrap(fault.Invalid, err, "%q: %q was given, %s is wanted", s.name, clip(text), err.Error()).With("field", s.name)
}

// bodySetter returns how a raw body fills a field of the type; nil when it cannot.
func bodySetter(t reflect.Type) func(reflect.Value, string, []byte) error {
	switch {
	case t == reflect.TypeFor[value.Value]():
		return func(v reflect.Value, contentType string, body []byte) error {
			val, err := value.FromBody(contentType, body)
			if err == nil && val.Kind() == value.JSON {
				err = command.CheckJSON(body) // it nests no deeper than in any other request
			}
			v.Set(reflect.ValueOf(val))
			return err
		}
	case t.Kind() == reflect.String:
		return func(v reflect.Value, _ string, body []byte) error {
			if !utf8.Valid(body) {
				return fault.New(fault.Invalid, "the body is not UTF-8")
			}
			v.SetString(string(body))
			return nil
		}
	case t == reflect.TypeFor[[]byte]():
		return func(v reflect.Value, _ string, body []byte) error {
			v.SetBytes(body)
			return nil
		}
	}
	return nil
}
