package command_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
)

type checkRequest struct {
	Name  string `json:"name" jsonschema:"the counter"`
	Count *int   `json:"count,omitempty" jsonschema:"what it stands at"`
	Extra int    `json:"extra,omitempty" jsonschema:"something else"`
}

func (r *checkRequest) Resource() auth.Resource { return auth.Name("toy", r.Name) }

type checkResponse struct {
	Count int `json:"count"`
	Extra int `json:"extra,omitempty"`
}

type takesConditions struct {
	If command.Conditions `json:"if" jsonschema:"what has to be so"`
}

func declaring(condition *command.Condition, name string, id uint8) *command.Structure {
	info := func(verb string, op uint16, open bool) command.Info {
		return command.Info{Name: name + "." + verb, Op: uint16(id)<<8 | op, Open: open, Summary: "Do so."}
	}
	return &command.Structure{
		Name: name, ID: id, Summary: "A structure.", Condition: condition,
		Commands: []*command.Command{
			command.Read(info("check", 1, false), func(*toy, context.Context, *checkRequest) (checkResponse, error) {
				return checkResponse{}, nil
			}),
			command.Read(info("take", 2, true), func(*toy, context.Context, *takesConditions) (checkResponse, error) {
				return checkResponse{}, nil
			}),
		},
	}
}

func TestConditionsAreDeclaredRight(t *testing.T) {
	good := command.Condition{Check: "toy.check", Field: "name", Marks: []string{"count"}}
	tests := []struct {
		name      string
		condition command.Condition
		want      string // part of the error; "" for none
	}{
		{"as it should be", good, ""},
		{"without marks", command.Condition{Check: "toy.check", Field: "name"}, ""},
		{"a check that there is not", command.Condition{Check: "toy.chek", Field: "name"}, `there is no Read "toy.chek" of it`},
		{"another structure's check", command.Condition{Check: "other.check", Field: "name"}, `there is no Read "other.check" of it`},
		{"a field that there is not", command.Condition{Check: "toy.check", Field: "key"}, `toy.check has no field "key"`},
		{"a mark that cannot be expected", command.Condition{Check: "toy.check", Field: "name", Marks: []string{"age"}}, `toy.check has no field "age"`},
		{"a mark that is not always answered", command.Condition{Check: "toy.check", Field: "name", Marks: []string{"extra"}},
			`toy.check does not always answer "extra"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			table, err := command.NewTable(declaring(&test.condition, "toy", 9), declaring(nil, "other", 8))
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want %s", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c, err := table.Find("other.take")
			if err != nil {
				t.Fatal(err)
			}
			check, err := table.Find("toy.check")
			if err != nil {
				t.Fatal(err)
			}
			items := c.RequestSchema().Properties["if"].Items
			if len(items.AnyOf) != 1 || items.AnyOf[0] != check.RequestSchema() {
				text, _ := json.Marshal(items)
				t.Errorf("a condition is described as %s", text)
			}
		})
	}
	other := command.Condition{Check: "other.check", Field: "name"}
	if _, err := command.NewTable(declaring(&good, "toy", 9), declaring(&other, "other", 8)); err == nil ||
		!strings.Contains(err.Error(), "the same field as that of toy") {
		t.Errorf("two structures with the same field: %v", err)
	}
}
