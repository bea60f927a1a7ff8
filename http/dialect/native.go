package dialect

import (
	"encoding/json"
	"iter"
	"slices"

	"github.com/hivellm/synap-go/core/fault"
)

// native is what answers of native commands about keys have in common.
type native struct {
	Found    bool            `json:"found"`
	Value    json.RawMessage `json:"value"`
	Version  uint64          `json:"version"`
	Deleted  []string        `json:"deleted"`
	Existing []string        `json:"existing"`
}

func (n *native) deleted() int { return len(n.Deleted) }

// pages cuts a list into pieces that a native command takes.
func pages(all []string) iter.Seq[[]string] { return slices.Chunk(all, nativePage) }

// write is a native command that may be a part of a transaction, and what its answer is in this language.
type write struct {
	command string
	request object
	answer  func(*native) any
}

// queueable makes a command that joins its client's open transaction; without one it is run at once.
func queueable(f func(*call) (*write, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		w, err := f(c)
		if err != nil {
			return nil, err
		}
		if client, _ := c.text("client_id"); client != "" {
			err := c.do("transaction.queue", object{"client_id": client, "command": w.command, "payload": w.request}, nil)
			if err == nil {
				return object{"success": true, "queued": true}, nil
			}
			if !is(err, fault.NotFound) {
				return nil, err
			}
		}
		var got native
		if err := c.do(w.command, w.request, &got); err != nil {
			return nil, err
		}
		return w.answer(&got), nil
	}
}

// about makes a command of what is about one thing, whose name has to be there: in the first of the fields, or another.
func about(f func(c *call, name string) (any, error), fields ...string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		name, err := c.need(fields...)
		if err != nil {
			return nil, err
		}
		return f(c, name)
	}
}
