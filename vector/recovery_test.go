package vector_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/synaptest"
	"github.com/hivellm/synap-go/vector"
)

// recording is of a store, too, so that a transaction can fail after it has changed points.
func recording(t testing.TB) *synaptest.Recording {
	t.Helper()
	return synaptest.Record(t, func() []*command.Structure {
		return []*command.Structure{vector.Structure(), kv.Structure(kv.Options{})}
	})
}

// collections is the state of the only namespace.
func collections(r *synaptest.Recording) *vector.Collections {
	for _, state := range r.Engine.Namespaces()[0].States {
		if c, ok := state.(*vector.Collections); ok {
			return c
		}
	}
	return nil
}

// look is what an exact search finds, and what there is.
func look(t interface{ Fatal(args ...any) }, r *synaptest.Recording) string {
	var all []string
	for _, name := range []string{"a", "b"} {
		for _, ask := range []string{
			`vector.search {"collection":%q,"vector":[1,2,3],"exact":true,"limit":5,"with_vectors":true}`,
			`vector.search {"collection":%q,"vector":[1,2,3],"exact":true,"filter":{"must":[{"key":"n","range":{"gt":3}}]},"with_payload":false}`,
			`vector.hybrid {"collection":%q,"text":"word three","with_payload":false}`,
			`vector.scroll {"collection":%q}`,
		} {
			command, payload, _ := strings.Cut(fmt.Sprintf(ask, name), " ")
			answer, err := r.Try(command, payload)
			if err != nil && fault.CodeOf(err) != fault.NotFound {
				t.Fatal(err)
			}
			all = append(all, answer)
		}
	}
	return strings.Join(all, "\n")
}

// TestRecovery saves while points are put, replaced and deleted, collections made and dropped and transactions undone,
// and recovers: all is as it is, and is found as it was.
func TestRecovery(t *testing.T) {
	defer vector.SmallSaves(100, 2)()
	rapid.Check(t, func(rt *rapid.T) {
		r := recording(t)
		name := rapid.SampledFrom([]string{"a", "b"})
		id := rapid.IntRange(0, 9)
		n := 0
		try := func(command, payload string) {
			_, err := r.Try(command, payload)
			switch fault.CodeOf(err) {
			case 0, fault.NotFound, fault.AlreadyExists:
			default:
				rt.Fatal(err)
			}
		}
		point := func(c string) string {
			n++
			return fmt.Sprintf(`{"collection":%q,"id":%d,"vector":[%d,%d,%d],"payload":{"n":%d},"text":"word %d three"}`,
				c, id.Draw(rt, "id"), n%7-3, n%5+1, n%3, n%9, n)
		}
		act := func() {
			for range rapid.IntRange(0, 4).Draw(rt, "steps") {
				c := name.Draw(rt, "collection")
				switch rapid.IntRange(0, 9).Draw(rt, "step") {
				case 0:
					index := rapid.SampledFrom([]string{"flat", "hnsw"}).Draw(rt, "index")
					try("vector.collection.create", fmt.Sprintf(`{"collection":%q,"dimension":3,"index":%q,"indexes":[{"field":"n","type":"integer"}]}`, c, index))
				case 1:
					if rapid.IntRange(0, 3).Draw(rt, "drop") == 0 {
						try("vector.collection.delete", fmt.Sprintf(`{"collection":%q}`, c))
					} else {
						try("vector.collection.update", fmt.Sprintf(`{"collection":%q,"indexes":[],"index":"hnsw"}`, c))
					}
				case 2, 3, 4:
					try("vector.upsert", point(c))
				case 5:
					try("vector.delete", fmt.Sprintf(`{"collection":%q,"ids":[%d,%d]}`, c, id.Draw(rt, "id"), id.Draw(rt, "other")))
				case 6:
					try("vector.collection.clear", fmt.Sprintf(`{"collection":%q}`, c))
				case 7:
					collections(r).Build()
				case 8:
					try("txn.exec", fmt.Sprintf(`{"do":[{"command":"vector.upsert","payload":%s},{"command":"vector.upsert","payload":%s}]}`, point(c), point(c)))
				case 9: // all of it is undone, because of what comes last
					before := look(rt, r)
					_, err := r.Try("txn.exec", fmt.Sprintf(`{"do":[{"command":"vector.upsert","payload":%s},{"command":"vector.upsert","payload":%s},
						{"command":"vector.delete","payload":{"collection":%q,"ids":[%d,%d]}},{"command":"vector.collection.clear","payload":{"collection":%q}},
						{"command":"vector.upsert","payload":%s},{"command":"vector.collection.delete","payload":{"collection":%q}},
						{"command":"vector.collection.create","payload":{"collection":%q,"dimension":2}},
						{"command":"kv.check","payload":{"key":"none","exists":true}}]}`,
						point(c), point(c), c, id.Draw(rt, "id"), id.Draw(rt, "other"), c, point(c), c, c))
					if code := fault.CodeOf(err); code != fault.Conflict && code != fault.NotFound {
						rt.Fatalf("a transaction was to fail: %v", err)
					}
					if after := look(rt, r); after != before {
						rt.Fatalf("undone, there is\n%s\nwant\n%s", after, before)
					}
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
		if got, want := look(rt, again), look(rt, r); got != want {
			rt.Fatalf("recovered, it finds\n%s\nwant\n%s", got, want)
		}
		for collections(again).Build() {
		}
		again.ExpectSame(rt, "its graphs made", r)
		again.Recover(t, again.Save(t, func() {})).ExpectSame(rt, "saved and recovered again", r)
	})
}

// TestWritersGoOnWhileSavingAndSearching saves, searches and builds beside writers, and recovers from each save.
func TestWritersGoOnWhileSavingAndSearching(t *testing.T) {
	defer vector.SmallSaves(1000, 3)()
	r := recording(t)
	if _, err := r.Try("vector.collection.create", `{"collection":"c","dimension":4,"index":"hnsw"}`); err != nil {
		t.Fatal(err)
	}
	var writers, others sync.WaitGroup
	done := make(chan struct{})
	for p := range 3 {
		writers.Go(func() {
			for i := range 150 {
				for _, c := range [][2]string{
					{"vector.upsert", fmt.Sprintf(`{"collection":"c","ids":[%d,%d],"rows":[[%d,1,2,3],[4,%d,1,0]]}`, i*7%40, 40+i*3%20, p, i)},
					{"vector.delete", fmt.Sprintf(`{"collection":"c","ids":[%d]}`, i*11%60)},
				} {
					if _, err := r.Try(c[0], c[1]); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	// A point that nobody touches is in every answer.
	if _, err := r.Try("vector.upsert", `{"collection":"c","id":"still","vector":[0,0,0,1]}`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		others.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				collections(r).Build()
				answer, err := r.Try("vector.search", `{"collection":"c","vector":[0,0,0,1],"limit":1}`)
				if err != nil || !strings.Contains(answer, `"still"`) {
					t.Errorf("found %s, %v", answer, err)
					return
				}
			}
		})
	}
	var all []synaptest.Saved
	for range 3 {
		all = append(all, r.Save(t, func() {}))
	}
	writers.Wait()
	close(done)
	others.Wait()
	for i, saved := range all {
		r.Recover(t, saved).ExpectSame(t, fmt.Sprint("save ", i), r)
	}
}

// TestDeletingGivesMemoryBack measures what a collection says it takes.
func TestDeletingGivesMemoryBack(t *testing.T) {
	for _, index := range []string{"flat", "hnsw"} {
		t.Run(index, func(t *testing.T) {
			r := recording(t)
			usage := func() (bytes int64) {
				answer, err := r.Try("vector.collection.stats", `{"collection":"c"}`)
				if err != nil {
					t.Fatal(err)
				}
				var stats struct{ Bytes int64 }
				if err := json.Unmarshal([]byte(answer), &stats); err != nil {
					t.Fatal(err)
				}
				return stats.Bytes
			}
			try := func(command, format string, args ...any) {
				if _, err := r.Try(command, fmt.Sprintf(format, args...)); err != nil {
					t.Fatal(err)
				}
			}
			try("vector.collection.create", `{"collection":"c","dimension":64,"index":%q,"m":4,"ef_construction":16,"indexes":[{"field":"n","type":"integer"}]}`, index)
			empty := usage()
			for i := range 40 {
				var points []string
				for j := range 50 {
					row := fmt.Sprintf("[%d,%d,%d", i, j, i*j%7) + strings.Repeat(",0.5", 61) + "]"
					points = append(points, fmt.Sprintf(`{"id":%d,"vector":%s,"payload":{"n":%d},"text":"some words"}`, 50*i+j, row, i))
				}
				try("vector.upsert", `{"collection":"c","points":[%s]}`, strings.Join(points, ","))
			}
			build := func() {
				for collections(r).Build() {
				}
			}
			build()
			full := usage()
			if full < 2000*64*4 {
				t.Fatalf("2000 vectors of 64 floats take %d bytes", full)
			}
			try("vector.delete", `{"collection":"c","filter":{"must":[{"key":"n","range":{"gte":8}}]}}`)
			build()
			if part := usage(); index == "flat" && part > full/2 {
				t.Errorf("a fifth of the points takes %d bytes, all took %d", part, full)
			}
			try("vector.delete", `{"collection":"c","filter":{"must":[{"key":"n","range":{"gte":0}}]}}`)
			build()
			if left := usage(); left > empty+4096 {
				t.Errorf("nothing takes %d bytes, and took %d before there was anything", left, empty)
			}
		})
	}
}
