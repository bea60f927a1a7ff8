package link

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
	"github.com/hivellm/synap-go/peer"
)

// noter notes at an end what becomes of a collection's points there: first by comparing, then by following.
type noter struct {
	*copier
	at      *end
	born    uint64
	made    *records        // what this link has made there
	current chan struct{}   // closed when all that was so in the beginning is noted
	woken   chan<- struct{} // told of every change
}

// run notes until the context ends or something goes wrong.
func (n *noter) run(ctx context.Context) error {
	for first := true; ; first = false {
		position, err := n.watch(ctx, "", 0, nil)
		if err != nil {
			return err
		}
		if err := n.compare(ctx, position); err != nil {
			return err
		}
		if first {
			close(n.current)
		}
		for err == nil {
			position, err = n.watch(ctx, position, watchTime, n.note)
		}
		if !errors.Is(err, errCut) {
			return err
		}
	}
}

// errCut is that one record tells of more than an answer holds: what it changed is found by comparing.
var errCut = errors.New("a record is cut apart")

// watch asks once what happened to the collection after the position.
func (n *noter) watch(ctx context.Context, from string, wait time.Duration, note func(context.Context, []peer.Mark) error) (string, error) {
	args := map[string]any{"collections": []string{n.room}, "wait_ms": wait.Milliseconds(), "limit": 1000}
	if from != "" {
		args["from"] = from
	}
	var found struct { // all that there is in it, and nothing that has to go by way of JSON
		Events []struct {
			Position string `json:"position"`
			Event    struct {
				Event      string        `json:"event"`
				Collection string        `json:"collection"`
				IDs        []value.Value `json:"ids"`
				Payload    value.Value   `json:"payload"`
				Text       string        `json:"text"`
				ExpiresAt  int64         `json:"expires_at"`
				Version    uint64        `json:"version"`
			} `json:"event"`
		} `json:"events"`
		Position string `json:"position"`
	}
	if err := n.at.call(ctx, wait, "vector.watch", args, &found); err != nil {
		return "", err
	}
	if len(found.Events) > 0 && found.Position == from {
		return "", errCut
	}
	var marks []peer.Mark
	for _, e := range found.Events {
		switch e.Event.Event {
		case "dropped":
			err := n.at.call(ctx, 0, "peer.stamp", peer.StampRequest{Collection: n.room}, &struct{}{})
			return "", errors.Join(errRemade, err)
		case "upsert", "delete":
			if n.made.has(e.Event.Version) {
				continue // it came over this link: to note it once more would change nothing
			}
			for _, id := range e.Event.IDs {
				marks = append(marks, peer.Mark{
					ID: id.Data(), Version: e.Event.Version, Deleted: e.Event.Event == "delete", ExpiresAt: e.Event.ExpiresAt,
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
	n.wake()
	return nil
}

// wake has it looked for what was noted: by this noter, or by that of the other direction, which follows the same collection.
func (n *noter) wake() {
	select {
	case n.woken <- struct{}{}:
	default: // it is known already
	}
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
	for cursor := (value.Value{}); ; {
		var page struct { // as in watch
			Points []struct {
				ID        value.Value `json:"id"`
				Version   uint64      `json:"version"`
				Text      string      `json:"text"`
				ExpiresAt int64       `json:"expires_at"`
			} `json:"points"`
			NextCursor value.Value `json:"next_cursor"`
		}
		args := map[string]any{"collection": n.room, "limit": 1000, "with_payload": false}
		if !cursor.IsZero() {
			args["cursor"] = cursor
		}
		if err := n.at.call(ctx, 0, "vector.scroll", args, &page); err != nil {
			return err
		}
		for _, p := range page.Points {
			id := p.ID.Data()
			if ch, ok := known[id]; !ok || ch.Deleted || ch.Version != p.Version {
				marks = append(marks, peer.Mark{ID: id, Version: p.Version, ExpiresAt: p.ExpiresAt})
			}
			delete(known, id)
		}
		if cursor = page.NextCursor; cursor.IsZero() {
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
	if len(marks) == 0 { // that the collection is there is to be noted all the same; and what was missed may have been noted by another
		defer n.wake()
		return n.at.call(ctx, 0, "peer.stamp", peer.StampRequest{Collection: n.room, Born: n.born}, &struct{}{})
	}
	return n.note(ctx, marks)
}

// idText is an id as a text, which an integer may be written as, too.
func idText(raw json.RawMessage) string {
	var text string
	if bytes.HasPrefix(raw, []byte(`"`)) && json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}
