package link

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/peer"
	"github.com/hivellm/synap-go/umicp/client"
)

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

// all are its vectors.
func (c *shape) all() (all []client.VectorShape) {
	if c.Vector != nil {
		all = append(all, *c.Vector)
	}
	for _, v := range c.Vectors {
		all = append(all, v)
	}
	return all
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
	back := c.courseKey
	back.out = !back.out
	c.wrote, c.came = c.session.wrote(c.courseKey), c.session.wrote(back)
	for _, side := range []struct {
		at   *end
		born uint64
		made *records
	}{{c.from, from.Version, c.came}, {c.to, to.Version, c.wrote}} {
		n := &noter{copier: c, at: side.at, born: side.born, made: side.made, current: make(chan struct{}), woken: woken}
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
	c.batch.begin(from, c.packs())
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
