package auth_test

import (
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
)

func TestAgentsOfOnePrincipal(t *testing.T) {
	alice := auth.Local()
	for _, tt := range []struct {
		agent, want string
		ok          bool
	}{
		{"", "local", true},
		{"planner", "local/planner", true},
		{"Claude-Code.2_1", "local/Claude-Code.2_1", true},
		{strings.Repeat("a", 64), "local/" + strings.Repeat("a", 64), true},
		{strings.Repeat("a", 65), "", false},
		{"a/b", "", false},
		{"*", "", false},
		{"-a", "", false},
		{"a b", "", false},
	} {
		id, err := alice.As(tt.agent)
		switch {
		case tt.ok && (err != nil || id.AgentName() != tt.want):
			t.Errorf("As(%q) = %v, %v; want %s", tt.agent, id, err, tt.want)
		case !tt.ok && fault.CodeOf(err) != fault.Invalid:
			t.Errorf("As(%q): %v, want invalid", tt.agent, err)
		}
	}
	if alice.AgentName() != "local" {
		t.Errorf("the principal itself became %s", alice.AgentName())
	}
}
