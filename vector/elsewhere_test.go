package vector_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/synaptest"
	"github.com/hivellm/synap-go/vector"
)

// others are servers elsewhere, each of which takes its time to answer.
type others map[string]*other

type other struct {
	*synaptest.Recording
	takes  time.Duration
	broken error
	asked  []string
}

// Peers implements vector.Elsewhere.
func (o others) Peers(uint32) (all []string) {
	for name := range o {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// Ask implements vector.Elsewhere.
func (o others) Ask(ctx context.Context, _ uint32, name, operation string, args, answer any) error {
	to := o[name]
	select {
	case <-time.After(to.takes):
	case <-ctx.Done():
		return fault.From(ctx.Err())
	}
	if to.broken != nil {
		return to.broken
	}
	payload, err := json.Marshal(args)
	if err != nil {
		return err
	}
	if operation == "vector.search" {
		to.asked = append(to.asked, string(payload))
	}
	text, err := to.Try(operation, string(payload))
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), answer)
}

// holding is a server with points on a line, whose ids say where: at x the point n is at angle x.
func holding(t testing.TB, shape string, elsewhere vector.Elsewhere, points ...int) *synaptest.Recording {
	t.Helper()
	r := synaptest.Record(t, func() []*command.Structure { return []*command.Structure{vector.Federated(elsewhere)} })
	if shape != "" {
		must(t, r, "vector.collection.create", `{"collection":"c",%s}`, shape)
	}
	for _, x := range points {
		must(t, r, "vector.upsert", `{"collection":"c","id":%d,"vector":[%d,0],"payload":{"odd":%t}}`, x, x, x%2 == 1)
	}
	return r
}

const line = `"dimension":2,"metric":"euclidean"`

// found runs a search and returns the hits as id@peer, and the rest of the answer.
func found(t testing.TB, r *synaptest.Recording, payload string) (hits []string, resp vector.SearchResponse) {
	t.Helper()
	if err := json.Unmarshal([]byte(must(t, r, "vector.search", "%s", payload)), &resp); err != nil {
		t.Fatal(err)
	}
	for _, h := range resp.Hits {
		hits = append(hits, fmt.Sprintf("%v@%s", h.ID, h.Peer))
	}
	return hits, resp
}

func TestASearchOfPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := others{
			"near": {Recording: holding(t, line, nil, 1, 4, 7), takes: 100 * time.Millisecond},
			"far":  {Recording: holding(t, line, nil, 2, 5, 8), takes: 300 * time.Millisecond},
			"slow": {Recording: holding(t, line, nil, 3), takes: 3 * time.Second},
			"else": {Recording: holding(t, `"dimension":2,"metric":"cosine"`, nil, 6)},
			"none": {Recording: holding(t, "", nil)},
			"down": {broken: fault.New(fault.Unavailable, "the link does not work")},
		}
		r := holding(t, line, o, 0, 6, 9)
		for _, c := range []struct{ ask, want string }{
			{`{"collection":"c","vector":[0,0],"peers":["near","far"],"limit":5}`, "0@ 1@near 2@far 4@near 5@far"},
			{`{"collection":"c","vector":[0,0],"peers":["far","near"],"limit":3,"offset":4}`, "5@far 6@ 7@near"},
			{`{"collection":"c","vector":[0,0],"peers":["near"],"filter":{"must":[{"key":"odd","match":true}]}}`, "1@near 7@near 9@"},
			{`{"collection":"c","id":6,"peers":["near","far"],"limit":4}`, "5@far 7@near 8@far 4@near"},
			{`{"collection":"c","vector":[0,0],"peers":["slow"],"peer_timeout_ms":4000,"limit":2}`, "0@ 3@slow"},
		} {
			if got, resp := found(t, r, c.ask); strings.Join(got, " ") != c.want || resp.Partial {
				t.Errorf("%s: %q, partial %t, want %q", c.ask, got, resp.Partial, c.want)
			}
		}

		began := time.Now()
		got, resp := found(t, r, `{"collection":"c","vector":[0,1],"peers":["*"],"limit":4}`)
		if want := "0@ 1@near 2@far 4@near"; strings.Join(got, " ") != want || !resp.Partial || time.Since(began) != 2*time.Second {
			t.Errorf("all of them: %q after %v, partial %t, want %q", got, time.Since(began), resp.Partial, want)
		}
		var told []string
		for _, p := range resp.Peers {
			told = append(told, fmt.Sprintf("%s %d %d %s", p.Peer, p.Hits, p.TookMS, p.Code))
		}
		want := []string{"down 0 0 unavailable", "else 0 0 conflict", "far 3 300 ", "near 3 100 ", "none 0 0 not_found", "slow 0 2000 timeout"}
		if !slices.Equal(told, want) {
			t.Errorf("it tells %q, want %q", told, want)
		}
		for _, ask := range o["near"].asked {
			if strings.Contains(ask, "peers") && !strings.Contains(ask, `"peer_timeout_ms":2000`) || strings.Contains(ask, `"offset":4`) {
				t.Errorf("near was asked %s", ask)
			}
		}
	})
}

// TestASearchOfPeersAlone asks for a collection that is not here.
func TestASearchOfPeersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := others{"a": {Recording: holding(t, line, nil, 3, 1)}, "b": {Recording: holding(t, "", nil)}}
		r := holding(t, "", o)
		if got, resp := found(t, r, `{"collection":"c","vector":[0,0],"peers":["a","b"]}`); strings.Join(got, " ") != "1@a 3@a" || resp.Partial {
			t.Errorf("a has it: %q", got)
		}
		for _, ask := range []string{`{"collection":"c","vector":[0,0],"peers":["b"]}`, `{"collection":"c","id":3,"peers":["a"]}`} {
			if _, err := r.Try("vector.search", ask); fault.CodeOf(err) != fault.NotFound {
				t.Errorf("%s: %v", ask, err)
			}
		}
		o["a"].broken = errors.New("a bug")
		if _, resp := found(t, r, `{"collection":"c","vector":[0,0],"peers":["a"]}`); !resp.Partial || resp.Peers[0].Code != "internal" || strings.Contains(resp.Peers[0].Error, "bug") {
			t.Errorf("a bug is told as %+v", resp)
		}
	})
}

// TestWhoMaySearchPeers needs read access to both.
func TestWhoMaySearchPeers(t *testing.T) {
	o := others{"a": {Recording: holding(t, line, nil, 3)}, "b": {Recording: holding(t, line, nil, 4)}}
	r := holding(t, line, o, 1)
	for ask, may := range map[string]bool{
		`{"collection":"c","vector":[0,0],"peers":["a"]}`:     true,
		`{"collection":"c","vector":[0,0],"peers":["a","b"]}`: false,
		`{"collection":"c","vector":[0,0],"peers":["*"]}`:     false,
		`{"collection":"c","vector":[0,0]}`:                   true,
		`{"collection":"d","vector":[0,0],"peers":["a"]}`:     false,
	} {
		who := &auth.Identity{Name: "reader", Namespace: "default"}
		var rights []auth.Permission
		for _, text := range []string{"read:vector:c", "read:peer:a"} {
			p, err := auth.ParsePermission(text)
			if err != nil {
				t.Fatal(err)
			}
			rights = append(rights, p)
		}
		c, err := r.Engine.Dispatcher().Table().Find("vector.search")
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Engine.Dispatcher().Do(context.Background(), &command.Request{Caller: who.With(rights), Command: c, Payload: command.JSON(ask)})
		if (err == nil) != may || (err != nil && fault.CodeOf(err) != fault.Denied) {
			t.Errorf("%s: %v, want allowed: %t", ask, err, may)
		}
	}
}
