package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Verdict is what the judge found about one thing that has to be so.
type Verdict struct {
	Says string
	OK   bool
	Why  string // what is there instead
}

// Judge asks the server how things are.
func (w *World) Judge(ctx context.Context) ([]Verdict, error) {
	if err := w.lift(ctx); err != nil {
		return nil, err
	}
	var all []Verdict
	for _, c := range w.Task.Judge {
		v := Verdict{Says: w.fill(c.Says)}
		answer, err := w.step(ctx, c.Step)
		var f *Fault
		code, wantsFault := strings.CutPrefix(c.Want, "! ")
		switch {
		case err != nil && !errors.As(err, &f):
			return nil, err
		case wantsFault:
			v.OK, v.Why = f != nil && f.Code == code, fmt.Sprintf("%s, %v", answer, err)
		case err != nil:
			v.Why = err.Error()
		default:
			want, err := decode([]byte(w.fill(c.Want)))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Want, err)
			}
			got, err := decode(answer)
			if err != nil {
				return nil, err
			}
			v.Why = match(want, got)
			v.OK = v.Why == ""
		}
		all = append(all, v)
	}
	return all, nil
}

// lift takes the quotas away, which are for the agent and not for the judge.
func (w *World) lift(ctx context.Context) error {
	if w.Task.Quotas == "" {
		return nil
	}
	var quotas map[string]any
	if err := json.Unmarshal([]byte(w.Task.Quotas), &quotas); err != nil {
		return err
	}
	for name := range quotas {
		quotas[name] = nil
	}
	text, err := json.Marshal(map[string]any{"name": w.Namespace, "quotas": quotas})
	if err != nil {
		return err
	}
	_, err = w.server.do(ctx, w.server.Key, "", "namespace.update", string(text))
	return err
}

// refused returns what a verdict refuses; nil is what the task wants.
func refused(all []Verdict) error {
	var errs []error
	for _, v := range all {
		if !v.OK {
			errs = append(errs, fmt.Errorf("not so: %s (%s)", v.Says, v.Why))
		}
	}
	return errors.Join(errs...)
}

// match says where what came back is not what is wanted, or nothing. An object is wanted with these members and may have
// more; null is a member that must not be there; a list is wanted as it is. "*" is anything, "~word" a text with the word in it,
// ">5" a greater number, "[>5" a list of more than five. A number may be a text of its digits, and an object a text of its JSON: both are what
// models write.
func match(want, got any) string {
	switch want := want.(type) {
	case map[string]any:
		return matchObject(want, got)
	case []any:
		list, ok := inside(got).([]any)
		if !ok || len(list) != len(want) {
			return fmt.Sprintf("%s, not %d entries", show(got), len(want))
		}
		for i := range want {
			if why := match(want[i], list[i]); why != "" {
				return fmt.Sprintf("[%d]: %s", i, why)
			}
		}
		return ""
	case string:
		return matchText(want, got)
	case json.Number:
		if number(want.String()) == number(plain(got)) && plain(got) != "" {
			return ""
		}
	case nil:
		if got == nil {
			return ""
		}
	case bool:
		if plain(got) == strconv.FormatBool(want) {
			return ""
		}
	}
	return fmt.Sprintf("%s, not %s", show(got), show(want))
}

func matchObject(want map[string]any, got any) string {
	object, ok := inside(got).(map[string]any)
	if !ok {
		return fmt.Sprintf("%s, not an object", show(got))
	}
	for name, member := range want {
		if why := match(member, object[name]); why != "" {
			return name + ": " + why
		}
	}
	return ""
}

func matchText(want string, got any) string {
	switch {
	case want == "*":
		if got != nil {
			return ""
		}
	case strings.HasPrefix(want, "[>"):
		if list, ok := got.([]any); ok && float64(len(list)) > number(want[2:]) {
			return ""
		}
	case strings.HasPrefix(want, "~"):
		if strings.Contains(strings.ToLower(show(got)), strings.ToLower(want[1:])) {
			return ""
		}
	case strings.HasPrefix(want, ">"):
		if plain(got) != "" && number(plain(got)) > number(want[1:]) {
			return ""
		}
	case strings.TrimSpace(plain(got)) == want:
		return ""
	}
	return fmt.Sprintf("%s, not %q", show(got), want)
}

// inside is the JSON in a text, or what was given.
func inside(v any) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	if parsed, err := decode([]byte(text)); err == nil {
		return parsed
	}
	return v
}

// plain is a text, a number or a bool as text; "" is anything else.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// number is a text as a number; what is none compares with nothing.
func number(text string) float64 {
	f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return nan
	}
	return f
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if len(text) > 300 {
		return string(text[:300]) + "…"
	}
	return string(text)
}

// decode reads JSON and keeps numbers as they are written.
func decode(text []byte) (v any, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, errors.New("more than one value")
	}
	return v, nil
}
