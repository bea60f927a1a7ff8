package eval

import "testing"

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		name, want, got string
		ok              bool
	}{
		{"members that are not asked for", `{"a":1}`, `{"a":1,"b":2}`, true},
		{"a member that is missing", `{"a":1}`, `{"b":1}`, false},
		{"a member that must be missing", `{"a":null}`, `{"b":1}`, true},
		{"a member that is there and must not be", `{"a":null}`, `{"a":0}`, false},
		{"a list in order", `[1,2]`, `[1,2]`, true},
		{"a list in another order", `[1,2]`, `[2,1]`, false},
		{"a longer list", `[1]`, `[1,2]`, false},
		{"no list", `[]`, `null`, false},
		{"anything", `"*"`, `0`, true},
		{"anything, but nothing", `"*"`, `null`, false},
		{"a number", `7`, `7.0`, true},
		{"a number as text", `7`, `"7"`, true},
		{"another number", `7`, `8`, false},
		{"no number", `7`, `"x"`, false},
		{"a text", `"a b"`, `" a b "`, true},
		{"another text", `"a"`, `"ab"`, false},
		{"a number where text is wanted", `"8080"`, `8080`, true},
		{"a word", `"~Word"`, `"in some WORDs"`, true},
		{"a word inside an object", `"~word"`, `{"a":["word"]}`, true},
		{"no such word", `"~word"`, `"sword?"`, true},
		{"no word", `"~word"`, `"none"`, false},
		{"a greater number", `">5"`, `6`, true},
		{"an equal number", `">5"`, `5`, false},
		{"greater, but no number", `">5"`, `"six"`, false},
		{"greater, but nothing", `">5"`, `null`, false},
		{"a longer list than", `"[>1"`, `[1,2]`, true},
		{"a shorter list than", `"[>1"`, `[1]`, false},
		{"a bool", `true`, `true`, true},
		{"another bool", `true`, `false`, false},
		{"JSON in a text", `{"a":1}`, `"{\"a\":1}"`, true},
		{"no JSON in a text", `{"a":1}`, `"a: 1"`, false},
	} {
		want, err := decode([]byte(tt.want))
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode([]byte(tt.got))
		if err != nil {
			t.Fatal(err)
		}
		if why := match(want, got); (why == "") != tt.ok {
			t.Errorf("%s: match(%s, %s) = %q", tt.name, tt.want, tt.got, why)
		}
	}
}

func TestFilesThatSayTooLittle(t *testing.T) {
	const whole = "# A title\n\nDo it.\n\n## World\nkv.set {\"key\":\"a\"}\n\n## Judge\nIt is there.\nkv.get {\"key\":\"a\"}\n{\"found\":true}\n"
	task, err := parse("whole", whole)
	if err != nil || task.Title != "A title" || task.Text != "Do it." || len(task.World) != 1 || len(task.Judge) != 1 {
		t.Fatalf("%+v, %v", task, err)
	}
	for name, file := range map[string]string{
		"no title":                 "Do it.\n" + whole,
		"no text":                  "# A title\n\n## World\nkv.get\n\n## Judge\nIt is.\nkv.get\n{}\n",
		"no world":                 "# A title\n\nDo it.\n\n## Judge\nIt is.\nkv.get\n{}\n",
		"no judge":                 "# A title\n\nDo it.\n\n## World\nkv.get\n",
		"an unknown section":       whole + "\n## Later\nkv.get\n",
		"a step that is none":      whole + "\n## Wrong: it\nset the key\n",
		"a step of nobody":         whole + "\n## Wrong: it\nzoe: kv.get\n",
		"a check without a word":   whole + "kv.get\n{}\n",
		"a check without an end":   whole + "Something.\nkv.get\n",
		"an answer without a step": whole + "Something.\n{}\n",
		"two answers":              whole + "{}\n",
	} {
		if task, err := parse("x", file); err == nil {
			t.Errorf("%s: no error, but %+v", name, task)
		}
	}
}
