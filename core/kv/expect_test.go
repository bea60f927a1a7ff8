package kv_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/fault"
)

func TestWhatIsExpectedOfAKey(t *testing.T) {
	b := open(t)
	b.must("kv.set", `{"key":"text","value":"x"}`)                    // version 1
	b.must("kv.set", `{"key":"json","value":{"a":[1,null],"b":"c"}}`) // 2
	b.must("kv.set", `{"key":"bytes","value":{"$base64":"eA=="}}`)    // 3, the bytes of "x"
	b.must("kv.set", `{"key":"null","value":null}`)                   // 4
	for _, test := range []struct {
		name, payload string
		want          string // the answer, or what is wrong
	}{
		{"nothing, of a key that exists", `{"key":"text"}`, `{"exists":true,"version":1}`},
		{"nothing, of a key that does not", `{"key":"none"}`, `{"exists":false,"version":0}`},
		{"that it exists", `{"key":"text","exists":true}`, `{"exists":true,"version":1}`},
		{"that it exists, and it does not", `{"key":"none","exists":true}`, `key "none" does not exist`},
		{"that it does not exist", `{"key":"none","exists":false}`, `{"exists":false,"version":0}`},
		{"that it does not exist, and it does", `{"key":"text","exists":false}`, `key "text" exists`},
		{"a version", `{"key":"json","version":2}`, `{"exists":true,"version":2}`},
		{"another version", `{"key":"json","version":1}`, `key "json" has version 2; version 1 was expected`},
		{"version 0 of a key that does not exist", `{"key":"none","version":0}`, `{"exists":false,"version":0}`},
		{"version 0 of a key that exists", `{"key":"text","version":0}`, `key "text" has version 1; version 0 was expected`},
		{"a version of a key that does not exist", `{"key":"none","version":3}`, `key "none" does not exist; version 3 was expected`},
		{"text", `{"key":"text","value":"x"}`, `{"exists":true,"version":1}`},
		{"other text", `{"key":"text","value":"y"}`, `key "text" holds another value, under version 1`},
		{"text that bytes spell", `{"key":"bytes","value":"x"}`, `key "bytes" holds another value, under version 3`},
		{"bytes", `{"key":"bytes","value":{"$base64":"eA=="}}`, `{"exists":true,"version":3}`},
		{"other bytes", `{"key":"bytes","value":{"$base64":"eQ=="}}`, `key "bytes" holds another value, under version 3`},
		{"JSON in another order", `{"key":"json","value":{"b":"c","a":[1,null]}}`, `{"exists":true,"version":2}`},
		{"JSON with a list in another order", `{"key":"json","value":{"a":[null,1],"b":"c"}}`, `key "json" holds another value, under version 2`},
		{"JSON with a number written otherwise", `{"key":"json","value":{"a":[1.0,null],"b":"c"}}`, `key "json" holds another value, under version 2`},
		{"JSON null", `{"key":"null","value":null}`, `{"exists":true,"version":4}`},
		{"JSON null, and it holds something", `{"key":"json","value":null}`, `key "json" holds another value, under version 2`},
		{"a value of a key that does not exist", `{"key":"none","value":1}`, `key "none" does not exist; a value was expected`},
		{"all at once", `{"key":"text","exists":true,"version":1,"value":"x"}`, `{"exists":true,"version":1}`},
		{"what first is wrong is told", `{"key":"text","exists":true,"version":9,"value":"y"}`, `key "text" has version 1; version 9 was expected`},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer, err := b.do("kv.check", test.payload)
			if err != nil {
				answer = err.Error()
				if fault.CodeOf(err) != fault.Conflict {
					t.Errorf("%s fails with %v", test.payload, err)
				}
			}
			if answer != test.want && !strings.HasSuffix(answer, ": "+test.want) {
				t.Errorf("%s is answered %s, want %s", test.payload, answer, test.want)
			}
		})
	}
	b.fails(fault.Invalid, "kv.check", `{"key":""}`)
}

// TestWhatWasFoundIsForPrograms looks at an error's details: the field, what was wanted and what there is, cut when long.
func TestWhatWasFoundIsForPrograms(t *testing.T) {
	b := open(t)
	b.must("kv.set", fmt.Sprintf(`{"key":"long","value":%q}`, strings.Repeat("é", 500)))
	b.must("kv.set", fmt.Sprintf(`{"key":"bytes","value":{"$base64":%q}}`, strings.Repeat("AAAA", 100)))
	for _, test := range []struct{ payload, want string }{
		{`{"key":"none","exists":true}`, "exists true false"},
		{`{"key":"long","version":7}`, "version 7 1"},
		{`{"key":"none","value":"x"}`, `value x <nil>`},
		{`{"key":"long","value":"x"}`, "value x " + strings.Repeat("é", 100) + "…"},
		{`{"key":"bytes","value":{"$base64":"eA=="}}`, "value x 300 bytes"},
	} {
		details := b.fails(fault.Conflict, "kv.check", test.payload).Details
		if got := fmt.Sprint(details["field"], " ", text(details["wanted"]), " ", text(details["found"])); got != test.want {
			t.Errorf("%s: %s, want %s", test.payload, got, test.want)
		}
	}
}

// text is a detail as one would read it: the data of a value.
func text(detail any) string {
	if v, ok := detail.(interface{ Data() string }); ok {
		return v.Data()
	}
	return fmt.Sprint(detail)
}

func TestADeadKeyIsExpectedNotToExist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t)
		b.must("kv.set", `{"key":"k","value":"v","ttl":1}`)
		b.must("kv.check", `{"key":"k","exists":true,"version":1,"value":"v"}`)
		time.Sleep(time.Second)
		b.must("kv.check", `{"key":"k","exists":false,"version":0}`)
		b.fails(fault.Conflict, "kv.check", `{"key":"k","value":"v"}`)
	})
}

// TestAConditionHoldsATransactionBack has a transaction depend on a key in each way.
func TestAConditionHoldsATransactionBack(t *testing.T) {
	b := open(t)
	b.must("kv.set", `{"key":"n","value":1}`)
	for _, condition := range []string{`"version":2`, `"exists":false`, `"value":2`} {
		b.fails(fault.Conflict, "txn.exec", `{"if":[{"key":"n",`+condition+`}],"do":[{"command":"kv.increment","payload":{"key":"n"}}]}`)
	}
	for i, condition := range []string{`"version":1`, `"exists":true`, `"value":3`} {
		b.must("txn.exec", `{"if":[{"key":"n",`+condition+`}],"do":[{"command":"kv.increment","payload":{"key":"n"}}]}`)
		b.must("kv.check", fmt.Sprintf(`{"key":"n","value":%d}`, i+2))
	}
}
