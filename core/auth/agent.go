package auth

import (
	"regexp"

	"github.com/hivellm/synap-go/core/fault"
)

// agentName is what a connection may call itself.
var agentName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// As returns the identity of one of several agents that share a credential. The name says which of them this is; it
// is written behind the principal's own, so that nobody can take a name that belongs to another principal. "" is
// the principal itself.
func (id *Identity) As(agent string) (*Identity, error) {
	if agent == id.Agent {
		return id, nil
	}
	if agent != "" && !agentName.MatchString(agent) {
		return nil, fault.New(fault.Invalid,
			"an agent cannot be called %q: 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit", clipName(agent)).With("field", "agent")
	}
	other := *id
	other.Agent = agent
	return &other, nil
}

// AgentName is the name under which other agents know the caller: the principal's, or "principal/agent".
func (id *Identity) AgentName() string {
	if id.Agent == "" {
		return id.Name
	}
	return id.Name + "/" + id.Agent
}

// clipName shortens a name before it is repeated to whoever gave it.
func clipName(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// May reports whether the identity may do so to anything of the structure at all: what it may never use need not be
// shown to it.
func (id *Identity) May(a Access, structure string) bool {
	if id.Everywhere(a) {
		return true
	}
	for _, p := range id.Permissions() {
		if p.Access >= a && (p.Structure == structure || p.Structure == all) {
			return true
		}
	}
	return false
}
