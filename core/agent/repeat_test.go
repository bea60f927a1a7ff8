package agent_test

import (
	"testing"

	"github.com/hivellm/synap-go/core/agent"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
)

// TestAgentsDoNotShareAnswers: the idempotency keys of two agents with one credential are two, or one would be given the other's mail.
func TestAgentsDoNotShareAnswers(t *testing.T) {
	p := open(t)
	p.say("ann", "agent.inbox", `{}`)
	p.say("bob", "agent.inbox", `{}`)
	p.say("", "agent.send", `{"to":"local/ann","message":"for ann"}`)
	p.say("", "agent.send", `{"to":"local/bob","message":"for bob"}`)
	c, err := p.Dispatcher().Table().Find("agent.inbox")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second is the repeat, which is answered as the first
		for _, name := range []string{"ann", "bob"} {
			caller, err := auth.Local().As(name)
			if err != nil {
				t.Fatal(err)
			}
			v, err := p.Dispatcher().Do(t.Context(), &command.Request{Caller: caller, Command: c, IdempotencyKey: "1"})
			if err != nil {
				t.Fatal(err)
			}
			got := v.(*agent.InboxResponse)
			if len(got.Messages) != 1 || got.Messages[0].Message.Data() != "for "+name || got.Agent != "local/"+name {
				t.Errorf("%s was given %+v", name, got.LookResponse)
			}
		}
	}
}
