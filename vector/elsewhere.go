package vector

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/collection"
	"github.com/hivellm/synap-go/vector/distance"
)

// Elsewhere is other servers, at which collections of the same names can be searched.
type Elsewhere interface {
	// Peers are the names of those that the namespace is linked with, in order.
	Peers(namespace uint32) []string
	// Ask runs a command at one of them, and fills in what answer points at.
	Ask(ctx context.Context, namespace uint32, peer, operation string, args, answer any) error
}

// MaxPeers bounds how many peers one search asks.
const MaxPeers = 16

// everyPeer is every peer that there is.
const everyPeer = "*"

// Waits reports whether the search waits for other servers.
func (r *SearchRequest) Waits() bool { return len(r.Peers) > 0 }

// Resources are the collection, and the peers that are asked.
func (r *SearchRequest) Resources() []auth.Resource {
	all := []auth.Resource{auth.Name(structureName, r.Collection)}
	for _, name := range r.Peers {
		if name == everyPeer {
			all = append(all, auth.Any("peer"))
		} else {
			all = append(all, auth.Name("peer", name))
		}
	}
	return all
}

// validatePeers refuses what cannot be asked of peers.
func (r *SearchRequest) validatePeers() error {
	switch {
	case len(r.Peers) == 0:
		return nil
	case len(r.Queries) > 0:
		return fault.New(fault.Invalid, `"peers" goes with one search: they are asked for each of several by itself`).With("field", "peers")
	case len(r.Peers) > 1 && slices.Contains(r.Peers, everyPeer):
		return fault.New(fault.Invalid, `"peers" names some, or is * alone, for every one`).With("field", "peers")
	case r.Limit+r.Offset > collection.MaxLimit:
		return fault.New(fault.OutOfRange, `"limit" and "offset" are %d together; of a search of peers they are at most %d`, r.Limit+r.Offset, collection.MaxLimit).
			With("field", "offset").With("limit", collection.MaxLimit)
	}
	seen := map[string]bool{}
	for _, name := range r.Peers {
		if seen[name] {
			return fault.New(fault.Invalid, "the peer %q is named twice", clip(name)).With("field", "peers")
		}
		seen[name] = true
	}
	return nil
}

// PeerAnswer is what came of asking a peer.
type PeerAnswer struct {
	Peer   string `json:"peer"`
	Hits   int    `json:"hits" jsonschema:"how many points it found, not all of which need to be among the answer"`
	TookMS int64  `json:"took_ms" jsonschema:"how long it took"`
	Code   string `json:"code,omitempty" jsonschema:"why it found none: timeout, unavailable, not_found when it has no such collection, …"`
	Error  string `json:"error,omitempty" jsonschema:"the same in words"`
}

// searchEverywhere searches here and at peers at once, and makes one ranking of it.
func (s *Collections) searchEverywhere(ctx context.Context, r *SearchRequest) (resp SearchResponse, err error) {
	peers, err := s.peersOf(r)
	if err != nil {
		return resp, err
	}
	w := &wide{s: s, r: r, q: r.Query}
	w.q.Limit, w.q.Offset = r.Limit+r.Offset, 0 // any of them may have all that is wanted
	w.e, err = s.look(r.Collection)
	switch {
	case err != nil && (fault.CodeOf(err) != fault.NotFound || !r.ID.IsZero()):
		return resp, err // also a point that is to be found here
	case err == nil:
		err = w.prepare()
	default:
		w.absent, err = err, nil
	}
	if err != nil {
		return resp, err
	}
	if !command.Outside(ctx, func() { err = w.run(ctx, peers) }) {
		return resp, fault.New(fault.Invalid, "a search of peers cannot be part of a transaction, which waits for nobody").With("field", "peers")
	}
	if err != nil {
		return resp, err
	}
	return w.response()
}

// peersOf are the peers to ask.
func (s *Collections) peersOf(r *SearchRequest) ([]string, error) {
	var known []string
	if s.elsewhere != nil {
		known = s.elsewhere.Peers(s.env.Namespace)
	}
	if r.Peers[0] == everyPeer {
		if len(known) > MaxPeers {
			return nil, fault.New(fault.TooLarge, "there are %d peers; one search asks at most %d: name them", len(known), MaxPeers).With("limit", MaxPeers)
		}
		return known, nil
	}
	for _, name := range r.Peers {
		if !slices.Contains(known, name) {
			return nil, fault.New(fault.NotFound, "there is no link with a peer %q", clip(name)).With("peer", clip(name))
		}
	}
	return r.Peers, nil
}

// wide is a search of several servers.
type wide struct {
	s      *Collections
	r      *SearchRequest
	q      Query  // what each of them is asked
	e      *entry // nil when there is no such collection here: absent says so
	absent error
	metric string // of the vectors here; "" when they are not

	here    []Hit
	answers []PeerAnswer // in the order of the peers
	hits    [][]Hit
	metrics []string
}

// prepare finds out what to look for.
func (w *wide) prepare() error {
	for _, v := range w.e.Config().Vectors {
		if v.Name == w.q.Using {
			w.metric = v.Metric
		}
	}
	if w.q.ID.IsZero() {
		return nil
	}
	vector, err := w.e.Between([]collection.Example{{ID: w.q.ID}}, nil, w.q.Using, w.s.env.Clock.Now())
	if err != nil {
		return err
	}
	w.q.Vector, w.q.Filter, w.q.ID = vector, besides(w.q.Filter, []collection.ID{w.q.ID}), collection.ID{}
	return nil
}

// run asks everybody, here too, and waits until all have answered or it is time.
func (w *wide) run(ctx context.Context, peers []string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(w.r.PeerTimeoutMS)*time.Millisecond)
	defer cancel()
	w.answers, w.hits, w.metrics = make([]PeerAnswer, len(peers)), make([][]Hit, len(peers)), make([]string, len(peers))
	var all sync.WaitGroup
	for i, name := range peers {
		all.Go(func() { w.ask(ctx, i, name) })
	}
	if w.e != nil {
		var room *room
		if room, err = w.r.roomFor(w.e, w.q.Limit); err == nil {
			w.here, err = w.s.query(w.e, &w.q, &w.r.Shown, room)
		}
		if err != nil {
			cancel() // nobody wants the others' answers
		}
	}
	all.Wait()
	return err
}

// ask asks one peer.
func (w *wide) ask(ctx context.Context, i int, name string) {
	began := time.Now()
	var found struct {
		Hits []Hit `json:"hits"`
	}
	var stats StatsResponse
	var wrong error
	var both sync.WaitGroup
	both.Go(func() {
		wrong = w.s.elsewhere.Ask(ctx, w.s.env.Namespace, name, "vector.collection.stats", &NameRequest{Collection: w.r.Collection}, &stats)
	})
	err := w.s.elsewhere.Ask(ctx, w.s.env.Namespace, name, "vector.search", &SearchRequest{Collection: w.r.Collection, Query: w.q, Shown: w.r.Shown}, &found)
	both.Wait()
	if err == nil {
		err = wrong
	}
	a := PeerAnswer{Peer: name, TookMS: time.Since(began).Milliseconds()}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded) && err != nil:
		a.Code, a.Error = fault.Timeout.String(), "it did not answer in time"
	case err != nil:
		a.Code, a.Error = fault.CodeOf(err).String(), clip(fault.From(err).Message)
	default:
		a.Hits, w.hits[i] = len(found.Hits), found.Hits
		if w.metrics[i] = stats.metric(w.q.Using); w.metrics[i] == "" {
			a.Code, a.Error = fault.NotFound.String(), "it has no such vectors"
		}
	}
	w.answers[i] = a
}

// metric is how the vectors of that name are compared; "" when there are none.
func (r *StatsResponse) metric(using string) string {
	shape, ok := r.Vectors[using]
	if using == "" && r.Vector != nil {
		shape, ok = *r.Vector, true
	}
	if !ok {
		return ""
	}
	return shape.Metric
}

// response makes one ranking. Scores of another metric than that of the first who answered cannot be compared.
func (w *wide) response() (resp SearchResponse, err error) {
	all, metric, answered := w.here, w.metric, w.e != nil
	for i := range w.answers {
		a := &w.answers[i]
		if a.Code == "" {
			if metric == "" {
				metric = w.metrics[i]
			}
			if w.metrics[i] != metric {
				a.Hits, a.Code = 0, fault.Conflict.String()
				a.Error = "it compares its vectors by " + w.metrics[i] + " and not by " + metric + ": the scores cannot be put into one order"
			}
		}
		switch {
		case a.Code == "":
			answered = true
			for _, h := range w.hits[i] {
				h.Peer = a.Peer
				all = append(all, h)
			}
		case a.Code != fault.NotFound.String():
			resp.Partial = true
		}
	}
	if !answered && !resp.Partial {
		return resp, w.absent
	}
	parsed, _ := distance.ParseMetric(metric)
	nearer := parsed == distance.Cosine || parsed == distance.Dot // more is
	slices.SortStableFunc(all, func(a, b Hit) int {
		d := cmp.Compare(a.Score, b.Score)
		if nearer {
			d = -d
		}
		return cmp.Or(d, strings.Compare(a.Peer, b.Peer))
	})
	from := min(w.r.Offset, len(all))
	resp.Hits, resp.Peers = all[from:min(from+w.r.Limit, len(all))], w.answers
	return resp, nil
}
