package command_test

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// listed is a request whose elements are large, and say nothing in two bytes.
type listed struct {
	Name  string `json:"name,omitempty"`
	Items []wide `json:"items,omitempty" max:"3"`
	Free  []int  `json:"free,omitempty"`
}

type wide struct {
	A [32]string `json:"a"`
}

// TestListsAreCountedBeforeTheyAreMade: a list with too many elements costs no more memory than the request has.
func TestListsAreCountedBeforeTheyAreMade(t *testing.T) {
	const n = 200_000
	many := strings.Repeat("0,", n) + "0"
	nils := append([]byte{0x81, 0xa5, 'i', 't', 'e', 'm', 's', 0xdd, 0, 0x03, 0x0d, 0x40}, make([]byte, n)...)
	for i := len(nils) - n; i < len(nils); i++ {
		nils[i] = 0xc0
	}
	for name, d := range map[string]command.Decoder{
		"JSON":                     command.JSON(`{"items":[` + many + `]}`),
		"nulls":                    command.JSON(`{"items":[` + strings.ReplaceAll(many, "0", "null") + `]}`),
		"after other members":      command.JSON(`{ "name" : "a\"]},[" , "free":[1,[2],"]"], "x":{"items":[1,2,3,4,5]},` + "\n" + `"items" : [` + many + `]}`),
		"a name in other letters":  command.JSON(`{"ITEMS":[` + many + `]}`),
		"a name with an escape":    command.JSON(`{"item\u0073":[` + many + `]}`),
		"the second of two":        command.JSON(`{"items":[],"items":[` + many + `]}`),
		"objects":                  command.JSON(`{"items":[` + strings.ReplaceAll(many, "0", `{"a":["]","\\"]}`) + `]}`),
		"MessagePack":              command.MsgPack(nils),
		"JSON that does not close": command.JSON(`{"items":[` + many),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := d.Decode(new(listed))
		runtime.ReadMemStats(&after)
		if e := fault.From(err); err == nil || e.Code != fault.OutOfRange || e.Details["field"] != "items" {
			t.Errorf("%s: %v", name, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
			t.Errorf("%s took %d bytes", name, took)
		}
	}
}

// TestListsThatFitAreRead: whatever is around them.
func TestListsThatFitAreRead(t *testing.T) {
	long := strings.Repeat("x", 80_000)
	free := strings.TrimSuffix(strings.Repeat("1,", 50_000), ",")
	for _, text := range []string{
		`{"name":"` + long + `","items":[{},{},{}]}`,
		`{"items":[ {"a":["[",","]} , null ,{} ],"name":"` + long + `"}`,
		`{"free":[` + free + `],"items":[]}`,
		`{"free":[` + free + `],"items":null,"name":"items\":[1,2,3,4,5]"}`,
	} {
		if err := command.JSON(text).Decode(new(listed)); err != nil {
			t.Errorf("%s…: %v", text[:40], err)
		}
		var tree any
		if err := json.Unmarshal([]byte(text), &tree); err != nil {
			t.Fatal(err)
		}
		packed, err := msgpack.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		if err := command.MsgPack(packed).Decode(new(listed)); err != nil {
			t.Errorf("%s… in MessagePack: %v", text[:40], err)
		}
	}
}
