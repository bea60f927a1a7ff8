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

	"github.com/hivellm/synap-go/peer"
)

// points is what a collection holds: of each point vector, payload and text.
func (w *world) points(name, collection string) map[string]string {
	w.Helper()
	all := map[string]string{}
	for cursor := `""`; cursor != ""; {
		args := fmt.Sprintf(`{"collection":%q,"with_vectors":true,"limit":1000`, collection)
		if cursor != `""` {
			args += `,"cursor":` + cursor
		}
		var page struct {
			Points []struct {
				ID      json.RawMessage `json:"id"`
				Payload json.RawMessage `json:"payload"`
				Text    string          `json:"text"`
				Vector  json.RawMessage `json:"vector"`
				Vectors json.RawMessage `json:"vectors"`
			} `json:"points"`
			NextCursor json.RawMessage `json:"next_cursor"`
		}
		text, err := w.try(name, "vector.scroll", args+"}")
		if err != nil {
			return nil
		}
		if err := json.Unmarshal(text, &page); err != nil {
			w.Fatal(err)
		}
		for _, p := range page.Points {
			all[string(p.ID)] = fmt.Sprintf("%s %s %s %s", p.Vector, p.Vectors, p.Payload, p.Text)
		}
		cursor = string(page.NextCursor)
	}
	return all
}

const everyDoc = `[{"collections":"docs*"}]`

// TestPointsFlow has them go packed, and to and from a peer that knows nothing of that.
func TestPointsFlow(t *testing.T) {
	t.Run("packed", func(t *testing.T) { pointsFlow(t, false) })
	t.Run("plain", func(t *testing.T) { pointsFlow(t, true) })
}

func pointsFlow(t *testing.T, plain bool) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		w.old["a"] = plain
		w.say("a", "vector.collection.create", `{"collection":"docs","dimension":2,"metric":"euclidean","indexes":[{"field":"n","type":"integer"}],"text_fields":["title"],"language":"none"}`)
		w.say("a", "vector.upsert", `{"collection":"docs","points":[{"id":1,"vector":[0.1,2.5],"payload":{"n":1},"text":"one"},{"id":"x","vector":[3,4]},{"id":"gone","vector":[5,6]}]}`)
		w.say("a", "vector.collection.create", `{"collection":"docs.named","vectors":{"large":{"dimension":3,"metric":"dot"},"small":{"dimension":2,"metric":"euclidean","element":"float16"}}}`)
		w.say("a", "vector.upsert", `{"collection":"docs.named","id":7,"vectors":{"large":[1,2,3],"small":[1,0.5]}}`)
		w.say("a", "vector.collection.create", `{"collection":"mine","dimension":2}`)
		w.link("b", "a", `[{"collections":"docs*","direction":"both"}]`)
		same := func(collection string, n int) func() bool {
			return func() bool {
				a, b := w.points("a", collection), w.points("b", collection)
				return len(a) == n && maps.Equal(a, b)
			}
		}
		w.until("what there was has come over", same("docs", 3))
		w.until("named vectors, too", same("docs.named", 1))
		stats := func(name string) string {
			var s map[string]any
			if err := json.Unmarshal([]byte(w.say(name, "vector.collection.stats", `{"collection":"docs"}`)), &s); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(s["vector"], s["indexes"], s["text_fields"], s["language"])
		}
		if got, want := stats("b"), stats("a"); got != want {
			t.Errorf("the collection is made as %s, want %s", got, want)
		}
		w.say("b", "vector.delete", `{"collection":"docs","id":"gone"}`)
		w.say("b", "vector.upsert", `{"collection":"docs","id":1,"vector":[9,9],"payload":{"n":2}}`)
		w.say("a", "vector.upsert", `{"collection":"docs","id":"late","vector":[7,7],"ttl":60}`)
		w.until("what is done comes over, both ways", same("docs", 3))
		if got := w.points("a", "docs")["1"]; got != `[9,9]  {"n":2} ` {
			t.Errorf("a has %q", got)
		}
		w.until("time goes at both", same("docs", 2))
		if w.points("b", "mine") != nil {
			t.Error("a collection went that no rule names")
		}
		line := w.peers("b")["a"]
		if line.State != peer.Connected || line.In != 5 || line.Out != 2 || line.Rooms != 4 || line.LastError != "" {
			t.Errorf("the link is %+v", line.Status)
		}
	})
}

// TestLargePoints go in parcels that whoever takes them can take; one that is too large by itself holds up the collection and is told of.
func TestLargePoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b", "c")
		w.most = 20_000
		w.say("a", "vector.collection.create", `{"collection":"docs","dimension":1,"metric":"dot"}`)
		put := func(ids string, bytes int) {
			w.say("a", "vector.upsert", fmt.Sprintf(`{"collection":"docs","points":[%s]}`, strings.ReplaceAll(ids, "?", fmt.Sprintf(`"vector":[1],"text":%q`, strings.Repeat("x", bytes)))))
		}
		var some []string
		for i := range 30 {
			some = append(some, fmt.Sprintf(`{"id":%d,?}`, i))
		}
		put(strings.Join(some, ","), 2_000)
		w.link("b", "a", `[{"collections":"docs","direction":"in"}]`)
		w.link("a", "c", `[{"collections":"docs","direction":"out"}]`)
		for _, name := range []string{"b", "c"} {
			w.until(name+" has them all", func() bool { return len(w.points(name, "docs")) == 30 })
		}
		put(`{"id":"large",?}`, 20_000)
		w.until("it is told that one is too large", func() bool {
			return strings.Contains(w.peers("b")["a"].LastError, "collection docs: the answer of vector.get") &&
				strings.Contains(w.peers("a")["c"].LastError, "collection docs: peer.settle has")
		})
		put(`{"id":"large",?}`, 10)
		put(`{"id":"after",?}`, 10)
		for _, name := range []string{"b", "c"} {
			w.until(name+" has the rest", func() bool { return len(w.points(name, "docs")) == 32 })
		}
	})
}

// TestManyPoints changes more at once than one parcel takes, both ways and past a third server.
func TestManyPoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b", "c")
		w.say("a", "vector.collection.create", `{"collection":"docs","dimension":1,"metric":"dot"}`)
		put := func(name string, from, n int) {
			var ids, rows []string
			for i := from; i < from+n; i++ {
				ids, rows = append(ids, strconv.Itoa(i)), append(rows, fmt.Sprintf("[%d]", i%7))
			}
			w.say(name, "vector.upsert", fmt.Sprintf(`{"collection":"docs","ids":[%s],"rows":[%s]}`, strings.Join(ids, ","), strings.Join(rows, ",")))
		}
		put("a", 0, 2_500)
		w.link("b", "a", everyDoc)
		w.link("b", "c", everyDoc)
		same := func(n int) func() bool {
			return func() bool {
				a := w.points("a", "docs")
				return len(a) == n && maps.Equal(a, w.points("b", "docs")) && maps.Equal(a, w.points("c", "docs"))
			}
		}
		w.until("all have them", same(2_500))
		put("c", 2_000, 1_500)
		w.until("they agree", same(3_500))
	})
}

// TestTheLaterChangeStays cuts two servers apart and has both change the same points.
func TestTheLaterChangeStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		w.say("a", "vector.collection.create", `{"collection":"docs","dimension":1,"metric":"dot"}`)
		w.link("b", "a", everyDoc)
		put := func(name, id string, n int) {
			w.say(name, "vector.upsert", fmt.Sprintf(`{"collection":"docs","id":%q,"vector":[%d]}`, id, n))
		}
		for _, id := range []string{"early", "late", "deleted", "back"} {
			put("a", id, 0)
		}
		w.until("both have them", func() bool { return len(w.points("b", "docs")) == 4 })
		<-time.After(time.Minute) // and all of it is noted
		w.say("b", "peer.update", `{"name":"a","paused":true}`)
		w.until("the link has ended", func() bool { return w.peers("b")["a"].State == peer.Paused })
		put("a", "early", 1)
		put("b", "late", 1)
		put("a", "deleted", 1)
		w.say("b", "vector.delete", `{"collection":"docs","id":"back"}`)
		w.say("b", "peer.update", `{"name":"a","paused":false}`) // and what was changed apart is noted now
		w.until("they agree", func() bool {
			a, b := w.points("a", "docs"), w.points("b", "docs")
			return maps.Equal(a, b) && a[`"early"`] == "[1]   " && a[`"late"`] == "[1]   " && len(a) == 3
		})
		put("b", "back", 5)
		w.say("a", "vector.delete", `{"collection":"docs","id":"deleted"}`)
		w.until("they agree again", func() bool {
			a, b := w.points("a", "docs"), w.points("b", "docs")
			return maps.Equal(a, b) && a[`"back"`] == "[5]   " && a[`"deleted"`] == "" && len(a) == 3
		})
	})
}

// TestACollectionThatIsDropped comes back from where it is still; one whose vectors are others does not flow.
func TestACollectionThatIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		w.say("a", "vector.collection.create", `{"collection":"docs","dimension":1,"metric":"dot"}`)
		w.say("a", "vector.upsert", `{"collection":"docs","ids":["x","y"],"rows":[[1],[2]]}`)
		w.link("b", "a", everyDoc)
		w.until("both have them", func() bool { return len(w.points("b", "docs")) == 2 })
		w.say("b", "vector.collection.delete", `{"collection":"docs"}`)
		w.until("it is there again", func() bool { return len(w.points("b", "docs")) == 2 })
		if n := len(w.points("a", "docs")); n != 2 {
			t.Errorf("a has %d points", n)
		}
		w.say("b", "peer.update", `{"name":"a","paused":true}`) // else it would be there at once
		w.say("a", "vector.collection.create", `{"collection":"docs2","dimension":2}`)
		w.say("b", "vector.collection.create", `{"collection":"docs2","dimension":3}`)
		w.say("b", "peer.update", `{"name":"a","paused":false}`)
		w.until("it is said that they are not alike", func() bool {
			return strings.Contains(w.peers("b")["a"].LastError, "collection docs2: its vectors are")
		})
	})
}

// TestTriangleOfCollections is TestTriangle for points, of which the same few are changed everywhere.
func TestTriangleOfCollections(t *testing.T) { eachRing(t, triangleOfCollections) }

func triangleOfCollections(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	names := []string{"a", "b", "c"}
	w := openAhead(t, clocks(seed), names...)
	w.random = rand.New(rand.NewPCG(seed, 2))
	w.old["b"] = seed%3 == 0
	w.say("a", "vector.collection.create", `{"collection":"docs","dimension":1,"metric":"dot"}`)
	if seed%2 == 0 {
		w.say("b", "vector.collection.create", `{"collection":"docs","dimension":1,"metric":"dot"}`)
	}
	for i, name := range names {
		w.link(name, names[(i+1)%3], everyDoc)
	}
	w.until("all have the collection", func() bool {
		return w.points("a", "docs") != nil && w.points("b", "docs") != nil && w.points("c", "docs") != nil
	})
	own := map[string]string{} // points that one server alone changes: of these it is known what they become
	w.disturb(random, 120, func(name string, n int) {
		id := strconv.Itoa(random.IntN(6))
		if random.IntN(2) == 0 {
			id = name + id
		}
		if random.IntN(4) == 0 {
			w.say(name, "vector.delete", fmt.Sprintf(`{"collection":"docs","id":%q}`, id))
			delete(own, id)
			return
		}
		w.say(name, "vector.upsert", fmt.Sprintf(`{"collection":"docs","id":%q,"vector":[%d]}`, id, n))
		if id[:1] == name {
			own[id] = fmt.Sprintf("[%d]   ", n)
		}
	})
	w.until("all hold the same", func() bool {
		a, b, c := w.points("a", "docs"), w.points("b", "docs"), w.points("c", "docs")
		return maps.Equal(a, b) && maps.Equal(b, c)
	})
	<-time.After(2 * time.Minute)
	synctest.Wait()
	a, b, c := w.points("a", "docs"), w.points("b", "docs"), w.points("c", "docs")
	if !maps.Equal(a, b) || !maps.Equal(b, c) {
		t.Errorf("they hold\n%v\n%v\n%v", a, b, c)
	}
	got := map[string]string{}
	for id, what := range a {
		if id = strings.Trim(id, `"`); slices.Contains(names, id[:1]) {
			got[id] = what
		}
	}
	if !maps.Equal(got, own) {
		t.Errorf("what one server alone changed is %v, want %v", got, own)
	}
}
