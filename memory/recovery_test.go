package memory_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/synaptest"
	"github.com/hivellm/synap-go/memory"
)

// recording is of memories that nobody embeds.
func recording(t testing.TB) *synaptest.Recording {
	return synaptest.Record(t, func() []*command.Structure { return []*command.Structure{memory.Structure(memory.Options{})} })
}

// remembered is a memory as a naive model has it.
type remembered struct {
	text, project string
	number        int
}

// naive is what memories should be: nothing but a list.
type naive struct {
	last  int
	items map[string]remembered
}

func collectionOf(id string) string { return id[:strings.LastIndexByte(id, ':')] }

// search lists the ids whose texts have the word.
func (n *naive) search(collection, word, project string) []string {
	var ids []string
	for id, m := range n.items {
		if collectionOf(id) == collection && slices.Contains(strings.Fields(m.text), word) && (project == "" || m.project == project) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// list lists a collection, the newest first.
func (n *naive) list(collection string) []string {
	var ids []string
	for id := range n.items {
		if collectionOf(id) == collection {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(n.items[b].number, n.items[a].number) })
	return ids
}

// compare fails unless the engine remembers what the model does.
func (n *naive) compare(t *rapid.T, r *synaptest.Recording, collection, word, project string) {
	filter := ""
	if project != "" {
		filter = fmt.Sprintf(`,"filter":{"project":%q}`, project)
	}
	var got []string
	for _, hit := range ask(t, r, "memory.search", fmt.Sprintf(`{"query":%q,"collection":%q,"limit":100%s}`, word, collection, filter)).Results {
		got = append(got, hit.ID)
		if hit.Text != n.items[hit.ID].text {
			t.Fatalf("%s says %q, want %q", hit.ID, hit.Text, n.items[hit.ID].text)
		}
	}
	slices.Sort(got)
	if want := n.search(collection, word, project); !slices.Equal(got, want) {
		t.Fatalf("a search for %s in %s%s finds %v, want %v", word, collection, filter, got, want)
	}
	got = nil
	for cursor := ""; ; {
		page := ask(t, r, "memory.list", fmt.Sprintf(`{"collection":%q,"limit":3,"cursor":%q}`, collection, cursor))
		for _, it := range page.Items {
			got = append(got, it.ID)
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if want := n.list(collection); !slices.Equal(got, want) {
		t.Fatalf("%s holds %v, want %v", collection, got, want)
	}
}

func ask(t *rapid.T, r *synaptest.Recording, name, payload string) (a answer) {
	text, err := r.Try(name, payload)
	if err == nil {
		err = json.Unmarshal([]byte(text), &a)
	}
	if err != nil {
		t.Fatalf("%s %s: %v", name, payload, err)
	}
	return a
}

// step does one thing to both.
func (n *naive) step(t *rapid.T, r *synaptest.Recording) {
	word := rapid.SampledFrom([]string{"red", "blue", "car", "house", "tree"})
	sentence := func() string { return strings.Join(rapid.SliceOfN(word, 1, 5).Draw(t, "text"), " ") }
	collection := rapid.SampledFrom([]string{"default", "a:b", "z"}).Draw(t, "collection")
	project := rapid.SampledFrom([]string{"", "p", "q"}).Draw(t, "project")
	ids := n.list(collection)
	id := collection + ":999"
	if len(ids) > 0 {
		id = rapid.SampledFrom(ids).Draw(t, "id")
	}
	fields := `{"project":null}`
	if project != "" {
		fields = fmt.Sprintf(`{"project":%q}`, project)
	}
	switch rapid.IntRange(0, 7).Draw(t, "step") {
	case 0, 1, 2:
		m := remembered{sentence(), project, n.last + 1}
		if project == "" {
			fields = "{}"
		}
		a := ask(t, r, "memory.store", fmt.Sprintf(`{"text":%q,"collection":%q,"metadata":%s}`, m.text, collection, fields))
		n.last++
		if want := fmt.Sprint(collection, ":", n.last); a.ID != want {
			t.Fatalf("it is called %s, want %s", a.ID, want)
		}
		n.items[a.ID] = m
	case 3:
		m, there := n.items[id]
		m.text, m.project = sentence(), project
		_, err := r.Try("memory.update", fmt.Sprintf(`{"id":%q,"text":%q,"metadata":%s}`, id, m.text, fields))
		if there != (err == nil) {
			t.Fatalf("update %s: %v", id, err)
		}
		if there {
			n.items[id] = m
		}
	case 4:
		ask(t, r, "memory.delete", fmt.Sprintf(`{"ids":[%q]}`, id))
		delete(n.items, id)
	case 5:
		ask(t, r, "memory.clear", fmt.Sprintf(`{"collection":%q}`, collection))
		for _, id := range ids {
			delete(n.items, id)
		}
	case 6: // all of it is undone, because of what comes last
		_, err := r.Try("txn.exec", fmt.Sprintf(`{"do":[{"command":"memory.store","payload":{"text":"red red","collection":"new"}},
			{"command":"memory.clear","payload":{"collection":%q}},{"command":"memory.store","payload":{"text":"blue","collection":%q,"metadata":{"project":"p"}}},
			{"command":"memory.update","payload":{"id":"none:1","text":"x"}}]}`, collection, collection))
		if fault.CodeOf(err) != fault.NotFound {
			t.Fatalf("a transaction was to fail: %v", err)
		}
	default:
		n.compare(t, r, collection, word.Draw(t, "word"), project)
	}
}

// TestHistories does anything to memories and to a list, saves meanwhile, and recovers: all is as it is.
func TestHistories(t *testing.T) {
	defer memory.SmallSaves(500, 3)()
	rapid.Check(t, func(rt *rapid.T) {
		r, n := recording(t), &naive{items: map[string]remembered{}}
		act := func() {
			for range rapid.IntRange(0, 6).Draw(rt, "steps") {
				n.step(rt, r)
			}
		}
		act()
		act()
		act()
		saved := r.Save(t, act)
		saved.After = rapid.Uint64Range(0, saved.After).Draw(rt, "after")
		act()
		again := r.Recover(t, saved)
		again.ExpectSame(rt, "recovered", r)
		for _, c := range []string{"default", "a:b", "z"} {
			n.compare(rt, again, c, "car", "")
		}
		once := again.Recover(t, again.Save(t, func() {}))
		once.ExpectSame(rt, "saved and recovered again", r)
		n.step(rt, once)
	})
}

// TestManyAtOnce stores, changes, searches and saves side by side.
func TestManyAtOnce(t *testing.T) {
	defer memory.SmallSaves(2000, 5)()
	r := recording(t)
	var busy sync.WaitGroup
	for p := range 4 {
		busy.Go(func() {
			for i := range 60 {
				for _, c := range [][2]string{
					{"memory.store", fmt.Sprintf(`{"text":"memory %d of %d","metadata":{"p":%d},"collection":"c%d"}`, i, p, p, i%3)},
					{"memory.search", fmt.Sprintf(`{"query":"memory %d","filter":{"p":%d},"collection":"c%d"}`, i, p, i%3)},
					{"memory.list", fmt.Sprintf(`{"collection":"c%d"}`, i%3)},
					{"memory.delete", fmt.Sprintf(`{"ids":["c%d:%d"]}`, i%3, i*3+1)},
				} {
					if _, err := r.Try(c[0], c[1]); err != nil {
						t.Error(c, err)
					}
				}
			}
		})
	}
	var all []synaptest.Saved
	for range 3 {
		all = append(all, r.Save(t, func() {}))
	}
	busy.Wait()
	for i, saved := range all {
		r.Recover(t, saved).ExpectSame(t, fmt.Sprint("save ", i), r)
	}
}

// TestVectorsWhileSaving saves while vectors come, and recovers from each.
func TestVectorsWhileSaving(t *testing.T) {
	defer memory.SmallSaves(1000, 2)()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &model{delay: 100 * time.Millisecond})
		for i := range 150 {
			w.must(t, "memory.store", fmt.Sprintf(`{"text":"memory %d","skip_similar":true}`, i))
		}
		n := 0
		saved := w.Save(t, func() {
			time.Sleep(10 * time.Millisecond)
			n++
			w.must(t, "memory.update", fmt.Sprintf(`{"id":"default:%d","metadata":{"n":%d}}`, n, n))
		})
		time.Sleep(time.Minute)
		w.stop()
		again := w.Recover(t, saved)
		again.ExpectSame(t, "recovered", w.Recording)
		if st := must(t, again, "memory.stats", `{}`); st.Waiting != 0 {
			t.Errorf("%d vectors are missing", st.Waiting)
		}
	})
}
