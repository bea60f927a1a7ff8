package auth_test

import (
	"context"
	"testing"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
)

func TestSelect(t *testing.T) {
	everywhere := auth.Local()
	bound := &auth.Identity{Name: "bound", Namespace: "home", Namespaces: []string{"lab"}, Access: auth.Write}
	fixed := &auth.Identity{Name: "fixed", Namespace: "home", Namespaces: []string{}, Access: auth.Write}
	tests := []struct {
		name  string
		id    *auth.Identity
		asked string
		want  string
		code  fault.Code
	}{
		{"nothing asked is home", bound, "", "home", 0},
		{"home by name", bound, "home", "home", 0},
		{"a granted one", bound, "lab", "lab", 0},
		{"another one", bound, "default", "", fault.Denied},
		{"no further ones at all", fixed, "lab", "", fault.Denied},
		{"no list is every one", everywhere, "anything", "anything", 0},
	}
	for _, test := range tests {
		got, err := test.id.Select(test.asked)
		if got != test.want || fault.CodeOf(err) != test.code {
			t.Errorf("%s: got %q, %v", test.name, got, err)
		}
		moved, err := test.id.In(test.asked)
		if fault.CodeOf(err) != test.code || (err == nil && moved.Namespace != test.want) {
			t.Errorf("%s: moved to %+v, %v", test.name, moved, err)
		}
	}
	if bound.Namespace != "home" {
		t.Error("moving changed the identity itself")
	}
}

func TestCheck(t *testing.T) {
	key := auth.Name("kv", "a")
	for most := auth.None; most <= auth.Admin; most++ {
		id := &auth.Identity{Name: "x", Access: most}
		for wants := auth.None; wants <= auth.Admin; wants++ {
			allowed := wants <= most
			if err := id.Check(wants, key); (err == nil) != allowed || (err != nil && fault.CodeOf(err) != fault.Denied) {
				t.Errorf("%s access, %s wanted: %v", most, wants, err)
			}
			if id.Everywhere(wants) != allowed {
				t.Errorf("%s access, %s wanted everywhere: %v", most, wants, !allowed)
			}
		}
	}
}

func TestContext(t *testing.T) {
	if auth.FromContext(context.Background()) != nil {
		t.Error("an empty context has an identity")
	}
	id := auth.Local()
	if auth.FromContext(auth.NewContext(context.Background(), id)) != id {
		t.Error("the identity was lost")
	}
}
