package mcp_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/mcp"
)

// maxFacingBytes is how much of a model's attention the names, descriptions and arguments of the default tools may
// take: about 3,000 tokens.
const maxFacingBytes = 12 << 10

func TestDefaultToolsFitTheirBudget(t *testing.T) {
	text, err := mcp.ToolList(engine(t, kv.Structure(kv.Options{})).Table(), "")
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Tools []struct {
			Name, Description string
			InputSchema       json.RawMessage
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	facing, err := json.Marshal(answer.Tools)
	if err != nil {
		t.Fatal(err)
	}
	if len(facing) > maxFacingBytes {
		t.Errorf("%d bytes, at most %d", len(facing), maxFacingBytes)
	}
}

func TestRecipesFindTheirTools(t *testing.T) {
	s := start(t, mcp.Options{Executor: engine(t, kv.Structure(kv.Options{})), Profile: "full"})
	got := string(say(t, s, initialize)["1"])
	for _, want := range []string{"Lock: synap_kv_set with if_absent=true", "Counter: synap_kv_increment", "More commands: synap_help"} {
		if !strings.Contains(got, want) {
			t.Errorf("the instructions lack %q:\n%s", want, got)
		}
	}
}
