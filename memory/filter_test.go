package memory

import (
	"fmt"
	"strings"
	"testing"
)

func fieldsOf(t *testing.T, text string) Fields {
	t.Helper()
	var f Fields
	if err := f.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFilter(t *testing.T) {
	const metadata = `{"s":"alpha","n":5,"f":2.5,"b":true,"z":null,"l":["x","y",7],"o":{"in":{"deep":1},"a.b":"dotted"},"e":{"k":"v"}}`
	for _, c := range []struct {
		filter string
		want   bool
	}{
		{`{}`, true},
		{`{"s":"alpha"}`, true}, {`{"s":"beta"}`, false}, {`{"s":"alpha","n":6}`, false}, {`{"s":"alpha","n":5}`, true},
		{`{"n":5.0}`, true}, {`{"n":"5"}`, false}, {`{"b":true}`, true}, {`{"b":1}`, false}, {`{"z":null}`, true}, {`{"none":null}`, false},
		{`{"l":"x"}`, true}, {`{"l":7}`, true}, {`{"l":"z"}`, false}, {`{"l":["x","y",7]}`, true}, {`{"l":["x"]}`, false},
		{`{"l":{"in":["a","y"]}}`, true}, {`{"l":{"nin":["a","y"]}}`, false}, {`{"l":{"gt":6}}`, true}, {`{"l":{"ne":"q"}}`, true},
		{`{"n":{"gte":5,"lt":6}}`, true}, {`{"n":{"gt":5}}`, false}, {`{"n":{"lte":4}}`, false}, {`{"n":{"$gte":5}}`, true},
		{`{"s":{"gt":"aa"}}`, true}, {`{"s":{"lt":5}}`, false}, {`{"s":{"prefix":"al"}}`, true}, {`{"n":{"prefix":"5"}}`, false},
		{`{"s":{"ne":"beta"}}`, true}, {`{"none":{"ne":1}}`, true}, {`{"none":{"exists":false}}`, true}, {`{"s":{"exists":false}}`, false},
		{`{"z":{"exists":true}}`, true}, {`{"none":{"gt":1}}`, false},
		{`{"o.in.deep":1}`, true}, {`{"o.a.b":"dotted"}`, true}, {`{"o.in.none":1}`, false}, {`{"s.x":1}`, false},
		{`{"e":{"eq":{"k":"v"}}}`, true}, {`{"e":{"eq":{"k":"w"}}}`, false}, {`{"f":{"in":[1,2.5]}}`, true},
		{`{"z":{"in":[null]}}`, true}, {`{"b":{"in":["true",1]}}`, false}, {`{"b":{"in":[true]}}`, true}, {`{"n":{"nin":["5",5.0]}}`, false},
		{`{"e":{"in":[1,{"k":"v"}]}}`, true}, {`{"e":{"in":[{"k":"w"}]}}`, false}, {`{"e":{"nin":[[],{"k":"w"}]}}`, true},
		{`{"o..in":1}`, false}, {`{"":1}`, false}, {`{".s":1}`, false}, {`{"s.":1}`, false},
	} {
		f, err := compileFilter(fieldsOf(t, c.filter))
		if err != nil {
			t.Errorf("%s: %v", c.filter, err)
			continue
		}
		m, ok := parseMetadata(metadata)
		if !ok {
			t.Fatal("the metadata cannot be parsed")
		}
		if got := f.matches(m); got != c.want {
			t.Errorf("%s is %v", c.filter, got)
		}
	}
	f, _ := compileFilter(fieldsOf(t, `{"a":{"exists":false}}`))
	if !f.matches(nil) {
		t.Error("no metadata has no field")
	}
}

// TestAFilterIsAskedOften: of every memory, while nobody can write. So its lists are not gone through for each, and nothing is made of its names.
func TestAFilterIsAskedOften(t *testing.T) {
	m, ok := parseMetadata(`{"l":[` + strings.Repeat(`0,`, 1000) + `1]}`)
	if !ok {
		t.Fatal("the metadata cannot be parsed")
	}
	many := Fields{}
	for i := range maxConditions {
		many[fmt.Sprint(i, strings.Repeat(".", maxFieldParts-1))] = map[string]any{"exists": false}
	}
	f, err := compileFilter(many)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(10, func() { f.matches(m) }); n > 0 || !f.matches(m) {
		t.Errorf("names with points take %v allocations: %v", n, f.matches(m))
	}
	f, err = compileFilter(fieldsOf(t, `{"l":{"in":[`+strings.Repeat(`"x",`, maxChoices-1)+`1]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if c := f[0].tests[0].value.(*choices); !f.matches(m) || len(c.scalars) != 2 || len(c.compound) != 0 {
		t.Errorf("of a thousand choices %d are looked for at once, and %d one by one", len(c.scalars), len(c.compound))
	}
	for _, c := range []string{`{"a` + strings.Repeat(".a", maxFieldParts) + `":1}`, `{"a":{"nin":[` + strings.Repeat(`[],`, maxCompound) + `{}]}}`} {
		if _, err := compileFilter(fieldsOf(t, c)); err == nil {
			t.Errorf("%s is accepted", c)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add(`{"a":{"gte":1,"in":[1,"x"]}}`, `{"a":[1,{"b":2}]}`)
	f.Add(`{"a.b.c":{"eq":{"x":[1]}}}`, `{"a":{"b.c":1}}`)
	f.Fuzz(func(t *testing.T, filter, metadata string) {
		var asked Fields
		if len(filter) > 4096 || asked.UnmarshalJSON([]byte(filter)) != nil {
			return
		}
		compiled, err := compileFilter(asked)
		m, ok := parseMetadata(metadata)
		if err == nil && ok {
			compiled.matches(m)
		}
	})
}
