package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// maxInputBytes bounds what is read for one value from a file or standard input.
const maxInputBytes = 512 << 20

// input is where values come from that are not on the command line itself.
type input struct {
	stdin  io.Reader
	asJSON bool // values are JSON, not text
	used   bool // standard input was read
}

// value returns the JSON of a value: the text itself, the file it names with @, or standard input for "-".
func (in *input) value(text string, onlyJSON bool) (json.RawMessage, error) {
	data, err := in.read(text)
	if err != nil {
		return nil, err
	}
	v := value.OfText(string(data)) // bytes, if it is no text
	if in.asJSON || onlyJSON {
		if v, err = value.OfJSON(bytes.TrimSpace(data)); err != nil {
			return nil, fault.New(fault.Invalid, "%q is not valid JSON", clip(string(data)))
		}
	}
	return encodeJSON(v)
}

// password returns the JSON of a password, without the end of the line that it was typed or kept in.
func (in *input) password(text string) (json.RawMessage, error) {
	data, err := in.read(text)
	if err != nil {
		return nil, err
	}
	return encodeJSON(strings.TrimRight(string(data), "\r\n"))
}

// read returns the bytes that a text stands for. "@@" stands for an @ at the beginning.
func (in *input) read(text string) ([]byte, error) {
	switch {
	case text == "-" && in.used:
		return nil, fault.New(fault.Invalid, "standard input can be read only once")
	case text == "-":
		in.used = true
		return readAll(in.stdin)
	case strings.HasPrefix(text, "@@"):
		return []byte(text[1:]), nil
	case strings.HasPrefix(text, "@"):
		f, err := os.Open(filepath.Clean(text[1:]))
		if err != nil {
			return nil, fault.New(fault.Invalid, "%v", err)
		}
		defer f.Close() //nolint:errcheck // it was only read
		return readAll(f)
	}
	return []byte(text), nil
}

func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxInputBytes+1))
	switch {
	case err != nil:
		return nil, fault.New(fault.Invalid, "%v", err)
	case len(data) > maxInputBytes:
		return nil, fault.New(fault.TooLarge, "the input is longer than %d bytes", maxInputBytes)
	}
	return data, nil
}

// object returns an object: as JSON, or, of one that needs two fields, as first=second.
func (in *input) object(text string, s *jsonschema.Schema, t reflect.Type) (json.RawMessage, error) {
	fields := slices.DeleteFunc(newArguments(t, s), func(f *argument) bool { return !slices.Contains(s.Required, f.name) })
	first, second, pair := strings.Cut(text, "=")
	if len(fields) != 2 || !pair || strings.HasPrefix(strings.TrimSpace(text), "{") {
		if !json.Valid([]byte(text)) {
			return nil, fault.New(fault.Invalid, "%q is not a JSON object", clip(text))
		}
		return json.RawMessage(text), nil
	}
	object := map[string]json.RawMessage{}
	for i, part := range []string{first, second} {
		raw, err := fields[i].encodeOne(in, part, fields[i].schema, fields[i].goType)
		if err != nil {
			return nil, err
		}
		object[fields[i].name] = raw
	}
	return encodeJSON(object)
}
