package collection

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
)

// payloads are what filters are tried on.
var payloads = []string{
	``, `{}`, `{"a":1}`, `{"a":"x"}`, `{"a":true}`, `{"a":null}`, `{"a":[1,"x",null]}`, `{"a":{"b":1}}`, `{"a":[{"b":1,"c":2},{"b":2,"c":1}]}`,
	`{"a":{"lat":1,"lon":2}}`, `{"a":[[1],[2,["x"]]]}`, `{"a":1.0}`, `{"a":-0.0}`, `{"a":1e300}`, `{"a":"xyz"}`, `{"":1}`, `{"a":false,"b":{"c":[]}}`,
}

func filterOf(t testing.TB, text string) *Filter {
	t.Helper()
	var f Filter
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatal(err)
	}
	if err := f.Check(); err != nil {
		t.Fatal(err)
	}
	return &f
}

func TestFilters(t *testing.T) {
	for _, tt := range []struct {
		name, filter string
		want         string // the places of the payloads that it means
	}{
		{"nothing means all", `{}`, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"},
		{"a number", `{"must":[{"key":"a","match":1}]}`, "2 6 10 11"},
		{"a number is not its text", `{"must":[{"key":"a","match":"1"}]}`, ""},
		{"zero has no sign", `{"must":[{"key":"a","match":0}]}`, "12"},
		{"a text", `{"must":[{"key":"a","match":"x"}]}`, "3 6 10"},
		{"true", `{"must":[{"key":"a","match":true}]}`, "4"},
		{"any of kinds", `{"must":[{"key":"a","any":[true,"x",1e300]}]}`, "3 4 6 10 13"},
		{"a prefix", `{"must":[{"key":"a","prefix":"x"}]}`, "3 6 10 14"},
		{"a range", `{"must":[{"key":"a","range":{"gt":0,"lte":1}}]}`, "2 6 10 11"},
		{"there", `{"must":[{"key":"a","exists":true}]}`, "2 3 4 6 7 8 9 10 11 12 13 14 16"},
		{"not there", `{"must":[{"key":"b.c","exists":false}]}`, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"},
		{"within", `{"must":[{"key":"a.b","match":1}]}`, "7 8"},
		{"two of any objects", `{"must":[{"key":"a.b","match":1},{"key":"a.c","match":1}]}`, "8"},
		{"two of one object", `{"must":[{"key":"a","nested":{"must":[{"key":"b","match":1},{"key":"c","match":1}]}}]}`, ""},
		{"near", `{"must":[{"key":"a","geo":{"lat":1,"lon":2.001,"radius_m":200}}]}`, "9"},
		{"one of", `{"should":[{"key":"a","match":1},{"key":"a","match":true}]}`, "2 4 6 10 11"},
		{"none of", `{"must":[{"key":"a","exists":true}],"must_not":[{"key":"a","match":1},{"key":"a","prefix":""}]}`, "4 7 8 9 12 13 16"},
		{"within filters", `{"must":[{"filter":{"should":[{"key":"a","match":1},{"ids":[3]}]}}]}`, "2 3 6 10 11"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ask := always(filterOf(t, tt.filter).compile())
			var got []string
			for i, payload := range payloads {
				if ask(subject{NumberID(uint64(i)), payload}) {
					got = append(got, fmt.Sprint(i))
				}
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("it means %s, want %s", s, tt.want)
			}
		})
	}
}

func TestFiltersThatCannotBe(t *testing.T) {
	deep := strings.Repeat(`{"must":[{"filter":`, 9) + `{}` + strings.Repeat(`}]}`, 9)
	for filter, want := range map[string]string{
		`{"must":[{"key":"a"}]}`:                                       `filter.must[0]: a condition says exactly one of`,
		`{"must":[{"key":"a","match":1,"prefix":"x"}]}`:                `this one says 2 of them`,
		`{"should":[{"match":1}]}`:                                     `filter.should[0]: "key" is required with "match"`,
		`{"must":[{"key":"a","ids":[1]}]}`:                             `"key" does not go with "ids"`,
		`{"must":[{"key":"a..b","match":1}]}`:                          `"a..b" is no payload field`,
		`{"must":[{"key":"a","match":[1]}]}`:                           `a text, a number, true or false is wanted, not [1]`,
		`{"must":[{"key":"a","any":[{}]}]}`:                            `true or false is wanted, not {}`,
		`{"must":[{"key":"a","range":{}}]}`:                            `the range has no bound`,
		`{"must":[{"key":"a","range":{"gt":1,"gte":2}}]}`:              `two bounds on one side`,
		`{"must":[{"key":"a","geo":{"lat":91,"lon":0,"radius_m":1}}]}`: `lat is from -90 to 90`,
		`{"must":[{"key":"a","geo":{"lat":0,"lon":0,"radius_m":0}}]}`:  `radius_m more than 0`,
		`{"must":[{"key":"a","nested":{"must":[{}]}}]}`:                `filter.must[0].nested.must[0]: a condition says`,
		`{"must":[{"mach":1}]}`:                                        `there is no field "mach" in a condition of a filter; the fields are key, match`,
		deep:                                                           `filters nest more than 8 deep`,
		`{"must":[` + strings.Repeat(`{"key":"a","match":1},`, 256) + `{"key":"a","match":1}]}`: `more than 256 conditions`,
	} {
		var f Filter
		err := json.Unmarshal([]byte(filter), &f)
		if err == nil {
			err = f.Check()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %s", filter, err, want)
		}
	}
}

// FuzzFilter decodes any filter: one that passes is asked about payloads with indexes and without, and the answers agree.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		`{"must":[{"key":"a","match":1},{"key":"a.b","any":["x",true]}],"must_not":[{"key":"a","prefix":"x"}]}`,
		`{"should":[{"key":"a","range":{"gte":-1,"lt":5}},{"key":"a","geo":{"lat":1,"lon":179.9,"radius_m":1e7}}]}`,
		`{"must":[{"key":"a","nested":{"must":[{"key":"b","match":1}]}},{"filter":{"should":[{"ids":[1,"x"]}]}},{"key":"a","exists":false}]}`,
	} {
		f.Add(seed)
	}
	indexed := &Config{}
	for _, kind := range types {
		indexed.Indexes = append(indexed.Indexes, IndexConfig{"a" + map[string]string{Keyword: "", Float: ".b"}[kind], kind})
		if kind != Keyword && kind != Float {
			indexed.Indexes = indexed.Indexes[:len(indexed.Indexes)-1]
		}
	}
	var all []*Collection
	for _, config := range []*Config{{}, indexed, {Indexes: []IndexConfig{{"a", Integer}}}, {Indexes: []IndexConfig{{"a", Bool}}}, {Indexes: []IndexConfig{{"a", Geo}}}} {
		if err := config.Check(); err != nil {
			f.Fatal(err)
		}
		c := New(config)
		for i, payload := range payloads {
			c.Put(1, &Draft{ID: NumberID(uint64(i)), Payload: payload})
		}
		all = append(all, c)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var filter Filter
		if json.Unmarshal([]byte(text), &filter) != nil || filter.Check() != nil {
			return
		}
		want := ids(all[0], &filter)
		for _, c := range all[1:] {
			if got := ids(c, &filter); !slices.Equal(got, want) {
				t.Fatalf("with the indexes %v it means %v, without %v", c.config.Indexes, got, want)
			}
		}
	})
}

func ids(c *Collection, f *Filter) (all []ID) {
	for _, p := range c.Page(f, ID{}, 100, false, 0).Points {
		all = append(all, p.ID)
	}
	return all
}

func TestProject(t *testing.T) {
	const payload = `{"a":{"b":1,"c":[{"d":2,"e":3},{"e":4}]},"f":"x","g":[1,2]}`
	for paths, want := range map[string]string{
		"a.b":       `{"a":{"b":1}}`,
		"a.c.e":     `{"a":{"c":[{"e":3},{"e":4}]}}`,
		"a.c.d f":   `{"a":{"c":[{"d":2}]},"f":"x"}`,
		"g":         `{"g":[1,2]}`,
		"a.b.c z f": `{"f":"x"}`,
		"nothing":   ``,
		"a a.b":     `{"a":{"b":1,"c":[{"d":2,"e":3},{"e":4}]}}`,
	} {
		if got := Project(payload, strings.Fields(paths)); got != want {
			t.Errorf("%s: %s, want %s", paths, got, want)
		}
	}
}

func TestIDs(t *testing.T) {
	for text, want := range map[string]string{
		`7`: `7`, `"7"`: `7`, `"007"`: `"007"`, `"x"`: `"x"`, `9223372036854775807`: `9223372036854775807`,
		`"9223372036854775808"`: `"9223372036854775808"`, `" 7"`: `" 7"`, `"é\n"`: "!control", `0`: `0`,
		`-1`: "!an id is", `1.5`: "!an id is", `""`: "!an id is", `null`: "!an id is", `[1]`: "!an id is", `18446744073709551615`: "!an id is",
		fmt.Sprintf("%q", strings.Repeat("x", 257)): "!at most 256",
	} {
		var id ID
		err := json.Unmarshal([]byte(text), &id)
		if err == nil {
			err = id.Check()
		}
		if part, failing := strings.CutPrefix(want, "!"); failing {
			if err == nil || !strings.Contains(err.Error(), part) || fault.CodeOf(err) == fault.Internal {
				t.Errorf("%.40s: %v, want %s", text, err, part)
			}
			continue
		}
		got, _ := id.MarshalJSON()
		if err != nil || string(got) != want {
			t.Errorf("%s comes back as %s, %v; want %s", text, got, err, want)
		}
	}
	ordered := []ID{{}, NumberID(0), NumberID(2), NumberID(10), TextID("1x"), TextID("a"), TextID("b")}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := a.Less(b); got != (i < j) {
				t.Errorf("%q before %q: %v", a, b, got)
			}
		}
	}
}
