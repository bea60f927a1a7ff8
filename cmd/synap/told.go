package main

import (
	"encoding/json"
	"strings"

	"github.com/hivellm/synap-go/core/fault"
)

// What an answer means to the person who reads it, beside what is in it: a secret that is told once, and a preview of what
// was not done.

// secretField is the field of an answer that holds a secret which nobody can be told again.
const secretField = "secret"

// secretTold says, above an answer with a secret, what that is and how it is used; "" for any other answer.
func (p *printer) secretTold(members []member) string {
	at := find(members, secretField)
	if at < 0 || p.command == nil || !p.command.Secret {
		return ""
	}
	var text strings.Builder
	if about := p.command.ResponseSchema().Properties[secretField]; about != nil {
		tell(&text, "The secret is %s.\n", about.Description)
	}
	secret := cell(members[at].raw)
	tell(&text, "Keep it now. Use it here with export SYNAP_KEY=%s, or --key; over HTTP with -H \"Authorization: Bearer %s\".", secret, secret)
	if find(members, "roles") < 0 && find(members, "permissions") < 0 {
		tell(&text, "\nIt may do nothing yet: it has neither roles nor permissions. Give it some with synap auth key update, such as --roles writer.")
	}
	return text.String()
}

// unconfirmed is an error when an answer is a preview: the command said what it would do, and waits for a word before it does it.
func unconfirmed(members []member) error {
	done, word := find(members, "done"), find(members, "confirm")
	if done < 0 || word < 0 || string(members[done].raw) != "false" {
		return nil
	}
	var confirm string
	if json.Unmarshal(members[word].raw, &confirm) != nil || confirm == "" {
		return nil
	}
	return fault.New(fault.Invalid, "nothing was done yet, this is what would go; to do it, run it again with --confirm %s", confirm)
}
