package link_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const everything = `[{"rooms":"chat.*"},{"collections":"docs*"},{"topics":"t.#"}]`

// TestAClockThatIsWrongByLessThanAnHour has b's be 50 minutes behind that of a: whoever writes where another change is known comes after it,
// rooms keep the order of each server, and what is not retained is heard once.
func TestAClockThatIsWrongByLessThanAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openAhead(t, map[string]time.Duration{"b": -50 * time.Minute}, "a", "b")
		w.say("a", "vector.collection.create", `{"collection":"docs","dimension":1,"metric":"dot"}`)
		w.link("b", "a", everything)
		w.linked(4, [2]string{"b", "a"}) // both ways of the collection and of the topics
		ears := []*ear{w.ear("a"), w.ear("b")}
		put := func(name string, n int) {
			w.say(name, "vector.upsert", fmt.Sprintf(`{"collection":"docs","id":"x","vector":[%d]}`, n))
		}
		agree := func(n int) {
			t.Helper()
			w.until(fmt.Sprintf("both hold %d", n), func() bool {
				a, b := w.points("a", "docs"), w.points("b", "docs")
				text := fmt.Sprintf("[%d]   ", n)
				kept := fmt.Sprintf(`"%d"`, n)
				return a[`"x"`] == text && maps.Equal(a, b) && w.kept("a")["t.x"] == kept && w.kept("b")["t.x"] == kept
			})
		}
		for n, name := range []string{"a", "b", "a", "b", "b", "a"} {
			put(name, n)
			w.publish(name, "t.x", fmt.Sprint(n), true)
			w.publish(name, "t.said", fmt.Sprint(n), false)
			w.say(name, "stream.append", fmt.Sprintf(`{"room":"chat.1","data":"%d"}`, n))
			agree(n)
		}
		want := []string{"0", "1", "2", "3", "4", "5"}
		w.until("both have the room", func() bool { return len(w.texts("a", "chat.1", 0)) == 6 && len(w.texts("b", "chat.1", 0)) == 6 })
		for _, e := range ears {
			if got := w.texts(e.name, "chat.1", 0); !slices.Equal(got, want) {
				t.Errorf("%s: the room holds %q", e.name, got)
			}
			said := slices.DeleteFunc(slices.Clone(e.hear()), func(s string) bool { return !strings.HasPrefix(s, "t.said=") })
			if len(said) != 6 {
				t.Errorf("%s heard %q", e.name, said)
			}
		}
		w.say("b", "vector.delete", `{"collection":"docs","id":"x"}`) // by the clock that is behind
		w.until("it is gone", func() bool { return len(w.points("a", "docs"))+len(w.points("b", "docs")) == 0 })
	})
}

// TestAClockThatIsWrongByMore has a's be two hours ahead: what a changes is not believed, and the link says so; what b changes flows, and so do
// rooms and messages that nobody retains.
func TestAClockThatIsWrongByMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openAhead(t, map[string]time.Duration{"a": 2 * time.Hour}, "a", "b")
		for _, name := range []string{"a", "b"} {
			w.say(name, "vector.collection.create", `{"collection":"docs","dimension":1,"metric":"dot"}`)
		}
		w.link("b", "a", everything)
		w.linked(4, [2]string{"b", "a"})
		heard := w.ear("b")
		w.say("b", "vector.upsert", `{"collection":"docs","id":"from b","vector":[1]}`)
		w.until("a has it", func() bool { return len(w.points("a", "docs")) == 1 })
		w.say("a", "vector.upsert", `{"collection":"docs","id":"from a","vector":[2]}`)
		w.say("a", "stream.append", `{"room":"chat.1","data":"room"}`)
		w.publish("a", "t.said", "topic", false)
		w.until("the link says so", func() bool {
			return strings.Contains(w.peers("b")["a"].LastError, "more than an hour ahead of this server's clock")
		})
		w.until("the rest flows", func() bool {
			return len(w.texts("b", "chat.1", 0)) == 1 && slices.Contains(heard.hear(), "t.said=topic")
		})
		if points := w.points("b", "docs"); len(points) != 1 {
			t.Errorf("b holds %v", points)
		}
		<-time.After(70 * time.Minute)
		w.until("an hour later b's clock has come near it", func() bool { return len(w.points("b", "docs")) == 2 })
	})
}
