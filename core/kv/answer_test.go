package kv_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/kv"
)

// TestOneValueAThousandTimes: what is asked for in ten kilobytes is not answered in gigabytes.
func TestOneValueAThousandTimes(t *testing.T) {
	b := open(t)
	b.must("kv.set", fmt.Sprintf(`{"key":"a","value":%q}`, strings.Repeat("x", 1<<20)))
	ask := func(n int, more string) (any, error) {
		keys, _ := json.Marshal(strings.Split(strings.Repeat("a ", n-1)+"a", " "))
		return b.engine.Dispatcher().Do(t.Context(), b.request("kv.mget", fmt.Sprintf(`{"keys":%s%s}`, keys, more)))
	}
	if _, err := ask(1000, ""); fault.CodeOf(err) != fault.TooLarge {
		t.Errorf("a gigabyte was answered: %v", err)
	}
	for n, more := range map[int]string{100: "", 1000: `,"max_bytes":1048576`} {
		got, err := ask(n, more)
		if err != nil || len(got.(*kv.MGetResponse).Items) != n {
			t.Errorf("%d times%s: %v", n, more, err)
		}
	}
}
