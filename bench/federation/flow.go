package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hivellm/synap-go/core/value"
	"github.com/hivellm/synap-go/umicp/client"
	"github.com/hivellm/synap-go/umicp/umx"
)

type thing struct {
	name    string
	measure func(context.Context, *options, *pair) (figure, error)
}

// flows are what is measured of many.
var flows = []thing{
	{"points, no link: written at one server", func(ctx context.Context, o *options, p *pair) (figure, error) {
		return alone(ctx, o, p, "flat", o.points)
	}},
	{"points that were there", func(ctx context.Context, o *options, p *pair) (figure, error) {
		return caughtUp(ctx, o, p, "flat", o.points)
	}},
	{"points while they are written", func(ctx context.Context, o *options, p *pair) (figure, error) { return written(ctx, o, p, o.points) }},
	{"points with a graph, no link: written at one server", func(ctx context.Context, o *options, p *pair) (figure, error) {
		return alone(ctx, o, p, "hnsw", o.graph)
	}},
	{"points with a graph that were there", func(ctx context.Context, o *options, p *pair) (figure, error) {
		return caughtUp(ctx, o, p, "hnsw", o.graph)
	}},
	{"points with a graph that were there, until the graph is made", graphed},
	{"messages of topics", messages},
	{"events that were there", func(ctx context.Context, o *options, p *pair) (figure, error) { return events(ctx, o, p, true) }},
	{"events while they are written", func(ctx context.Context, o *options, p *pair) (figure, error) { return events(ctx, o, p, false) }},
}

// together is how many are written at once.
const together = 1000

// text is what a message or an event says.
var text = value.OfText(fmt.Sprintf("%0100d", 0))

// fill writes points to a server.
func (o *options) fill(ctx context.Context, at *side, n int) error {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a benchmark's
	var under *client.Pending
	for first := 0; first < n; first += together {
		some := min(together, n-first)
		ids, rows := make([]uint64, some), make([]float32, some*o.dimension)
		for i := range ids {
			ids[i] = uint64(first + i) //nolint:gosec // not negative
		}
		for i := range rows {
			rows[i] = float32(r.NormFloat64())
		}
		if under != nil {
			if err := under.Wait(ctx); err != nil {
				return err
			}
		}
		under = at.client.Start(ctx, "vector.upsert", map[string]any{"collection": "docs"}, nil,
			client.Tensor("ids", umx.NewTensor(umx.Uint64, umx.Bytes(ids), uint64(some))),                         //nolint:gosec // not negative
			client.Tensor("rows", umx.NewTensor(umx.Float32, umx.Bytes(rows), uint64(some), uint64(o.dimension)))) //nolint:gosec // not negative
	}
	return under.Wait(ctx)
}

// point writes one.
func (o *options) point(ctx context.Context, at *side, id string) error {
	vector := make([]float32, o.dimension)
	vector[0] = 1
	return at.client.Call(ctx, "vector.upsert", map[string]any{"collection": "docs", "id": id, "vector": vector}, nil)
}

func (o *options) collection(ctx context.Context, at *side, index string) error {
	return at.client.Call(ctx, "vector.collection.create", map[string]any{"collection": "docs", "dimension": o.dimension, "index": index}, nil)
}

// alone is what there is without a link.
func alone(ctx context.Context, o *options, p *pair, index string, n int) (f figure, err error) {
	if err := o.collection(ctx, p.to, index); err != nil {
		return f, err
	}
	w, err := p.watch(ctx)
	if err != nil {
		return f, err
	}
	if err := o.fill(ctx, p.to, n); err != nil {
		return f, err
	}
	return w.over(ctx, n)
}

// caughtUp is a link that is made when all is there already, connecting included.
func caughtUp(ctx context.Context, o *options, p *pair, index string, n int) (f figure, err error) {
	if err := o.collection(ctx, p.from, index); err != nil {
		return f, err
	}
	if err := o.fill(ctx, p.from, n); err != nil {
		return f, err
	}
	if err := o.indexed(ctx, p.from); err != nil {
		return f, err
	}
	w, err := p.watch(ctx)
	if err != nil {
		return f, err
	}
	if err := p.link(ctx, "collections", "docs"); err != nil {
		return f, err
	}
	if err := p.until(ctx, uint64(n)); err != nil { //nolint:gosec // not negative
		return f, err
	}
	return w.over(ctx, n)
}

// graphed is caughtUp until the graph is made, too: points come into a flat table, which is searched exactly, and go into the graph later.
func graphed(ctx context.Context, o *options, p *pair) (f figure, err error) {
	var w *watched
	if f, err = caughtUp(ctx, o, p, "hnsw", o.graph); err != nil {
		return f, err
	}
	took := time.Duration(float64(o.graph) / f.rate * float64(time.Second))
	before := f
	if w, err = p.watch(ctx); err != nil {
		return f, err
	}
	if err := o.indexed(ctx, p.to); err != nil {
		return f, err
	}
	if f, err = w.over(ctx, o.graph); err != nil {
		return f, err
	}
	f.rate = float64(o.graph) / (took + time.Since(w.began)).Seconds()
	f.reader, f.writer, f.bytes = f.reader+before.reader, f.writer+before.writer, f.bytes+before.bytes
	return f, nil
}

// indexed waits until no point waits for its place in a graph.
func (o *options) indexed(ctx context.Context, at *side) error {
	for {
		stats, err := at.client.VectorCollectionStats(ctx, &client.VectorCollectionClearRequest{Collection: "docs"})
		if err != nil || stats.Pending == 0 {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// written is a link that is there while points are written as fast as the server takes them.
func written(ctx context.Context, o *options, p *pair, n int) (f figure, err error) {
	if err := o.collection(ctx, p.from, "flat"); err != nil {
		return f, err
	}
	if err := p.link(ctx, "collections", "docs"); err != nil {
		return f, err
	}
	if err := p.begun(ctx, 1, func() error { return o.point(ctx, p.from, "first") }); err != nil {
		return f, err
	}
	w, err := p.watch(ctx)
	if err != nil {
		return f, err
	}
	if err := o.fill(ctx, p.from, n); err != nil {
		return f, err
	}
	if err := p.until(ctx, uint64(n)+1); err != nil { //nolint:gosec // not negative
		return f, err
	}
	return w.over(ctx, n)
}

// begun writes something until so many have flowed, so that the link is known to work.
func (p *pair) begun(ctx context.Context, n uint64, write func() error) error {
	if err := write(); err != nil {
		return err
	}
	return p.until(ctx, n)
}

// maxWaiting is how many messages wait for the link at most: of more than 16,384 the oldest are lost.
const maxWaiting = 12_000

// messages is topics, to which is published as fast as the link takes it.
func messages(ctx context.Context, o *options, p *pair) (f figure, err error) {
	first, err := p.listens(ctx)
	if err != nil {
		return f, err
	}
	batch := &client.PubsubPublishRequest{}
	for range together {
		batch.Messages = append(batch.Messages, client.PubsubOutgoing{Topic: "t.many", Message: text})
	}
	w, err := p.watch(ctx)
	if err != nil {
		return f, err
	}
	taken := first
	for sent := uint64(0); sent < uint64(o.messages); { //nolint:gosec // not negative
		if sent-min(sent, taken-first) > maxWaiting-together {
			if taken, err = p.taken(ctx); err != nil {
				return f, err
			}
			continue
		}
		if _, err := p.from.client.PubsubPublish(ctx, batch); err != nil {
			return f, err
		}
		sent += together
	}
	if err := p.until(ctx, first+uint64(o.messages)); err != nil { //nolint:gosec // not negative
		return f, err
	}
	return w.over(ctx, o.messages)
}

// listens links topics, and returns how many had flowed when the link was heard of.
func (p *pair) listens(ctx context.Context) (n uint64, err error) {
	if err := p.link(ctx, "topics", "t.#"); err != nil {
		return 0, err
	}
	for n == 0 {
		if _, err := p.from.client.PubsubPublish(ctx, &client.PubsubPublishRequest{Topic: "t.begin", Message: text, Retain: true}); err != nil {
			return 0, err
		}
		<-time.After(look)
		if n, err = p.taken(ctx); err != nil {
			return 0, err
		}
	}
	<-time.After(100 * time.Millisecond) // what was published meanwhile
	return p.taken(ctx)
}

// events is a room.
func events(ctx context.Context, o *options, p *pair, there bool) (f figure, err error) {
	for _, at := range []*side{p.from, p.to} { // without bounds: of a room that is full the oldest go
		unbounded := int64(0)
		if _, err := at.client.StreamCreate(ctx, &client.StreamCreateRequest{Room: "log", MaxEvents: &unbounded, MaxBytes: &unbounded}); err != nil {
			return f, err
		}
	}
	if there {
		if err := o.appendAll(ctx, p); err != nil {
			return f, err
		}
	} else if err := p.link(ctx, "rooms", "log"); err != nil {
		return f, err
	}
	first := uint64(0)
	if !there {
		first = 1
		if err := p.begun(ctx, 1, func() error {
			_, err := p.from.client.StreamAppend(ctx, &client.StreamAppendRequest{Room: "log", Data: text})
			return err
		}); err != nil {
			return f, err
		}
	}
	w, err := p.watch(ctx)
	if err != nil {
		return f, err
	}
	if there {
		err = p.link(ctx, "rooms", "log")
	} else {
		err = o.appendAll(ctx, p)
	}
	if err != nil {
		return f, err
	}
	if err := p.until(ctx, first+uint64(o.events)); err != nil { //nolint:gosec // not negative
		return f, err
	}
	return w.over(ctx, o.events)
}

func (o *options) appendAll(ctx context.Context, p *pair) error {
	batch := &client.StreamAppendRequest{Room: "log"}
	for range together {
		batch.Events = append(batch.Events, client.StreamNewEvent{Data: text})
	}
	for n := 0; n < o.events; n += together {
		if _, err := p.from.client.StreamAppend(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}
