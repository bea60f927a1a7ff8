package main

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core/fault"
)

// span says that a field is a span of time: its number counts the unit. The zero span is no span.
type span struct {
	unit time.Duration // a second or a millisecond
	fine string        // of seconds: the field that takes the same time in milliseconds
}

// spanOf tells from a request's schema whether a field is a span of time. The table names such fields by one rule:
// what is called ms, or ends in _ms, counts milliseconds, and what has such a field beside it counts seconds.
func spanOf(name string, request *jsonschema.Schema) span {
	if kindOf(request.Properties[name]) != "integer" {
		return span{}
	}
	if name == "ms" || strings.HasSuffix(name, "_ms") {
		return span{unit: time.Millisecond}
	}
	fine := name + "_ms"
	if name == "seconds" {
		fine = "ms"
	}
	if request.Properties[fine] == nil {
		return span{}
	}
	return span{unit: time.Second, fine: fine}
}

// is reports whether there is one.
func (s span) is() bool { return s.unit != 0 }

// unitName is what a plain number counts.
func (s span) unitName() string {
	if s.unit == time.Second {
		return "seconds"
	}
	return "milliseconds"
}

// parse reads a duration such as 1m30s, or a number that counts the unit. The result counts milliseconds if it is
// fine, which it is for seconds that are not whole.
func (s span) parse(text string) (n int64, fine bool, err error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, false, nil
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, false, fault.New(fault.Invalid,
			"%q is not a duration: write it like 10s, 1m30s, 500ms or 24h, or as a number of %s", clip(text), s.unitName())
	case d%time.Millisecond != 0:
		return 0, false, fault.New(fault.Invalid, "%q is finer than a millisecond", clip(text))
	case d%s.unit != 0:
		return d.Milliseconds(), true, nil // of seconds only, which have a field for it
	}
	return int64(d / s.unit), false, nil
}

// encode returns the JSON of what was given.
func (s span) encode(text string) (json.RawMessage, error) {
	n, _, err := s.parse(text)
	if err != nil {
		return nil, err
	}
	return strconv.AppendInt(nil, n, 10), nil
}

// complete tells the shell how a duration is written: there is nothing to choose from.
func (s span) complete(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	help := cobra.AppendActiveHelp(nil, "a duration such as 10s, 1m30s or 500ms, or a number of "+s.unitName())
	return help, cobra.ShellCompDirectiveNoFileComp
}
