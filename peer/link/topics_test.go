package link_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/synaptest"
)

// ear listens at a server, again whenever that was started anew, and remembers what it heard in each of its lives.
type ear struct {
	*world
	name   string
	engine *synaptest.Recording // in whose life it listens
	handle string
	lives  [][]string // topic=message, and * after one that was retained when it began
}

func (w *world) ear(name string) *ear {
	e := &ear{world: w, name: name}
	e.hear()
	return e
}

// hear takes in what came, and returns what was heard in this life.
func (e *ear) hear() []string {
	e.Helper()
	args := fmt.Sprintf(`{"subscription":%q,"limit":1000}`, e.handle)
	if now := e.servers[e.name].engine; now != e.engine {
		e.engine, e.lives = now, append(e.lives, nil)
		args = `{"patterns":["#"],"limit":1000}`
	}
	var found struct {
		Subscription string
		Messages     []struct {
			Topic    string
			Message  json.RawMessage
			Retained bool
		}
	}
	if err := json.Unmarshal([]byte(e.say(e.name, "pubsub.listen", args)), &found); err != nil {
		e.Fatal(err)
	}
	e.handle = found.Subscription
	life := &e.lives[len(e.lives)-1]
	for _, m := range found.Messages {
		text := m.Topic + "=" + strings.Trim(string(m.Message), `"`)
		if m.Retained {
			text += "*"
		}
		*life = append(*life, text)
	}
	return *life
}

// kept is what topics retain at a server: message and when it was published.
func (w *world) kept(name string) map[string]string {
	w.Helper()
	var found struct {
		Subscription string
		Messages     []struct {
			Topic    string
			Message  json.RawMessage
			Retained bool
		}
	}
	if err := json.Unmarshal([]byte(w.say(name, "pubsub.listen", `{"patterns":["#"],"limit":1000,"close":false}`)), &found); err != nil {
		w.Fatal(err)
	}
	w.say(name, "pubsub.listen", fmt.Sprintf(`{"subscription":%q,"close":true}`, found.Subscription))
	all := map[string]string{}
	for _, m := range found.Messages {
		if m.Retained {
			all[m.Topic] = string(m.Message)
		}
	}
	return all
}

func (w *world) publish(name, topic, message string, retain bool) {
	w.Helper()
	w.say(name, "pubsub.publish", fmt.Sprintf(`{"topic":%q,"message":%q,"retain":%t}`, topic, message, retain))
}

// linked waits until links carry so many things each: one for each rule and direction.
func (w *world) linked(each int, pairs ...[2]string) {
	w.Helper()
	w.until("they are linked", func() bool {
		return !slices.ContainsFunc(pairs, func(p [2]string) bool { return w.peers(p[0])[p[1]].Rooms != each })
	})
	<-time.After(time.Second) // and have subscribed
}

func TestMessagesFlowAsTheRulesSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		w.publish("a", "peer.kept", "at a", true)
		w.publish("b", "other.kept", "at b", true)
		w.link("a", "b", `[{"topics":"peer.#"},{"topics":"news.*","direction":"in"},{"topics":"only","direction":"out"}]`)
		w.linked(4, [2]string{"a", "b"})
		a, b := w.ear("a"), w.ear("b")
		w.say("a", "pubsub.publish", `{"messages":[{"topic":"peer.x.y","message":{"n":1},"headers":{"h":"1"},"reply_to":"peer.back"},{"topic":"only","message":"a"},{"topic":"news.x","message":"a"}]}`)
		w.say("b", "pubsub.publish", `{"messages":[{"topic":"peer","message":"b"},{"topic":"only","message":"b"},{"topic":"news.x","message":"b"},{"topic":"news.x.y","message":"deep"}]}`)
		wantA := []string{"news.x=a", "news.x=b", "only=a", "peer.kept=at a*", `peer.x.y={"n":1}`, "peer=b"}
		wantB := []string{"news.x.y=deep", "news.x=b", "only=a", "only=b", "other.kept=at b*", "peer.kept=at a*", `peer.x.y={"n":1}`, "peer=b"}
		w.until("all has come over", func() bool {
			return slices.Equal(slices.Sorted(slices.Values(a.hear())), wantA) && slices.Equal(slices.Sorted(slices.Values(b.hear())), wantB)
		})
		w.say("b", "pubsub.forget", `{"topic":"peer.kept"}`)
		w.until("it is forgotten at both", func() bool { return len(w.kept("a")) == 0 })
		line := w.peers("a")["b"]
		if line.In != 3 || line.Out != 3 || line.Lost != 0 || line.Behind != 0 || line.LastError != "" {
			t.Errorf("the link is %+v", line.Status)
		}
	})
}

// TestAnAnswerComesBack asks at one server what somebody at another one answers.
func TestAnAnswerComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		w.link("a", "b", `[{"topics":"ask","direction":"out"},{"topics":"_inbox.#","direction":"in"}]`)
		w.linked(2, [2]string{"a", "b"})
		var opened struct{ Subscription string }
		if err := json.Unmarshal([]byte(w.say("b", "pubsub.listen", `{"patterns":["ask"]}`)), &opened); err != nil {
			t.Fatal(err)
		}
		go func() {
			var heard struct {
				Messages []struct {
					ReplyTo string `json:"reply_to"`
				}
			}
			text, err := w.try("b", "pubsub.listen", fmt.Sprintf(`{"subscription":%q,"wait_ms":20000}`, opened.Subscription))
			if err == nil {
				err = json.Unmarshal(text, &heard)
			}
			if err != nil || len(heard.Messages) != 1 {
				t.Errorf("b hears %+v: %v", heard, err)
				return
			}
			w.publish("b", heard.Messages[0].ReplyTo, "answer", false)
		}()
		if got := w.say("a", "pubsub.request", `{"topic":"ask","message":"?","timeout_ms":20000}`); !strings.Contains(got, `"message":"answer"`) {
			t.Errorf("the answer is %s", got)
		}
	})
}

// TestACutDoesNotCostWhatWaits breaks the wire for less than five minutes: what was published meanwhile comes, once.
func TestACutDoesNotCostWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		w.link("a", "b", `[{"topics":"peer.#"}]`)
		w.linked(2, [2]string{"a", "b"})
		a, b := w.ear("a"), w.ear("b")
		cut := func(is bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.cut[[2]string{"a", "b"}] = is
		}
		cut(true)
		var want []string
		for i := range 10 {
			w.publish("ab"[i%2:][:1], "peer.x", strconv.Itoa(i), false)
			want = append(want, fmt.Sprintf("peer.x=%d", i))
		}
		<-time.After(2 * time.Minute)
		cut(false)
		w.until("what waited has come over", func() bool { return len(a.hear()) >= 10 && len(b.hear()) >= 10 })
		<-time.After(time.Minute)
		for _, e := range []*ear{a, b} {
			if got := slices.Sorted(slices.Values(e.hear())); !slices.Equal(got, want) {
				t.Errorf("%s hears %q, want %q", e.name, got, want)
			}
		}
	})
}

// TestARestartRepeatsNothing has a server take a message in, lose the answer and start anew: the message is sent again, and not heard
// again.
func TestARestartRepeatsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		w.link("a", "b", `[{"topics":"peer.#","direction":"out"}]`)
		w.linked(1, [2]string{"a", "b"})
		b := w.ear("b")
		sent := 0
		w.mu.Lock()
		w.ran = func(operation string) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			if operation == "pubsub.accept" {
				sent++
			}
			return operation == "pubsub.accept" && sent == 1
		}
		w.mu.Unlock()
		w.publish("a", "peer.x", "once", false)
		synctest.Wait()
		if got := b.hear(); !slices.Equal(got, []string{"peer.x=once"}) {
			t.Fatalf("b hears %q", got)
		}
		w.servers["b"].restart()
		b.hear()
		w.until("it is sent again", func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return sent > 1
		})
		w.publish("a", "peer.x", "more", false)
		w.until("what comes next is heard", func() bool { return len(b.hear()) > 0 })
		if got := b.hear(); !slices.Equal(got, []string{"peer.x=more"}) {
			t.Errorf("started anew b hears %q", got)
		}
		if line := w.peers("a")["b"]; line.Passed != 1 || line.Out != 1 {
			t.Errorf("the link is %+v", line.Status)
		}
	})
}

// TestAFullDiskCostsNoMessage has a server refuse everything for a while, and not because of the messages: they come later.
func TestAFullDiskCostsNoMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		w.link("a", "b", `[{"topics":"peer.#","direction":"out"}]`)
		w.linked(1, [2]string{"a", "b"})
		b := w.ear("b")
		for _, refusal := range []*fault.Error{
			fault.New(fault.Exhausted, "the disk is full: nothing more is written until there is space"),
			fault.New(fault.Exhausted, "too many requests").With("limit", 1).With("retry_after_ms", 100),
		} {
			w.mu.Lock()
			w.refuse = func(operation string) error {
				if operation == "pubsub.accept" {
					return refusal
				}
				return nil
			}
			w.mu.Unlock()
			before := len(b.hear())
			for i := range 3 {
				w.publish("a", "peer.x", strconv.Itoa(before+i), false)
			}
			w.until("it is said", func() bool { return strings.Contains(w.peers("a")["b"].LastError, refusal.Message) })
			<-time.After(2 * time.Minute)
			w.mu.Lock()
			w.refuse = nil
			w.mu.Unlock()
			w.until("all is heard", func() bool { return len(b.hear()) == before+3 })
		}
		if line := w.peers("a")["b"]; line.Lost != 0 {
			t.Errorf("the link is %+v", line.Status)
		}
	})
}

// TestRightsOfTopics gives whoever comes too few rights: nothing else flows, and the link says why.
func TestRightsOfTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		w.rights = permissions("read:pubsub:peer.*", "write:pubsub:peer.w.*", "write:peer", "read:server")
		w.link("a", "b", `[{"topics":"peer.*.x"},{"topics":"peer.#","direction":"out"},{"topics":"secret","direction":"in"}]`)
		w.linked(4, [2]string{"a", "b"})
		a, b := w.ear("a"), w.ear("b")
		w.publish("a", "peer.w.x", "may", false)
		w.publish("a", "peer.r.x", "may not", false)
		w.publish("b", "peer.r.x", "may be read", false)
		w.publish("b", "secret", "may not be read", false)
		w.until("it is said what may not flow", func() bool {
			return strings.Contains(w.peers("a")["b"].LastError, `may not`) && len(a.hear()) == 3 && len(b.hear()) == 3
		})
		if w.peers("a")["b"].Lost != 2 { // by both of the rules that name it
			t.Errorf("the link is %+v", w.peers("a")["b"].Status)
		}
	})
}

// TestTriangleOfTopics is TestTriangle for messages: none is heard twice at a server, in whichever of its lives, and what is
// retained is the same in the end. While nothing is disturbed everything is heard.
func TestTriangleOfTopics(t *testing.T) { eachRing(t, triangleOfTopics) }

func triangleOfTopics(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	names := []string{"a", "b", "c"}
	w := openAhead(t, clocks(seed), names...)
	w.random = rand.New(rand.NewPCG(seed, 2))
	w.old["b"] = seed%3 == 0
	var ears []*ear
	var pairs [][2]string
	for i, name := range names {
		w.link(name, names[(i+1)%3], `[{"topics":"#"}]`)
		pairs = append(pairs, [2]string{name, names[(i+1)%3]})
		ears = append(ears, w.ear(name))
	}
	w.disturb(random, 150, func(name string, n int) {
		topic := "kept." + strconv.Itoa(random.IntN(4))
		switch random.IntN(5) {
		case 0:
			w.say(name, "pubsub.forget", fmt.Sprintf(`{"topic":%q}`, topic))
		case 1, 2:
			w.publish(name, topic, fmt.Sprintf("%s%d", name, n), true)
		default:
			w.publish(name, "said", fmt.Sprintf("%s%d", name, n), false)
		}
		for _, e := range ears {
			e.hear()
		}
	})
	for range 4 { // whoever waits for a server that was ended has noticed by then
		<-time.After(30 * time.Second)
		for _, e := range ears {
			e.hear()
		}
	}
	w.linked(2, pairs...)
	w.until("all retain the same", func() bool {
		a, b, c := w.kept("a"), w.kept("b"), w.kept("c")
		return maps.Equal(a, b) && maps.Equal(b, c)
	})
	for _, name := range names {
		w.publish(name, "said", "calm"+name, false)
	}
	w.until("all is heard in calm", func() bool {
		return !slices.ContainsFunc(ears, func(e *ear) bool {
			life := e.hear()
			return !slices.Contains(life, "said=calma") || !slices.Contains(life, "said=calmb") || !slices.Contains(life, "said=calmc")
		})
	})
	<-time.After(time.Minute) // what comes twice would come now
	synctest.Wait()
	if a, b, c := w.kept("a"), w.kept("b"), w.kept("c"); !maps.Equal(a, b) || !maps.Equal(b, c) {
		t.Errorf("they retain\n%v\n%v\n%v", a, b, c)
	}
	for _, e := range ears {
		e.hear()
		ever := map[string]bool{}
		for i, life := range e.lives {
			seen := map[string]bool{}
			for _, text := range life {
				// What is retained is heard by each who comes, the rest once, whatever is started anew meanwhile.
				if seen[text] || ever[text] && strings.HasPrefix(text, "said=") {
					t.Errorf("%s, life %d: %s is heard twice of %q", e.name, i, text, e.lives)
				}
				seen[text], ever[text] = true, true
			}
		}
	}
}
