package kv_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/kv"
)

// Each story begins with an empty store, so that its versions are 1, 2, 3, …
func TestStories(t *testing.T) {
	for _, story := range []struct{ name, text string }{
		{"values come back as they went in", `
			kv.set {"key":"text","value":"plain"}
			{"version":1,"created":true}
			kv.set {"key":"empty","value":""}
			{"version":2,"created":true}
			kv.set {"key":"json","value":{"b":[1,2.50,null],"a":12345678901234567890}}
			{"version":3,"created":true}
			kv.set {"key":"null","value":null}
			{"version":4,"created":true}
			kv.set {"key":"bytes","value":{"$base64":"/wA="}}
			{"version":5,"created":true}
			kv.mget {"keys":["text","empty","json","null","bytes","none"]}
			{"items":[{"key":"text","found":true,"value":"plain","version":1,"size":5},{"key":"empty","found":true,"value":"","version":2},{"key":"json","found":true,"value":{"b":[1,2.50,null],"a":12345678901234567890},"version":3,"size":44},{"key":"null","found":true,"value":null,"version":4,"size":4},{"key":"bytes","found":true,"value":{"$base64":"/wA="},"version":5,"size":2},{"key":"none","found":false}]}`},

		{"get", `
			kv.get {"key":"a"}
			{"found":false}
			kv.set {"key":"a","value":"1"}
			{"version":1,"created":true}
			kv.get {"key":"a"}
			{"found":true,"value":"1","version":1}
			kv.get {}
			! invalid "key" is required
			kv.get {"key":""}
			! invalid "key" is required
			kv.get {"key":5}
			! invalid "key": a number was given, a string is wanted
			kv.get {"keys":"a"}
			! invalid did you mean "key"?`},

		{"set replaces, or not", `
			kv.set {"key":"a","value":"1","if_present":true}
			! not_found key "a" does not exist
			kv.set {"key":"a","value":"1","if_version":7}
			! conflict key "a" does not exist; version 7 was expected
			kv.set {"key":"a","value":"1","if_version":0}
			{"version":1,"created":true}
			kv.set {"key":"a","value":"2","if_version":0}
			! conflict key "a" has version 1; version 0 was expected
			kv.set {"key":"a","value":"2","if_absent":true}
			! already_exists key "a" exists, with version 1
			kv.set {"key":"a","value":"2","if_version":1,"return_old":true}
			{"version":2,"created":false,"old":"1","old_version":1}
			kv.set {"key":"a","value":"3","if_present":true}
			{"version":3,"created":false}
			kv.set {"key":"a","value":"4","if_version":1}
			! conflict key "a" has version 3
			kv.get {"key":"a"}
			{"found":true,"value":"3","version":3}`},

		{"set refuses", `
			kv.set {"key":"a"}
			! invalid "value" is required
			kv.set {"value":"a"}
			! invalid "key" is required
			kv.set {"key":"a","value":"1","if_absent":true,"if_present":true}
			! invalid only one of
			kv.set {"key":"a","value":"1","if_absent":true,"if_version":3}
			! invalid only one of
			kv.set {"key":"a","value":"1","keep_ttl":true,"ttl":3}
			! invalid keep_ttl does not go with
			kv.set {"key":"a","value":"1","ttl":3,"ttl_ms":3000}
			! invalid only one of ttl, ttl_ms and expires_at
			kv.set {"key":"a","value":"1","ttl":-1}
			! out_of_range "ttl": -1 is not allowed
			kv.set {"key":"a","value":"1","ttl":9223372036854775807}
			! out_of_range "ttl"
			kv.set {"key":"a","value":"1","ttl_ms":-1}
			! out_of_range "ttl_ms"
			kv.set {"key":"a","value":"1","expires_at":1000}
			! out_of_range it is in Unix milliseconds
			kv.set {"key":"a","value":"1","expires_at":9007199254740991}
			! out_of_range it is in Unix milliseconds
			kv.set {"key":"a","value":"1","if_version":-1}
			! invalid if_version
			kv.count {}
			{"count":0}`},

		{"delete", `
			kv.mset {"entries":[{"key":"a","value":1},{"key":"b","value":2},{"key":"c","value":3}]}
			{"version":1,"created":3,"replaced":0}
			kv.delete {"key":"a"}
			{"version":2,"deleted":["a"],"missing":[]}
			kv.delete {"keys":["c","x","b","c","x"]}
			{"version":3,"deleted":["c","b"],"missing":["x"]}
			kv.delete {"key":"a"}
			{"deleted":[],"missing":["a"]}
			kv.set {"key":"a","value":1}
			{"version":4,"created":true}
			kv.delete {"key":"a","if_version":1}
			! conflict key "a" has version 4; version 1 was expected
			kv.delete {"keys":["a"],"if_version":4}
			{"version":5,"deleted":["a"],"missing":[]}
			kv.delete {"key":"a","if_version":4}
			! conflict does not exist
			kv.delete {}
			! invalid "key" or "keys" is required
			kv.delete {"key":"a","keys":["b"]}
			! invalid either key or keys
			kv.delete {"keys":["a","b"],"if_version":4}
			! invalid if_version is of one key
			kv.delete {"keys":["a",""]}
			! invalid at least one byte`},

		{"mset is all or nothing", `
			kv.mset {"entries":[{"key":"a","value":"1"},{"key":"b","value":"2"}],"if_absent":true}
			{"version":1,"created":2,"replaced":0}
			kv.mset {"entries":[{"key":"z","value":"1"},{"key":"b","value":"3"}],"if_absent":true}
			! already_exists key "b" exists, with version 1
			kv.mset {"entries":[{"key":"z","value":"1"},{"key":"b","value":"3"}]}
			{"version":2,"created":1,"replaced":1}
			kv.mget {"keys":["a","b","z"]}
			{"items":[{"key":"a","found":true,"value":"1","version":1,"size":1},{"key":"b","found":true,"value":"3","version":2,"size":1},{"key":"z","found":true,"value":"1","version":2,"size":1}]}
			kv.mset {"entries":[]}
			! invalid "entries" is required
			kv.mset {"entries":[{"key":"a","value":1},{"key":"a","value":2}]}
			! invalid entries[1]: key "a" is given twice
			kv.mset {"entries":[{"key":"a","value":1},{"value":2}]}
			! invalid entries[1]: "key" is required
			kv.mset {"entries":[{"key":"a"}]}
			! invalid entries[0]: "value" is required
			kv.mset {"entries":[{"key":"a","value":1},{"key":"b","value":2,"ttl":-4}]}
			! out_of_range entries[1]: "ttl"`},

		{"mget and exists", `
			kv.mset {"entries":[{"key":"a","value":1},{"key":"b","value":2}]}
			{"version":1,"created":2,"replaced":0}
			kv.exists {"keys":["b","x","a","b"]}
			{"existing":["b","a","b"],"missing":["x"]}
			kv.exists {}
			! invalid "keys" is required
			kv.exists {"keys":[""]}
			! invalid at least one byte
			kv.mget {}
			! invalid "keys" is required
			kv.mget {"keys":["a","b"],"offset":1}
			! invalid an offset is into one value
			kv.mget {"keys":["a"],"offset":2}
			! out_of_range offset 2 is past the end
			kv.mget {"keys":["a"],"offset":-1}
			! invalid "offset"
			kv.mget {"keys":["a"],"max_bytes":5}
			! invalid "max_bytes"
			kv.mget {"keys":["x"],"offset":5}
			{"items":[{"key":"x","found":false}]}`},

		{"increment integers", `
			kv.increment {"key":"n"}
			{"version":1,"value":1,"created":true}
			kv.increment {"key":"n","by":41}
			{"version":2,"value":42,"created":false}
			kv.increment {"key":"n","by":-50}
			{"version":3,"value":-8,"created":false}
			kv.get {"key":"n"}
			{"found":true,"value":-8,"version":3}
			kv.increment {"key":"m","by":5,"initial":100}
			{"version":4,"value":105,"created":true}
			kv.set {"key":"t","value":"9"}
			{"version":5,"created":true}
			kv.increment {"key":"t","by":"1"}
			{"version":6,"value":10,"created":false}
			kv.get {"key":"t"}
			{"found":true,"value":"10","version":6}
			kv.increment {"key":"max","initial":9223372036854775806}
			{"version":7,"value":9223372036854775807,"created":true}
			kv.increment {"key":"max"}
			! out_of_range 9223372036854775807 plus 1 does not fit an integer of 64 bits
			kv.increment {"key":"min","initial":-9223372036854775808,"by":-1}
			! out_of_range does not fit
			kv.increment {"key":"z","by":0}
			{"version":8,"value":0,"created":true}`},

		{"increment floats", `
			kv.increment {"key":"f","by":0.5}
			{"version":1,"value":0.5,"created":true}
			kv.increment {"key":"f","by":0.5}
			{"version":2,"value":1,"created":false}
			kv.increment {"key":"f","by":1e300}
			{"version":3,"value":1e+300,"created":false}
			kv.set {"key":"g","value":1.7e308}
			{"version":4,"created":true}
			kv.increment {"key":"g","by":1.7e308}
			! out_of_range does not fit a float
			kv.increment {"key":"h","by":-0.0}
			{"version":5,"value":0,"created":true}
			kv.increment {"key":"f","by":1e400}
			! out_of_range`},

		{"increment refuses", `
			kv.increment {"key":"n","by":"x"}
			! invalid "by" is text that is not a number
			kv.increment {"key":"n","by":true}
			! invalid "by" is JSON that is not a number
			kv.increment {"key":"n","by":9223372036854775808}
			! out_of_range not an integer of 64 bits
			kv.increment {"key":"n","initial":[1]}
			! invalid "initial" is JSON that is not a number
			kv.set {"key":"s","value":"five"}
			{"version":1,"created":true}
			kv.increment {"key":"s"}
			! invalid what the key holds is text that is not a number
			kv.set {"key":"s","value":{"$base64":"NQ=="}}
			{"version":2,"created":false}
			kv.increment {"key":"s"}
			! invalid bytes that is not a number
			kv.set {"key":"s","value":" 5"}
			{"version":3,"created":false}
			kv.increment {"key":"s"}
			! invalid not a number
			kv.set {"key":"s","value":"NaN"}
			{"version":4,"created":false}
			kv.increment {"key":"s"}
			! invalid not a number`},

		{"append and setrange", `
			kv.append {"key":"a","value":"hello"}
			{"version":1,"length":5}
			kv.append {"key":"a","value":", world"}
			{"version":2,"length":12}
			kv.setrange {"key":"a","offset":7,"value":"W"}
			{"version":3,"length":12}
			kv.get {"key":"a"}
			{"found":true,"value":"hello, World","version":3}
			kv.setrange {"key":"a","offset":12,"value":"!!"}
			{"version":4,"length":14}
			kv.setrange {"key":"z","offset":2,"value":"x"}
			{"version":5,"length":3}
			kv.get {"key":"z"}
			{"found":true,"value":"\u0000\u0000x","version":5}
			kv.append {"key":"j","value":{"n":1}}
			{"version":6,"length":7}
			kv.get {"key":"j"}
			{"found":true,"value":{"n":1},"version":6}
			kv.append {"key":"j","value":{"n":2}}
			{"version":7,"length":14}
			kv.get {"key":"j"}
			{"found":true,"value":"{\"n\":1}{\"n\":2}","version":7}
			kv.append {"key":"j","value":{"$base64":"/w=="}}
			{"version":8,"length":15}
			kv.set {"key":"u","value":"é"}
			{"version":9,"created":true}
			kv.setrange {"key":"u","offset":1,"value":"x"}
			{"version":10,"length":2}
			kv.get {"key":"u"}
			{"found":true,"value":{"$base64":"w3g="},"version":10}
			kv.setrange {"key":"a","offset":-1,"value":"x"}
			! invalid "offset"
			kv.setrange {"key":"a","offset":99999999999,"value":"x"}
			! too_large offset 99999999999 is past the longest value
			kv.setrange {"key":"a","offset":16777216,"value":"x"}
			! too_large 16777217 bytes
			kv.append {"key":"a"}
			! invalid "value" is required`},

		{"getrange and length", `
			kv.set {"key":"a","value":"0123456789"}
			{"version":1,"created":true}
			kv.getrange {"key":"a"}
			{"found":true,"value":"0123456789","size":10,"version":1}
			kv.getrange {"key":"a","start":2,"end":4}
			{"found":true,"value":"234","size":10,"version":1}
			kv.getrange {"key":"a","start":-3}
			{"found":true,"value":"789","size":10,"version":1}
			kv.getrange {"key":"a","start":-100,"end":-9}
			{"found":true,"value":"01","size":10,"version":1}
			kv.getrange {"key":"a","start":8,"end":100}
			{"found":true,"value":"89","size":10,"version":1}
			kv.getrange {"key":"a","start":5,"end":4}
			{"found":true,"value":"","size":10,"version":1}
			kv.getrange {"key":"a","start":50}
			{"found":true,"value":"","size":10,"version":1}
			kv.getrange {"key":"a","start":0,"end":-100}
			{"found":true,"value":"","size":10,"version":1}
			kv.getrange {"key":"x"}
			{"found":false,"size":0}
			kv.length {"key":"a"}
			{"found":true,"length":10}
			kv.length {"key":"x"}
			{"found":false,"length":0}
			kv.set {"key":"u","value":"aé"}
			{"version":2,"created":true}
			kv.getrange {"key":"u","end":1}
			{"found":true,"value":{"$base64":"YcM="},"size":3,"version":2}
			kv.set {"key":"j","value":[1]}
			{"version":3,"created":true}
			kv.getrange {"key":"j"}
			{"found":true,"value":"[1]","size":3,"version":3}`},

		{"getset", `
			kv.getset {"key":"a","value":"1"}
			{"version":1,"found":false}
			kv.getset {"key":"a","value":{"n":2}}
			{"version":2,"found":true,"value":"1","old_version":1}
			kv.get {"key":"a"}
			{"found":true,"value":{"n":2},"version":2}
			kv.getset {"key":"a"}
			! invalid "value" is required
			kv.getset {"key":"a","value":1,"ttl":1,"keep_ttl":true}
			! invalid keep_ttl`},

		{"rename and copy", `
			kv.mset {"entries":[{"key":"a","value":1},{"key":"b","value":2}]}
			{"version":1,"created":2,"replaced":0}
			kv.rename {"key":"a","to":"b","if_absent":true}
			! already_exists key "b" exists, with version 1
			kv.rename {"key":"a","to":"b"}
			{"version":2,"replaced":true}
			kv.rename {"key":"a","to":"c"}
			! not_found key "a" does not exist
			kv.copy {"key":"b","to":"c"}
			{"version":3,"replaced":false}
			kv.copy {"key":"b","to":"c","if_absent":true}
			! already_exists key "c" exists, with version 3
			kv.copy {"key":"x","to":"c"}
			! not_found
			kv.copy {"key":"b","to":"c","expires_at":5}
			! out_of_range
			kv.rename {"key":"b","to":"b"}
			! invalid the same
			kv.copy {"key":"b","to":"b"}
			! invalid the same
			kv.rename {"key":"b"}
			! invalid "to" is required
			kv.mget {"keys":["a","b","c"]}
			{"items":[{"key":"a","found":false},{"key":"b","found":true,"value":1,"version":2,"size":1},{"key":"c","found":true,"value":1,"version":3,"size":1}]}`},

		{"expire, persist and ttl without a key", `
			kv.expire {"key":"a","ttl":5}
			{"found":false}
			kv.persist {"key":"a"}
			{"found":false}
			kv.ttl {"key":"a"}
			{"found":false}
			kv.expire {"key":"a","ttl":5,"if_version":3}
			! conflict
			kv.expire {"key":"a"}
			! invalid give ttl, ttl_ms or expires_at
			kv.expire {"key":"a","ttl":5,"ttl_ms":6}
			! invalid only one of
			kv.set {"key":"a","value":1}
			{"version":1,"created":true}
			kv.ttl {"key":"a"}
			{"found":true,"version":1}
			kv.persist {"key":"a"}
			{"found":true}
			kv.expire {"key":"a","ttl":5,"if_version":3}
			! conflict key "a" has version 1; version 3 was expected`},

		{"list", `
			kv.mset {"entries":[{"key":"b:2","value":"two"},{"key":"a","value":[1]},{"key":"b:1","value":{"$base64":"/w=="}},{"key":"c","value":"3"}]}
			{"version":1,"created":4,"replaced":0}
			kv.list {}
			{"items":[{"key":"a","kind":"json","size":3,"version":1},{"key":"b:1","kind":"bytes","size":1,"version":1},{"key":"b:2","kind":"text","size":3,"version":1},{"key":"c","kind":"text","size":1,"version":1}],"total":4}
			kv.list {"prefix":"b:","values":"preview"}
			{"items":[{"key":"b:1","kind":"bytes","size":1,"version":1},{"key":"b:2","kind":"text","size":3,"version":1,"preview":"two"}],"total":2}
			kv.list {"start":"b","end":"b:2","values":"full"}
			{"items":[{"key":"b:1","kind":"bytes","size":1,"version":1,"value":{"$base64":"/w=="}}],"total":1}
			kv.list {"limit":3}
			{"items":[{"key":"a","kind":"json","size":3,"version":1},{"key":"b:1","kind":"bytes","size":1,"version":1},{"key":"b:2","kind":"text","size":3,"version":1}],"total":4,"next_cursor":"AWI6Mg"}
			kv.list {"limit":3,"cursor":"AWI6Mg"}
			{"items":[{"key":"c","kind":"text","size":1,"version":1}]}
			kv.list {"glob":"?"}
			{"items":[{"key":"a","kind":"json","size":3,"version":1},{"key":"c","kind":"text","size":1,"version":1}]}
			kv.list {"glob":"b:*"}
			{"items":[{"key":"b:1","kind":"bytes","size":1,"version":1},{"key":"b:2","kind":"text","size":3,"version":1}],"total":2}
			kv.list {"glob":"*:[2-9]","prefix":"b"}
			{"items":[{"key":"b:2","kind":"text","size":3,"version":1}]}
			kv.list {"prefix":"nothing"}
			{"items":[],"total":0}
			kv.list {"start":"c","end":"a"}
			{"items":[],"total":0}
			kv.list {"values":"some"}
			! invalid it is one of none, preview, full
			kv.list {"limit":1001}
			! out_of_range "limit"
			kv.list {"limit":-1}
			! out_of_range "limit"
			kv.list {"cursor":"nonsense"}
			! invalid the cursor cannot be read
			kv.list {"prefix":"c","cursor":"AWI6Mg"}
			! invalid belongs to another listing
			kv.list {"glob":"[a"}
			! invalid [ without a ]`},

		{"count, random, clear, stats", `
			kv.random {}
			{"found":false}
			kv.mset {"entries":[{"key":"a","value":1},{"key":"b:1","value":2},{"key":"b:2","value":3}]}
			{"version":1,"created":3,"replaced":0}
			kv.count {}
			{"count":3}
			kv.count {"prefix":"b:"}
			{"count":2}
			kv.count {"glob":"*2"}
			{"count":1}
			kv.count {"start":"b","end":"b:2"}
			{"count":1}
			kv.count {"glob":"\\"}
			! invalid escapes nothing
			kv.stats {}
			{"keys":3,"expiring":0,"bytes":442,"key_bytes":7,"value_bytes":3,"max_key_bytes":1024,"max_value_bytes":16777216}
			kv.clear {"prefix":"b:"}
			! invalid this would remove 2 keys for good
			kv.clear {"prefix":"b:","confirm":true}
			{"version":2,"removed":2}
			kv.clear {"prefix":"b:","confirm":true}
			{"removed":0}
			kv.random {}
			{"found":true,"key":"a"}
			kv.clear {"confirm":true}
			{"version":3,"removed":1}
			kv.count {}
			{"count":0}`},

		{"keys may be anything that is text", `
			kv.set {"key":"a\u0000b","value":1}
			{"version":1,"created":true}
			kv.set {"key":"a/b c?d","value":1}
			{"version":2,"created":true}
			kv.set {"key":"ключ","value":1}
			{"version":3,"created":true}
			kv.list {"glob":"кл?ч"}
			{"items":[{"key":"ключ","kind":"json","size":1,"version":3}]}`},
	} {
		t.Run(story.name, func(t *testing.T) {
			b := open(t)
			b.t = t
			b.story(story.text)
		})
	}
}

func TestLimitsOfKeysAndValues(t *testing.T) {
	b := newBench(t, kv.Options{MaxKeyBytes: 4, MaxValueBytes: 8}, journal.MemoryOptions{})
	b.story(`
		kv.set {"key":"abcd","value":"12345678"}
		{"version":1,"created":true}
		kv.set {"key":"abcd","value":"123456789"}
		! too_large the value would be 9 bytes long; at most 8 are allowed
		kv.set {"key":"abcde","value":"1"}
		! too_large the key is 5 bytes long; at most 4 are allowed
		kv.append {"key":"abcd","value":"9"}
		! too_large the value would be 9 bytes long
		kv.setrange {"key":"abcd","offset":8,"value":"9"}
		! too_large
		kv.mset {"entries":[{"key":"a","value":"1"},{"key":"b","value":"123456789"}]}
		! too_large entries[1]: the value would be
		kv.rename {"key":"abcd","to":"abcde"}
		! too_large
		kv.get {"key":"abcde"}
		! too_large
		kv.count {}
		{"count":1}`)
	b.check()
}

func TestOptionsAreValidated(t *testing.T) {
	for name, o := range map[string]kv.Options{
		"MaxKeyBytes": {MaxKeyBytes: -1}, "MaxKeyBytes: 65537": {MaxKeyBytes: 65537},
		"MaxValueBytes": {MaxValueBytes: -1}, "MaxValueBytes: 53687091": {MaxValueBytes: 536870913},
	} {
		if err := o.Validate(); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%+v: %v, want an error that begins with %s", o, err, name)
		}
	}
	if err := (kv.Options{}).Validate(); err != nil {
		t.Errorf("the zero options: %v", err)
	}
}

func TestErrorDetailsAreForPrograms(t *testing.T) {
	b := open(t)
	b.must("kv.set", `{"key":"a","value":1}`)
	for _, test := range []struct {
		name, payload, key string
		code               fault.Code
		version            uint64
	}{
		{"kv.set", `{"key":"a","value":2,"if_absent":true}`, "a", fault.AlreadyExists, 1},
		{"kv.set", `{"key":"a","value":2,"if_version":9}`, "a", fault.Conflict, 1},
		{"kv.set", `{"key":"x","value":2,"if_present":true}`, "x", fault.NotFound, 0},
		{"kv.set", `{"key":"x","value":2,"if_version":9}`, "x", fault.Conflict, 0},
		{"kv.delete", `{"key":"a","if_version":9}`, "a", fault.Conflict, 1},
		{"kv.rename", `{"key":"x","to":"y"}`, "x", fault.NotFound, 0},
	} {
		e := b.fails(test.code, test.name, test.payload)
		if e.Details["key"] != test.key || e.Details["version"] != test.version {
			t.Errorf("%s %s: details %v", test.name, test.payload, e.Details)
		}
	}
	if e := b.fails(fault.Invalid, "kv.clear", `{}`); e.Details["keys"] != int64(1) {
		t.Errorf("kv.clear: details %v", e.Details)
	}
}

// TestMGetSharesItsBudget reads values cut to fit, and puts them together again.
func TestMGetSharesItsBudget(t *testing.T) {
	b := open(t)
	long := strings.Repeat("añ語😀", 1000) // 10 bytes each
	b.must("kv.mset", fmt.Sprintf(`{"entries":[{"key":"short","value":"s"},{"key":"long","value":%q},{"key":"json","value":[%q]}]}`, long, long))
	got := b.answer("kv.mget", `{"keys":["short","long","json"],"max_bytes":2001}`)
	items := got["items"].([]any)
	if v := items[0].(map[string]any)["value"]; v != "s" {
		t.Errorf("the short value was cut to %q", v)
	}
	for _, item := range items[1:] {
		m := item.(map[string]any)
		text, next := m["value"].(string), m["next_offset"].(float64)
		if len(text) != int(next) || len(text) > 1000 || len(text) < 997 {
			t.Errorf("%s was cut to %d bytes with next_offset %v, want about 1000", m["key"], len(text), next)
		}
	}
	for key, want := range map[string]string{"long": long, "json": `["` + long + `"]`} {
		whole, offset := "", 0
		for more := true; more; {
			item := b.answer("kv.mget", fmt.Sprintf(`{"keys":[%q],"max_bytes":1024,"offset":%d}`, key, offset))["items"].([]any)[0].(map[string]any)
			whole += item["value"].(string)
			next, cut := item["next_offset"].(float64)
			offset, more = int(next), cut
		}
		if whole != want {
			t.Errorf("%s was put together to %d bytes that differ from the %d there are", key, len(whole), len(want))
		}
	}
	if e := b.fails(fault.Invalid, "kv.mget", `{"keys":["long"],"offset":2}`); !strings.Contains(e.Message, "inside a character") {
		t.Errorf("an offset inside a character: %v", e)
	}
}

func TestMGetCutsBytesEarlier(t *testing.T) {
	b := open(t)
	b.must("kv.setrange", `{"key":"a","offset":4000,"value":{"$base64":"/w=="}}`)
	item := b.answer("kv.mget", `{"keys":["a"],"max_bytes":1024}`)["items"].([]any)[0].(map[string]any)
	if item["next_offset"] != 512.0 || item["size"] != 4001.0 {
		t.Errorf("got next_offset %v of %v, want 512 of 4001", item["next_offset"], item["size"])
	}
}
