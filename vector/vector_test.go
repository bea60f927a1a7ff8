package vector_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/synaptest"
	"github.com/hivellm/synap-go/vector"
)

// must runs a command that has to work.
func must(t testing.TB, r *synaptest.Recording, name, format string, args ...any) string {
	t.Helper()
	answer, err := r.Try(name, fmt.Sprintf(format, args...))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return answer
}

// TestAnswersAreBounded asks for more than an answer may take.
func TestAnswersAreBounded(t *testing.T) {
	defer vector.SmallAnswers(1000)()
	r := recording(t)
	must(t, r, "vector.collection.create", `{"collection":"c","dimension":8}`)
	for i := range 5 {
		must(t, r, "vector.upsert", `{"collection":"c","id":%d,"vector":[1,2,3,4,5,6,7,%d],"payload":{"x":%q}}`, i, i, strings.Repeat("x", 300))
	}
	for _, ask := range []string{
		`vector.search {"collection":"c","vector":[1,2,3,4,5,6,7,8]}`,
		`vector.search {"collection":"c","queries":[{"vector":[1,2,3,4,5,6,7,8],"limit":2},{"id":1,"limit":2}]}`,
		`vector.search {"collection":"c","vector":[1,2,3,4,5,6,7,8],"limit":40,"with_vectors":true,"with_payload":false}`,
		`vector.recommend {"collection":"c","positive":[1]}`,
		`vector.hybrid {"collection":"c","vector":[1,2,3,4,5,6,7,8]}`,
		`vector.get {"collection":"c","ids":[1,2,3,4]}`,
	} {
		name, payload, _ := strings.Cut(ask, " ")
		if answer, err := r.Try(name, payload); fault.CodeOf(err) != fault.TooLarge || !strings.Contains(err.Error(), "1000 bytes") && !strings.Contains(err.Error(), "at most 1000") {
			t.Errorf("%s: %s, %v", ask, answer, err)
		}
		fewer := strings.Replace(payload, `"collection"`, `"with_payload":false,"collection"`, 1)
		if _, err := r.Try(name, fewer); strings.Contains(payload, "with_vectors") == (err == nil) {
			t.Errorf("%s %s: %v", name, fewer, err)
		}
	}
	// Pages are cut instead, and lose nothing.
	var ids []string
	for cursor, n := "0", 0; cursor != "" && n < 10; n++ {
		var page struct {
			Points     []struct{ ID json.Number }
			NextCursor json.Number `json:"next_cursor"`
		}
		if err := json.Unmarshal([]byte(must(t, r, "vector.scroll", `{"collection":"c","cursor":%s}`, cursor)), &page); err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Points {
			ids = append(ids, p.ID.String())
		}
		cursor = page.NextCursor.String()
	}
	if got := strings.Join(ids, " "); got != "0 1 2 3 4" {
		t.Errorf("pages have %s", got)
	}
}

// TestPointsExpire lets time pass: what has expired is not found, then it is swept, and a watcher hears of it.
func TestPointsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine, err := core.New(core.Options{Structures: []*command.Structure{vector.Structure()}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { _ = engine.Run(ctx) })
		request := func(name, payload string) *command.Request {
			c, err := engine.Dispatcher().Table().Find(name)
			if err != nil {
				t.Fatal(err)
			}
			return &command.Request{Caller: auth.Local(), Command: c, Payload: command.JSON(payload)}
		}
		do := func(name, payload string) string {
			v, err := engine.Dispatcher().Do(ctx, request(name, payload))
			if err != nil {
				t.Fatal(err)
			}
			text, _ := json.Marshal(v)
			return string(text)
		}
		do("vector.collection.create", `{"collection":"c","dimension":2,"index":"hnsw"}`)
		do("vector.upsert", `{"collection":"c","points":[{"id":"brief","vector":[1,0],"ttl":5},{"id":"long","vector":[1,0.1],"ttl_ms":60000},{"id":"ever","vector":[0,1]}]}`)
		synctest.Wait()
		if got := do("vector.collection.stats", `{"collection":"c"}`); !strings.Contains(got, `"pending":0`) || strings.Contains(got, `"graphs":0`) {
			t.Errorf("the sweeper has not made the graph: %s", got)
		}
		search := func() string { return do("vector.search", `{"collection":"c","vector":[1,0],"with_payload":false}`) }
		if got := search(); strings.Count(got, `"id"`) != 3 {
			t.Errorf("found %s", got)
		}
		time.Sleep(5 * time.Second) // of the bubble
		if got := search() + do("vector.count", `{"collection":"c"}`); strings.Contains(got, "brief") || !strings.Contains(got, `"count":2`) {
			t.Errorf("what has expired is found: %s", got)
		}
		synctest.Wait()
		events, err := command.Collect(ctx, engine.Dispatcher(), request("vector.watch", `{"from":1,"events":["expire"],"wait_ms":100}`))
		text, _ := json.Marshal(events)
		if err != nil || !strings.Contains(string(text), `"event":"expire","collection":"c","ids":["brief"]`) {
			t.Errorf("a watcher hears %s, %v", text, err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := do("vector.collection.stats", `{"collection":"c"}`); !strings.Contains(got, `"points":1`) {
			t.Errorf("what has expired is still there: %s", got)
		}
		if err := engine.Check(); err != nil {
			t.Error(err)
		}
		cancel()
		run.Wait()
	})
}

// TestManyCollectionsTakeTurns has the sweeper build more graphs than one round works on.
func TestManyCollectionsTakeTurns(t *testing.T) {
	r := recording(t)
	for i := range 20 {
		must(t, r, "vector.collection.create", `{"collection":"c%d","dimension":2,"index":"hnsw"}`, i)
		must(t, r, "vector.upsert", `{"collection":"c%d","ids":[1,2],"rows":[[1,2],[3,4]]}`, i)
	}
	rounds := 1
	for collections(r).Build() {
		if rounds++; rounds > 100 {
			t.Fatal("it does not come to an end")
		}
	}
	if rounds < 5 {
		t.Errorf("20 collections were built in %d rounds", rounds)
	}
	for i := range 20 {
		if got := must(t, r, "vector.collection.stats", `{"collection":"c%d"}`, i); !strings.Contains(got, `"pending":0`) {
			t.Errorf("collection %d: %s", i, got)
		}
	}
}

// TestManyRowsAtOnce takes in as many points as one upsert may have, as one change, and refuses one more.
func TestManyRowsAtOnce(t *testing.T) {
	r := recording(t)
	must(t, r, "vector.collection.create", `{"collection":"c","dimension":2,"index":"flat"}`)
	request := func(n int) string {
		ids, rows := make([]int, n), make([][2]int, n)
		for i := range n {
			ids[i], rows[i] = i, [2]int{i, 1}
		}
		text, err := json.Marshal(map[string]any{"collection": "c", "ids": ids, "rows": rows})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var answer struct{ Version uint64 }
	if err := json.Unmarshal([]byte(must(t, r, "vector.upsert", "%s", request(vector.MaxRows))), &answer); err != nil || answer.Version == 0 {
		t.Fatalf("version %d, %v", answer.Version, err)
	}
	if got := must(t, r, "vector.count", `{"collection":"c"}`); !strings.Contains(got, fmt.Sprint(vector.MaxRows)) {
		t.Error(got)
	}
	for _, id := range []int{0, vector.MaxRows - 1} {
		if got := must(t, r, "vector.get", `{"collection":"c","id":%d}`, id); !strings.Contains(got, fmt.Sprintf(`"version":%d`, answer.Version)) {
			t.Errorf("%s; the upsert was version %d", got, answer.Version)
		}
	}
	if _, err := r.Try("vector.upsert", request(vector.MaxRows+1)); fault.CodeOf(err) != fault.OutOfRange && fault.CodeOf(err) != fault.TooLarge {
		t.Errorf("one too many: %v", err)
	}
}
