package link

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
	"github.com/hivellm/synap-go/peer"
)

const (
	// pageOfPoints is how many points are carried at once at first, and always where they go as JSON.
	pageOfPoints = 100
	// maxBatchBytes is about how many bytes of vectors are carried at once.
	maxBatchBytes = 1 << 22
	// A batch that took longer than slow to be taken in is followed by one of half as many, and one that did not take quick by
	// one of twice as many: what is under way when a connection breaks is done anew.
	slow  = 2 * time.Second
	quick = 500 * time.Millisecond
)

// batch is how many points are carried at once. The one who reads and the one who writes both use it.
type batch struct{ now, most atomic.Int64 }

// begin makes it that of a collection.
func (b *batch) begin(of *shape, packed bool) {
	most := int64(pageOfPoints)
	if packed {
		bytes := int64(64)
		for _, v := range of.all() {
			bytes += 4 * int64(v.Dimension)
		}
		most = max(1, min(peer.MaxBatch, maxBatchBytes/bytes))
	}
	b.most.Store(most)
	b.now.Store(min(most, pageOfPoints))
}

func (b *batch) size() int { return int(b.now.Load()) }

// refused makes it smaller for good, as so many were too large, and reports whether it could be.
func (b *batch) refused(n int) bool {
	most := max(1, int64(n/2))
	b.most.Store(most)
	b.now.Store(most)
	return n > 1
}

// took makes it as large as goes well.
func (b *batch) took(d time.Duration) {
	switch {
	case d > slow:
		b.now.Store(max(1, b.now.Load()/2))
	case d < quick:
		b.now.Store(min(b.most.Load(), 2*b.now.Load()))
	}
}

// packs reports whether points are carried packed: both ends have to know how.
func (c *copier) packs() bool {
	return min(c.from.packed, c.to.packed, peer.PackedForm) == peer.PackedForm
}

// parcel is changes that were read at the one end, to be taken in at the other.
type parcel struct {
	from, to peer.Spot
	changes  []peer.Incoming // those that are to be carried
	listed   int             // how many were read
	first    int64           // when the first of them was made
	left     int64           // when the first of those that follow was made, about; 0: none is known
}

// carryPoints carries what was noted, until something goes wrong.
func (c *copier) carryPoints(ctx context.Context, born uint64, woken <-chan struct{}) (moved bool, err error) {
	for wait := time.Millisecond; ; wait = min(2*wait, maxBackoff) {
		var at peer.ReachedResponse
		if err := c.to.call(ctx, 0, "peer.reached", peer.ReachedRequest{Node: c.from.node, Collection: c.room}, &at); err != nil {
			return moved, err
		}
		some, err := c.carryFrom(ctx, born, at.Spot, woken)
		if moved = moved || some; some {
			wait = time.Millisecond
		}
		if err != nil {
			return moved, err
		}
		if !pause(ctx, wait) {
			return moved, ctx.Err()
		}
	}
}

// carryFrom carries on from a spot until something was changed meanwhile, and all has to be looked at again, or something goes
// wrong. While a parcel is taken in the next one is read.
func (c *copier) carryFrom(ctx context.Context, born uint64, from peer.Spot, woken <-chan struct{}) (moved bool, err error) {
	reading, cancel := context.WithCancelCause(ctx)
	parcels := make(chan *parcel)
	var reader sync.WaitGroup
	defer reader.Wait()
	defer cancel(nil)
	reader.Go(func() {
		defer close(parcels)
		cancel(c.readPoints(reading, from, parcels, woken))
	})
	for p := range parcels {
		began := time.Now()
		err := c.settle(ctx, born, p)
		code := fault.CodeOf(err)
		switch {
		case err == nil:
			c.batch.took(time.Since(began))
			moved = true
			continue
		case errors.As(err, &broken{}):
		case code == fault.Conflict: // once that is noted it goes on
			return moved, nil
		case code == fault.TooLarge && c.batch.refused(p.listed):
			return moved, nil
		}
		return moved, err
	}
	return moved, context.Cause(reading)
}

// readPoints reads parcels from a spot on, until something goes wrong.
func (c *copier) readPoints(ctx context.Context, spot peer.Spot, parcels chan<- *parcel, woken <-chan struct{}) error {
	settled, passed := spot, 0 // up to where parcels go, and how many changes were read since then that nobody is told of
	for {
		var found peer.ChangesResponse
		args := peer.ChangesRequest{Collection: c.room, After: spot, Limit: int(c.batch.most.Load())}
		if err := c.from.call(ctx, 0, "peer.changes", args, &found); err != nil {
			return err
		}
		if len(found.Changes) == 0 {
			select {
			case <-woken:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		for rest := found.Changes; len(rest) > 0; {
			some := rest[:min(len(rest), c.batch.size())]
			p := &parcel{from: settled, to: spot, listed: passed + len(some), first: some[0].Time}
			err := c.pick(ctx, p, some)
			if fault.CodeOf(err) == fault.TooLarge && c.batch.refused(len(some)) {
				continue
			}
			if err != nil {
				return err
			}
			if rest = rest[len(some):]; len(rest) > 0 {
				p.left = rest[0].Time
			} else if p.to = found.Next; found.More {
				p.left = some[len(some)-1].Time
			}
			if passed = p.listed; len(p.changes) == 0 && passed < peer.MaxBatch {
				continue // how far it was read goes along with the next: to write it down alone costs as much
			}
			settled, passed = p.to, 0
			select {
			case parcels <- p:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		spot = found.Next
	}
}

// pick puts those of the changes into the parcel that are still so, with the points that they made.
func (c *copier) pick(ctx context.Context, p *parcel, changes []peer.Change) error {
	var present []string
	for _, ch := range changes {
		if !ch.Deleted && !c.came.has(ch.Version) {
			present = append(present, ch.ID)
		}
	}
	look := c.plain
	if c.packs() {
		look = c.packed
	}
	points, err := look(ctx, present)
	if err != nil {
		return err
	}
	for _, ch := range changes {
		if c.came.has(ch.Version) {
			continue // it is from where it would go
		}
		in := peer.Incoming{Change: ch}
		if !ch.Deleted {
			at, ok := points[ch.ID]
			if !ok || at.version != ch.Version {
				continue // it has changed since, which is noted further on, or has expired
			}
			in.Point = at.point
		}
		p.changes = append(p.changes, in)
	}
	return nil
}

// settle has the other end take a parcel in.
func (c *copier) settle(ctx context.Context, born uint64, p *parcel) error {
	c.left(p.first)
	args := &peer.SettleRequest{Node: c.from.node, Collection: c.room, Born: born, From: p.from, To: p.to, Changes: p.changes, Noted: c.packs()}
	if !args.Noted {
		if err := c.see(ctx, p); err != nil {
			return err
		}
	}
	var outcome outcome
	if err := c.to.call(ctx, 0, "peer.settle", args, &outcome); err != nil {
		return err
	}
	var taken uint64
	for _, r := range outcome.Results {
		taken += r.Created + r.Replaced + r.Deleted
	}
	c.wrote.add(outcome.Version)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out {
		c.now.Out += taken
	} else {
		c.now.In += taken
	}
	listed := uint64(p.listed) //nolint:gosec // not negative
	c.now.Passed += listed - min(taken, listed)
	c.behind, c.oldest = 0, p.left
	if p.left != 0 {
		c.behind = 1 // at least
	}
	return nil
}

// see notes of the points of a parcel which versions they have where they are to be written: a peer that does not know of
// packed points wants to be told.
func (c *copier) see(ctx context.Context, p *parcel) error {
	var ids []string
	for i := range p.changes {
		ids = append(ids, p.changes[i].ID)
	}
	there, err := c.points(ctx, c.to, ids, false)
	for i := range p.changes {
		p.changes[i].Seen = there[p.changes[i].ID].version
	}
	return err
}

// held is a point as an end has it.
type held struct {
	version uint64
	point   value.Value
}

// packed are the points of those ids that there are where they are read, packed.
func (c *copier) packed(ctx context.Context, ids []string) (map[string]held, error) {
	all := make(map[string]held, len(ids))
	if len(ids) == 0 {
		return all, nil
	}
	var found struct {
		Points []struct {
			ID        value.Value `json:"id"`
			Version   uint64      `json:"version"`
			ExpiresAt int64       `json:"expires_at"`
			Packed    value.Value `json:"packed"`
		} `json:"points"`
		Missing []value.Value `json:"missing"`
	}
	args := struct {
		Collection string   `json:"collection"`
		IDs        []string `json:"ids"`
		Packed     bool     `json:"packed"`
	}{c.room, ids, true}
	if err := c.from.call(ctx, 0, "vector.get", args, &found); err != nil {
		return nil, err
	}
	for _, p := range found.Points {
		all[p.ID.Data()] = held{p.Version, p.Packed}
	}
	return all, nil
}

// plain are the points of those ids that there are where they are read, as objects.
func (c *copier) plain(ctx context.Context, ids []string) (map[string]held, error) {
	return c.points(ctx, c.from, ids, true)
}

// points are the points of those ids that there are at an end.
func (c *copier) points(ctx context.Context, at *end, ids []string, whole bool) (map[string]held, error) {
	all := map[string]held{}
	for page := range slices.Chunk(ids, pageOfPoints) {
		var found struct {
			Points []struct {
				ID      json.RawMessage            `json:"id"`
				Version uint64                     `json:"version"`
				Payload json.RawMessage            `json:"payload,omitempty"`
				Text    string                     `json:"text,omitempty"`
				Vector  json.RawMessage            `json:"vector,omitempty"`
				Vectors map[string]json.RawMessage `json:"vectors,omitempty"`
			} `json:"points"`
		}
		args := map[string]any{"collection": c.room, "ids": page, "with_vectors": whole, "with_payload": whole}
		if err := at.call(ctx, 0, "vector.get", args, &found); err != nil {
			return nil, err
		}
		for _, p := range found.Points {
			h := held{version: p.Version}
			if whole {
				fields := map[string]any{}
				if len(p.Payload) > 0 {
					fields["payload"] = p.Payload
				}
				if p.Text != "" {
					fields["text"] = p.Text
				}
				if len(p.Vector) > 0 {
					fields["vector"] = p.Vector
				}
				if len(p.Vectors) > 0 {
					fields["vectors"] = p.Vectors
				}
				text, err := json.Marshal(fields)
				if err != nil {
					return nil, fault.Wrap(fault.Internal, err, "a point does not encode: %v", err)
				}
				if h.point, err = value.OfJSON(text); err != nil {
					return nil, err
				}
			}
			all[idText(p.ID)] = h
		}
	}
	return all, nil
}
