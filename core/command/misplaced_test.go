package command_test

import (
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// TestAFieldThatIsNotThereIsExplainedWhereItStands names the fields of the object that it stands in, however deep.
func TestAFieldThatIsNotThereIsExplainedWhereItStands(t *testing.T) {
	type inner struct {
		Rooms  string `json:"rooms"`
		Topics string `json:"topics"`
	}
	type request struct {
		Name  string           `json:"name"`
		Rules []inner          `json:"rules"`
		One   *inner           `json:"one"`
		Named map[string]inner `json:"named"`
		Deep  struct {
			Deeper [][]inner `json:"deeper"`
		} `json:"deep"`
	}
	const inRule = "the fields are rooms, topics"
	for payload, want := range map[string]string{
		`{"xyzzy":1}`: "the fields are name, rules, one, named, deep",
		`{"name":"a","rules":[{"rooms":"a"},{"xyzzy":"a"}]}`: inRule,
		`{"one":{"xyzzy":1}}`:                                inRule,
		`{"named":{"a":{},"b":{"xyzzy":{}}}}`:                inRule,
		`{"deep":{"deeper":[[],[{"xyzzy":1}]]}}`:             inRule,
		`{"deep":{"xyzzy":1}}`:                               "the fields are deeper",
		`{"rules":[{"rules":"a"}]}`:                          inRule,
		`{"rules":[{"room":"a"}]}`:                           `did you mean "rooms"?`,
	} {
		err := command.JSON(payload).Decode(&request{})
		if fault.CodeOf(err) != fault.Invalid || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", payload, err, want)
		}
	}
}
