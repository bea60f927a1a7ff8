package link

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
	"github.com/hivellm/synap-go/peer"
	"github.com/hivellm/synap-go/umicp/client"
)

// pageOfPoints is how many points are carried at once. With vectors they are large.
const pageOfPoints = 100

// errRemade is that a collection was dropped, or made anew.
var errRemade = errors.New("the collection was dropped or made anew")

// collections calls f for every collection at the end that the rule names.
func (s *session) collections(ctx context.Context, rule peer.Rule, at *end, f func(name string) error) error {
	prefix, many := strings.CutSuffix(rule.Pattern, "*")
	if !many {
		_, err := s.shapeOf(ctx, at, rule.Pattern)
		switch {
		case fault.CodeOf(err) == fault.NotFound:
			return nil // not yet
		case err != nil:
			return err
		}
		return f(rule.Pattern)
	}
	for cursor := ""; ; {
		var page client.VectorCollectionListResponse
		args := map[string]any{"prefix": prefix, "limit": pageOfRooms}
		if cursor != "" {
			args["cursor"] = cursor
		}
		if err := at.call(ctx, 0, "vector.collection.list", args, &page); err != nil {
			return err
		}
		for _, line := range page.Items {
			if err := f(line.Collection); err != nil {
				return err
			}
		}
		if cursor = page.NextCursor; cursor == "" {
			return nil
		}
	}
}

// shape is how a collection is made.
type shape struct {
	Vector     *client.VectorShape           `json:"vector,omitempty"`
	Vectors    map[string]client.VectorShape `json:"vectors,omitempty"`
	Indexes    []client.VectorIndexRequest   `json:"indexes,omitempty"`
	TextFields []string                      `json:"text_fields,omitempty"`
	Language   string                        `json:"language,omitempty"`
	Version    uint64                        `json:"version,omitempty"` // of the record that made it
}

func (s *session) shapeOf(ctx context.Context, at *end, name string) (*shape, error) {
	found := &shape{}
	return found, at.call(ctx, 0, "vector.collection.stats", map[string]any{"collection": name}, found)
}

// vectors are what of the shape must be alike at both ends: what the numbers mean.
func (c *shape) vectors() string {
	type alike struct {
		Dimension       int
		Metric, Element string
	}
	all := map[string]alike{}
	for name, v := range c.Vectors {
		all[name] = alike{v.Dimension, v.Metric, v.Element}
	}
	if c.Vector != nil {
		all[""] = alike{c.Vector.Dimension, c.Vector.Metric, c.Vector.Element}
	}
	text, _ := json.Marshal(all) // in the order of the names
	return string(text)
}

// create makes the collection as it is elsewhere.
func (c *shape) create(name string) map[string]any {
	args := map[string]any{"collection": name, "if_not_exists": true}
	if c.Vector != nil {
		text, _ := json.Marshal(c.Vector)
		_ = json.Unmarshal(text, &args) // its fields stand beside the name
	}
	if len(c.Vectors) > 0 {
		args["vectors"] = c.Vectors
	}
	if len(c.Indexes) > 0 {
		args["indexes"] = c.Indexes
	}
	if len(c.TextFields) > 0 {
		args["text_fields"] = c.TextFields
	}
	if c.Language != "" {
		args["language"] = c.Language
	}
	return args
}

// tryPoints carries a collection until something goes wrong. Three things go on at once: at each end it is noted what
// becomes of the points there, and what is noted where it is read is carried to where it is written.
func (c *copier) tryPoints(ctx context.Context) (moved bool, err error) {
	from, err := c.shapeOf(ctx, c.from, c.room)
	if fault.CodeOf(err) == fault.NotFound {
		return false, errGone
	}
	if err != nil {
		return false, err
	}
	to, err := c.sameAs(ctx, from)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var both sync.WaitGroup
	defer both.Wait()
	defer cancel(nil)
	woken := make(chan struct{}, 1)
	var current []chan struct{}
	for _, side := range []struct {
		at   *end
		born uint64
	}{{c.from, from.Version}, {c.to, to.Version}} {
		n := &noter{copier: c, at: side.at, born: side.born, current: make(chan struct{}), woken: woken}
		current = append(current, n.current)
		both.Go(func() { cancel(n.run(ctx)) })
	}
	for _, noted := range current {
		select {
		case <-noted:
		case <-ctx.Done():
			return false, whyOver(ctx)
		}
	}
	moved, err = c.carryPoints(ctx, to.Version, woken)
	if ctx.Err() != nil {
		err = whyOver(ctx)
	}
	return moved, err
}

// whyOver is why a copier's own context ended: a collection that is another one now is looked for anew.
func whyOver(ctx context.Context) error {
	err := context.Cause(ctx)
	if errors.Is(err, errRemade) {
		return errGone
	}
	return err
}

// sameAs sees to it that there is such a collection where it is to be written.
func (c *copier) sameAs(ctx context.Context, from *shape) (*shape, error) {
	to, err := c.shapeOf(ctx, c.to, c.room)
	if fault.CodeOf(err) == fault.NotFound {
		if err = c.to.call(ctx, 0, "vector.collection.create", from.create(c.room), &struct{}{}); err == nil {
			to, err = c.shapeOf(ctx, c.to, c.room)
		}
	}
	if err != nil {
		return nil, err
	}
	if to.vectors() != from.vectors() {
		return nil, fault.New(fault.Conflict, "its vectors are %s where it is read and %s where it is to be written: they must be alike", from.vectors(), to.vectors())
	}
	return to, nil
}

// carryPoints carries what was noted, until something goes wrong.
func (c *copier) carryPoints(ctx context.Context, born uint64, woken <-chan struct{}) (moved bool, err error) {
	wait := time.Millisecond
	for {
		var at peer.ReachedResponse
		if err := c.to.call(ctx, 0, "peer.reached", peer.ReachedRequest{Node: c.from.node, Collection: c.room}, &at); err != nil {
			return moved, err
		}
		spot := at.Spot
		for {
			var found peer.ChangesResponse
			err := c.from.call(ctx, 0, "peer.changes", peer.ChangesRequest{Collection: c.room, After: spot, Limit: pageOfPoints}, &found)
			if err != nil {
				return moved, err
			}
			if len(found.Changes) == 0 {
				select {
				case <-woken:
				case <-ctx.Done():
					return moved, ctx.Err()
				}
				continue
			}
			c.left(found.Changes[0].Time)
			err = c.settle(ctx, born, spot, &found)
			if fault.CodeOf(err) == fault.Conflict && !errors.As(err, &broken{}) {
				break // somebody changed something: look again, once that is noted
			}
			if err != nil {
				return moved, err
			}
			spot, moved, wait = found.Next, true, time.Millisecond
		}
		if !pause(ctx, wait) {
			return moved, ctx.Err()
		}
		wait = min(2*wait, maxBackoff)
	}
}

// settle has the other end take changes in.
func (c *copier) settle(ctx context.Context, born uint64, from peer.Spot, found *peer.ChangesResponse) error {
	args := peer.SettleRequest{Node: c.from.node, Collection: c.room, Born: born, From: from, To: found.Next}
	var ids, present []string
	for _, ch := range found.Changes {
		ids = append(ids, ch.ID)
		if !ch.Deleted {
			present = append(present, ch.ID)
		}
	}
	points, err := c.points(ctx, c.from, present, true)
	if err != nil {
		return err
	}
	there, err := c.points(ctx, c.to, ids, false)
	if err != nil {
		return err
	}
	for _, ch := range found.Changes {
		in := peer.Incoming{Change: ch, Seen: there[ch.ID].version}
		if !ch.Deleted {
			p, ok := points[ch.ID]
			if !ok || p.version != ch.Version {
				continue // it has changed since, which is noted further on, or has expired
			}
			in.Point = p.point
		}
		args.Changes = append(args.Changes, in)
	}
	var outcome struct {
		Results []struct {
			Created  uint64 `json:"created"`
			Replaced uint64 `json:"replaced"`
			Deleted  uint64 `json:"deleted"`
		} `json:"results"`
	}
	if err := c.to.call(ctx, 0, "peer.settle", args, &outcome); err != nil {
		return err
	}
	var taken uint64
	for _, r := range outcome.Results {
		taken += r.Created + r.Replaced + r.Deleted
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out {
		c.now.Out += taken
	} else {
		c.now.In += taken
	}
	c.now.Passed += uint64(len(found.Changes)) - min(taken, uint64(len(found.Changes)))
	c.behind, c.oldest = 0, 0
	if found.More {
		c.behind, c.oldest = 1, found.Changes[len(found.Changes)-1].Time // at least
	}
	return nil
}

// held is a point as an end has it.
type held struct {
	version uint64
	point   value.Value
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

// idText is an id as a text, which an integer may be written as, too.
func idText(raw json.RawMessage) string {
	var text string
	if bytes.HasPrefix(raw, []byte(`"`)) && json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// noter notes at an end what becomes of a collection's points there: first by comparing, then by following.
type noter struct {
	*copier
	at      *end
	born    uint64
	current chan struct{}   // closed when all that was so in the beginning is noted
	woken   chan<- struct{} // told of every change
}

// run notes until the context ends or something goes wrong.
func (n *noter) run(ctx context.Context) error {
	position, err := n.watch(ctx, "", 0, nil)
	if err != nil {
		return err
	}
	if err := n.compare(ctx, position); err != nil {
		return err
	}
	close(n.current)
	for {
		if position, err = n.watch(ctx, position, watchTime, n.note); err != nil {
			return err
		}
	}
}

// watch asks once what happened to the collection after the position.
func (n *noter) watch(ctx context.Context, from string, wait time.Duration, note func(context.Context, []peer.Mark) error) (string, error) {
	args := map[string]any{"collections": []string{n.room}, "wait_ms": wait.Milliseconds(), "limit": 1000}
	if from != "" {
		args["from"] = from
	}
	var found struct {
		Events []struct {
			Event client.VectorWatchEvent `json:"event"`
		} `json:"events"`
		Position string `json:"position"`
	}
	if err := n.at.call(ctx, wait, "vector.watch", args, &found); err != nil {
		return "", err
	}
	var marks []peer.Mark
	for _, e := range found.Events {
		switch e.Event.Event {
		case "dropped":
			err := n.at.call(ctx, 0, "peer.stamp", peer.StampRequest{Collection: n.room}, &struct{}{})
			return "", errors.Join(errRemade, err)
		case "upsert", "delete":
			for _, id := range e.Event.IDs {
				marks = append(marks, peer.Mark{
					ID: idText(id), Version: e.Event.Version, Deleted: e.Event.Event == "delete", ExpiresAt: e.Event.ExpiresAt,
				})
			}
		}
	}
	if len(marks) == 0 || note == nil {
		return found.Position, nil
	}
	return found.Position, note(ctx, marks)
}

// note notes changes, of each point the newest.
func (n *noter) note(ctx context.Context, marks []peer.Mark) error {
	newest := map[string]int{}
	for i, m := range marks {
		newest[m.ID] = i
	}
	i := -1
	marks = slices.DeleteFunc(marks, func(m peer.Mark) bool { i++; return newest[m.ID] != i })
	for page := range slices.Chunk(marks, peer.MaxBatch) {
		err := n.at.call(ctx, 0, "peer.stamp", peer.StampRequest{Collection: n.room, Born: n.born, Changes: page}, &struct{}{})
		if err != nil {
			return err
		}
	}
	select {
	case n.woken <- struct{}{}:
	default: // it is known already
	}
	return nil
}

// compare notes what is not as it was noted last. A point that went meanwhile, and not because its time was over, was
// deleted by the position at the latest.
func (n *noter) compare(ctx context.Context, position string) error {
	known := map[string]peer.Change{}
	for after := (peer.Spot{}); ; {
		var page peer.ChangesResponse
		err := n.at.call(ctx, 0, "peer.changes", peer.ChangesRequest{Collection: n.room, After: after, Limit: 1000}, &page)
		if err != nil {
			return err
		}
		if page.Next.Generation != int64(n.born) { //nolint:gosec // records are not that many
			break // of an older collection of that name
		}
		for _, ch := range page.Changes {
			known[ch.ID] = ch
		}
		if after = page.Next; !page.More {
			break
		}
	}
	var marks []peer.Mark
	for cursor := json.RawMessage(nil); ; {
		var page client.VectorScrollResponse
		args := map[string]any{"collection": n.room, "limit": 1000, "with_payload": false}
		if cursor != nil {
			args["cursor"] = cursor
		}
		if err := n.at.call(ctx, 0, "vector.scroll", args, &page); err != nil {
			return err
		}
		for _, p := range page.Points {
			id := idText(p.ID)
			if ch, ok := known[id]; !ok || ch.Deleted || ch.Version != p.Version {
				marks = append(marks, peer.Mark{ID: id, Version: p.Version, ExpiresAt: p.ExpiresAt})
			}
			delete(known, id)
		}
		if cursor = page.NextCursor; len(cursor) == 0 || string(cursor) == "null" {
			break
		}
	}
	at, err := strconv.ParseUint(position[strings.LastIndexByte(position, '-')+1:], 10, 64)
	if err != nil {
		return fault.New(fault.Internal, "the position %q cannot be read", position)
	}
	for id, ch := range known {
		if !ch.Deleted && (ch.ExpiresAt == 0 || ch.ExpiresAt > time.Now().UnixMilli()) {
			marks = append(marks, peer.Mark{ID: id, Version: at, Deleted: true})
		}
	}
	if len(marks) == 0 { // that the collection is there is to be noted all the same
		return n.at.call(ctx, 0, "peer.stamp", peer.StampRequest{Collection: n.room, Born: n.born}, &struct{}{})
	}
	return n.note(ctx, marks)
}
