package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/agent"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/synaptest"
)

func structures() []*command.Structure {
	return []*command.Structure{agent.Structure(), kv.Structure(kv.Options{})}
}

// post is an engine with agents.
type post struct {
	testing.TB
	*core.Engine
}

func open(tb testing.TB) post {
	tb.Helper()
	e, err := core.New(core.Options{Structures: structures()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Check(); err != nil {
			tb.Error(err)
		}
	})
	return post{tb, e}
}

// as runs a command as an agent of the local principal; "" is the principal itself.
func (p post) as(ctx context.Context, name, cmd, payload string) (string, error) {
	caller, err := auth.Local().As(name)
	if err != nil {
		return "", err
	}
	return p.of(ctx, caller, cmd, payload)
}

func (p post) of(ctx context.Context, caller *auth.Identity, cmd, payload string) (string, error) {
	c, err := p.Dispatcher().Table().Find(cmd)
	if err != nil {
		return "", err
	}
	v, err := p.Dispatcher().Do(ctx, &command.Request{Caller: caller, Command: c, Payload: command.JSON(payload)})
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(v)
	return string(text), err
}

// say is as, and nothing may go wrong.
func (p post) say(name, cmd, payload string) string {
	p.Helper()
	text, err := p.as(context.Background(), name, cmd, payload)
	if err != nil {
		p.Fatalf("%s %s %s: %v", name, cmd, payload, err)
	}
	return text
}

// heard is who wrote what, in the order in which the agent reads it.
func (p post) heard(name, payload string) (all []string) {
	p.Helper()
	var inbox agent.InboxResponse
	if err := json.Unmarshal([]byte(p.say(name, "agent.inbox", payload)), &inbox); err != nil {
		p.Fatal(err)
	}
	for _, m := range inbox.Messages {
		all = append(all, m.From+": "+m.Message.Data())
	}
	return all
}

func (p post) wants(got []string, want ...string) {
	p.Helper()
	if !slices.Equal(got, want) {
		p.Errorf("heard %q, want %q", got, want)
	}
}

func TestBroadcastsReachAllButTheSender(t *testing.T) {
	p := open(t)
	for _, name := range []string{"a", "b", "c"} {
		p.say(name, "agent.inbox", `{}`)
	}
	p.say("a", "agent.send", `{"to":"*","message":"hello"}`)
	p.say("late", "agent.inbox", `{}`)
	p.wants(p.heard("a", `{}`))
	p.wants(p.heard("b", `{}`), "local/a: hello")
	p.wants(p.heard("late", `{}`))
	if got := p.say("a", "server.status", `{}`); !strings.Contains(got, `"agent":{"items":1,`) {
		t.Errorf("the message of which one copy is unread is not kept: %s", got)
	}
	p.wants(p.heard("c", `{}`), "local/a: hello")
	if got := p.say("a", "server.status", `{}`); !strings.Contains(got, `"agent":{"items":0,"bytes":0}`) {
		t.Errorf("what everybody has read is still there: %s", got)
	}
}

// TestNobodyCanBeSomebodyElse: the sender is what the door has established, whatever a request says.
func TestNobodyCanBeSomebodyElse(t *testing.T) {
	p := open(t)
	bob := &auth.Identity{Name: "bob", Namespace: "default", Access: auth.Write}
	mallory := &auth.Identity{Name: "mallory", Namespace: "default", Access: auth.Write}
	posing, err := mallory.As("bob")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.of(t.Context(), mallory, "agent.send", `{"to":"bob","message":"x","from":"alice"}`); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a sender could be given: %v", err)
	}
	if _, err := p.of(t.Context(), posing, "agent.send", `{"to":"bob","message":"it is me"}`); err != nil {
		t.Fatal(err)
	}
	// Nor can an inbox be read by another: what mallory reads is mallory's.
	if got, err := p.of(t.Context(), posing, "agent.inbox", `{}`); err != nil || !strings.Contains(got, `"agent":"mallory/bob","messages":[]`) {
		t.Errorf("mallory reads %s, %v", got, err)
	}
	if got, err := p.of(t.Context(), bob, "agent.inbox", `{}`); err != nil || !strings.Contains(got, `"from":"mallory/bob"`) {
		t.Errorf("bob reads %s, %v", got, err)
	}
}

func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t)
		start := time.Now()
		p.wants(p.heard("b", `{"wait":25}`))
		if waited := time.Since(start); waited != 25*time.Second {
			t.Errorf("waited for %v", waited)
		}
		heard := make(chan []string)
		go func() { heard <- p.heard("b", `{"wait":25,"thread":"x"}`) }()
		synctest.Wait()
		p.say("a", "agent.send", `{"to":"local/b","message":"1"}`) // of no thread: it does not end the wait
		synctest.Wait()
		p.say("a", "agent.send", `{"to":"local/b","message":"2","thread":"x"}`)
		p.wants(<-heard, "local/a: 2")
		p.wants(p.heard("b", `{}`), "local/a: 1")

		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, err := p.as(ctx, "b", "agent.inbox", `{"wait":25}`)
			ended <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-ended; fault.CodeOf(err) != fault.Canceled {
			t.Errorf("a wait that was given up ended with %v", err)
		}
	})
}

func TestDedupeIDsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = p.Run(ctx) }()
		send := `{"to":"b","message":"m","dedupe_id":"d"}`
		p.say("a", "agent.send", send)
		time.Sleep(9 * time.Minute) // of the test's own clock
		if got := p.say("a", "agent.send", send); !strings.Contains(got, `"duplicate":true`) {
			t.Errorf("sent again within ten minutes: %s", got)
		}
		if got := p.say("other", "agent.send", send); strings.Contains(got, `"duplicate"`) {
			t.Errorf("another sender's: %s", got)
		}
		time.Sleep(2 * time.Minute)
		if got := p.say("a", "agent.send", send); strings.Contains(got, `"duplicate"`) {
			t.Errorf("sent again later: %s", got)
		}
		stop()
		<-ended
	})
}

func TestLimits(t *testing.T) {
	p := open(t)
	long := fmt.Sprintf(`{"to":"b","message":%q}`, strings.Repeat("x", agent.MaxMessageBytes+1))
	if _, err := p.as(t.Context(), "a", "agent.send", long); fault.CodeOf(err) != fault.TooLarge {
		t.Errorf("a message that is too long: %v", err)
	}
	long = fmt.Sprintf(`{"to":"b","message":%q}`, strings.Repeat("x", agent.MaxMessageBytes))
	var err error
	for n := 0; err == nil; n++ {
		if _, err = p.as(t.Context(), "a", "agent.send", long); n > agent.MaxInboxBytes/agent.MaxMessageBytes {
			t.Fatal("an inbox has no end")
		}
	}
	if fault.CodeOf(err) != fault.Exhausted {
		t.Errorf("an inbox that is full: %v", err)
	}
	p.say("c", "agent.inbox", `{}`)
	if got := p.say("a", "agent.send", strings.Replace(long, `"b"`, `"*"`, 1)); !strings.Contains(got, `"delivered_to":1,"full":["b"]`) {
		t.Errorf("a broadcast past a full inbox: %s", got)
	}
	p.say("a", "agent.forget", `{"agent":"b"}`)
}

// TestTheIdlestAgentMakesRoom fills the namespace with agents.
func TestTheIdlestAgentMakesRoom(t *testing.T) {
	p := open(t)
	for i := range agent.MaxAgents {
		p.say("", "agent.send", fmt.Sprintf(`{"to":"n%d","message":""}`, i%(agent.MaxAgents-1)))
	}
	if _, err := p.as(t.Context(), "", "agent.send", `{"to":"one more","message":""}`); err != nil {
		t.Errorf("the sender, whose inbox is empty, did not make room: %v", err)
	}
	p.say("", "agent.forget", `{"agent":"n5"}`)
	p.say("x", "agent.inbox", `{}`)
	if got := p.say("", "agent.list", `{"prefix":"local/x"}`); !strings.Contains(got, `"local/x"`) {
		t.Errorf("the newcomer is not there: %s", got)
	}
	if _, err := p.as(t.Context(), "y", "agent.inbox", `{}`); err != nil {
		t.Errorf("an agent with an empty inbox did not make room: %v", err)
	}
}

// TestRecovery saves while agents write and read, and recovers: all is as it is.
func TestRecovery(t *testing.T) {
	defer agent.SmallSaves(100, 2)()
	rapid.Check(t, func(rt *rapid.T) {
		r := synaptest.Record(t, structures)
		name := rapid.SampledFrom([]string{"local", "a", "b", "c"})
		n := 0
		act := func() {
			for range rapid.IntRange(0, 4).Draw(rt, "steps") {
				n++
				send := fmt.Sprintf(`{"to":%q,"message":"m%d","thread":"t%d","dedupe_id":"d%d"}`, name.Draw(rt, "to"), n, n%2, n%5)
				var err error
				switch rapid.IntRange(0, 5).Draw(rt, "step") {
				case 0, 1:
					_, err = r.Try("agent.send", send)
				case 2:
					_, err = r.Try("agent.send", fmt.Sprintf(`{"to":"*","message":%d}`, n))
				case 3:
					_, err = r.Try("agent.inbox", `{"limit":2}`)
				case 4:
					_, err = r.Try("agent.forget", fmt.Sprintf(`{"agent":%q,"messages_only":%t}`, name.Draw(rt, "agent"), n%2 == 0))
				case 5: // all of it is undone, because of what comes last
					_, err = r.Try("txn.exec", fmt.Sprintf(`{"do":[{"command":"agent.send","payload":%s},{"command":"agent.inbox","payload":{}},
						{"command":"agent.forget","payload":{"agent":%q}},{"command":"kv.check","payload":{"key":"none","exists":true}}]}`, send, name.Draw(rt, "agent")))
					if fault.CodeOf(err) != fault.Conflict {
						rt.Fatalf("a transaction was to fail: %v", err)
					}
					err = nil
				}
				if err != nil {
					rt.Fatal(err)
				}
			}
		}
		act()
		act()
		saved := r.Save(t, act)
		saved.After = rapid.Uint64Range(0, saved.After).Draw(rt, "after")
		act()
		again := r.Recover(t, saved)
		again.ExpectSame(rt, "recovered", r)
		again.Recover(t, again.Save(t, func() {})).ExpectSame(rt, "saved and recovered again", r)
	})
}

// TestNothingIsLostOrReadTwice has many agents write to each other while others read.
func TestNothingIsLostOrReadTwice(t *testing.T) {
	p := open(t)
	const agents, each = 8, 200
	var all sync.WaitGroup
	var read [agents][]string
	for i := range agents {
		all.Go(func() {
			for n := range each {
				to := rand.IntN(agents)
				if _, err := p.as(context.Background(), fmt.Sprint(i), "agent.send", fmt.Sprintf(`{"to":"local/%d","message":"%d-%d"}`, to, i, n)); err != nil {
					t.Error(err)
				}
				read[i] = append(read[i], p.heard(fmt.Sprint(i), `{"limit":3}`)...)
			}
		})
	}
	all.Wait()
	seen := map[string]bool{}
	for i := range agents {
		for _, m := range append(read[i], p.heard(fmt.Sprint(i), `{"limit":1000}`)...) {
			if seen[m] {
				t.Errorf("%q was read twice", m)
			}
			seen[m] = true
		}
	}
	if len(seen) != agents*each {
		t.Errorf("%d messages were read of %d", len(seen), agents*each)
	}
}
