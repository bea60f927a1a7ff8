package memory_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/synaptest"
	"github.com/hivellm/synap-go/memory"
)

// TestByMeaning finds what is said in other words, and says how.
func TestByMeaning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &model{})
		for _, text := range []string{"the automobile is red", "a physician lives here", "nothing of interest"} {
			if a := w.must(t, "memory.store", fmt.Sprintf(`{"text":%q}`, text)); !a.Embedded {
				t.Errorf("%q has no vector: %+v", text, a)
			}
		}
		a := w.must(t, "memory.search", `{"query":"car"}`)
		if a.found() != "1" || a.Ranking != "hybrid" || a.Note != "" || a.Results[0].Words != 0 || a.Results[0].Similarity < 0.4 ||
			a.Results[0].Score != a.Results[0].Similarity {
			t.Errorf("a car is not an automobile: %+v", a)
		}
		if a := w.must(t, "memory.search", `{"query":"doctor red"}`); a.found() != "1 2" {
			t.Errorf("what both rankings have is first: %+v", a.Results)
		}
		if a := w.must(t, "memory.store", `{"text":"the vehicle is red"}`); len(a.Similar) != 1 || a.Similar[0].By != "meaning" || a.Similar[0].ID != "default:1" {
			t.Errorf("a near duplicate in other words: %+v", a.Similar)
		}
		w.stop()
		if err := w.Engine.Check(); err != nil {
			t.Error(err)
		}
	})
}

// TestTheEmbedderIsDown stores and finds all the same, and makes up for it when it is back.
func TestTheEmbedderIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &model{down: true})
		start := time.Now()
		for i := range 100 {
			if a := w.must(t, "memory.store", fmt.Sprintf(`{"text":"automobile number %d"}`, i)); a.Embedded || a.ID != fmt.Sprint("default:", i+1) {
				t.Fatalf("a store without an embedder: %+v", a)
			}
		}
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("each store waits for an embedder that is down: %v for all", d)
		}
		a := w.must(t, "memory.search", `{"query":"automobile 7"}`)
		if a.Ranking != "lexical" || !strings.Contains(a.Note, "by words alone") || !strings.Contains(a.Note, "500") || len(a.Results) != 10 {
			t.Errorf("a search without an embedder: %+v", a)
		}
		if st := w.must(t, "memory.stats", `{}`); st.Waiting != 100 || st.Embedder.Trouble == "" {
			t.Errorf("the stats say %+v", st)
		}
		time.Sleep(10 * time.Minute)
		if calls, _ := w.model.called(); calls > 100 {
			t.Errorf("an embedder that is down was asked %d times in ten minutes", calls)
		}
		w.model.set(false, 0)
		time.Sleep(3 * time.Minute)
		if st := w.must(t, "memory.stats", `{}`); st.Waiting != 0 || st.Embedder.Trouble != "" {
			t.Errorf("when it is back the stats say %+v", st)
		}
		if a := w.must(t, "memory.search", `{"query":"vehicle"}`); a.Ranking != "hybrid" || len(a.Results) != 10 {
			t.Errorf("when it is back: %+v", a)
		}
		w.stop()
		// Vectors are data: another engine has them without asking anybody.
		w.model.set(true, 0)
		again := w.Recover(t, synaptest.Saved{})
		again.ExpectSame(t, "recovered from the log", w.Recording)
		again = w.Recover(t, w.Save(t, func() {}))
		again.ExpectSame(t, "recovered from a snapshot", w.Recording)
		if st := must(t, again, "memory.stats", `{}`); st.Waiting != 0 || st.Memories != 100 {
			t.Errorf("after a restart the stats say %+v", st)
		}
	})
}

// TestASlowEmbedder is not waited for longer than it is worth.
func TestASlowEmbedder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &model{delay: 4 * time.Second})
		start := time.Now()
		a := w.must(t, "memory.store", `{"text":"the automobile is red"}`)
		if d := time.Since(start); a.Embedded || d < time.Second || d > 3*time.Second {
			t.Errorf("it took %v: %+v", d, a)
		}
		if a := w.must(t, "memory.search", `{"query":"automobile"}`); a.Ranking != "lexical" || !strings.Contains(a.Note, "too long") {
			t.Errorf("a search: %+v", a)
		}
		time.Sleep(time.Minute)
		// The answer that came too late was kept.
		if a := w.must(t, "memory.search", `{"query":"automobile"}`); a.Ranking != "hybrid" {
			t.Errorf("a search later: %+v", a)
		}
		w.stop()
	})
}

// TestNobodyWaitsInATransaction has the vector follow.
func TestNobodyWaitsInATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &model{delay: time.Second})
		start := time.Now()
		if _, err := w.Try("txn.exec", `{"do":[{"command":"memory.store","payload":{"text":"the automobile is red"}},
			{"command":"memory.search","payload":{"query":"automobile"}}]}`); err != nil || time.Since(start) != 0 {
			t.Errorf("it took %v: %v", time.Since(start), err)
		}
		time.Sleep(time.Minute)
		if a := w.must(t, "memory.search", `{"query":"vehicle"}`); a.found() != "1" {
			t.Errorf("later: %+v", a)
		}
		w.stop()
	})
}

// TestATextThatChangesMeanwhile does not get the vector of what it was.
func TestATextThatChangesMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &model{delay: 4 * time.Second})
		w.must(t, "memory.store", `{"text":"the automobile is red","skip_similar":true}`)
		w.must(t, "memory.store", `{"text":"gone soon","skip_similar":true}`)
		time.Sleep(time.Second) // it is being embedded
		w.must(t, "memory.update", `{"id":"default:1","text":"a physician lives here"}`)
		w.must(t, "memory.delete", `{"ids":["default:2"]}`)
		time.Sleep(time.Minute)
		w.model.set(false, 0)
		if a := w.must(t, "memory.search", `{"query":"vehicle"}`); a.found() != "" || a.Ranking != "hybrid" {
			t.Errorf("it has the vector of the text that it had: %+v", a)
		}
		if a := w.must(t, "memory.search", `{"query":"doctor"}`); a.found() != "1" {
			t.Errorf("it has no vector of its text: %+v", a)
		}
		// New metadata do not need a new vector.
		_, before := w.model.called()
		w.must(t, "memory.update", `{"id":"default:1","metadata":{"a":1}}`)
		time.Sleep(time.Minute)
		if _, after := w.model.called(); after != before || w.must(t, "memory.stats", `{}`).Waiting != 0 {
			t.Errorf("metadata were embedded: %d texts", after-before)
		}
		w.stop()
		if err := w.Engine.Check(); err != nil {
			t.Error(err)
		}
	})
}

// TestATextThatIsRefused is left alone for an hour, and holds nothing up.
func TestATextThatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &model{})
		w.must(t, "memory.store", `{"text":"poison for any model"}`)
		for i := range 70 {
			w.must(t, "memory.store", fmt.Sprintf(`{"text":"automobile %d","skip_similar":true}`, i))
		}
		time.Sleep(time.Minute)
		if st := w.must(t, "memory.stats", `{}`); st.Waiting != 1 || st.Embedder.Trouble != "" {
			t.Errorf("the stats say %+v", st)
		}
		calls, _ := w.model.called()
		time.Sleep(50 * time.Minute)
		if more, _ := w.model.called(); more != calls {
			t.Errorf("it was tried %d times more within the hour", more-calls)
		}
		time.Sleep(20 * time.Minute)
		if more, _ := w.model.called(); more == calls {
			t.Error("it was never tried again")
		}
		if a := w.must(t, "memory.search", `{"query":"vehicle"}`); !strings.Contains(a.Note, "1 memories have no vector") {
			t.Errorf("the note is %q", a.Note)
		}
		w.stop()
	})
}

// TestAnotherModel makes all vectors anew.
func TestAnotherModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &model{})
		for i := range 100 {
			w.must(t, "memory.store", fmt.Sprintf(`{"text":"automobile %d","skip_similar":true}`, i))
		}
		time.Sleep(time.Minute)
		saved := w.Save(t, func() {})
		w.stop()

		w.service = newService(t, w.model, "two")
		w.Recording = w.Recover(t, saved)
		if st := w.must(t, "memory.stats", `{}`); st.Waiting != 100 {
			t.Errorf("vectors of another model are taken for this one's: %+v", st)
		}
		w.start(t)
		time.Sleep(time.Minute)
		_, texts := w.model.called()
		if st := w.must(t, "memory.stats", `{}`); st.Waiting != 0 || texts != 200 {
			t.Errorf("%d texts were embedded: %+v", texts, st)
		}
		w.stop()
		if err := w.Engine.Check(); err != nil {
			t.Error(err)
		}
	})
}

// TestForgotten expires memories on time, whether the sweeper has come by or not.
func TestForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &model{})
		w.must(t, "memory.store", `{"text":"for a minute","ttl":60}`)
		w.must(t, "memory.store", `{"text":"for two minutes","ttl":120}`)
		w.must(t, "memory.store", `{"text":"a minute that is kept","ttl":60}`)
		w.must(t, "memory.update", `{"id":"default:3","persist":true}`)
		time.Sleep(60*time.Second - time.Millisecond)
		if a := w.must(t, "memory.search", `{"query":"minute"}`); len(a.Results) != 3 {
			t.Errorf("before: %s", a.found())
		}
		time.Sleep(time.Millisecond)
		if a := w.must(t, "memory.get", `{"id":"default:1"}`); a.Found {
			t.Error("it is there at its deadline")
		}
		time.Sleep(time.Second)
		if st := w.must(t, "memory.stats", `{}`); st.Memories != 2 {
			t.Errorf("it was not swept: %+v", st)
		}
		time.Sleep(time.Hour)
		if a := w.must(t, "memory.list", `{}`); len(a.Items) != 1 || a.Items[0].ID != "default:3" {
			t.Errorf("later: %+v", a.Items)
		}
		w.stop()
		again := w.Recover(t, synaptest.Saved{})
		again.ExpectSame(t, "recovered", w.Recording)
	})
}

// TestWithoutAnEmbedder says lexical and nothing more.
func TestWithoutAnEmbedder(t *testing.T) {
	r := synaptest.Record(t, func() []*command.Structure { return []*command.Structure{memory.Structure(memory.Options{})} })
	must(t, r, "memory.store", `{"text":"the automobile is red"}`)
	if a := must(t, r, "memory.search", `{"query":"automobile"}`); a.Ranking != "lexical" || a.Note != "" || a.found() != "1" {
		t.Errorf("a search: %+v", a)
	}
}
