package dialect

import (
	"encoding/json"

	"github.com/hivellm/synap-go/core/fault"
)

var transactionCommands = map[string]func(*call) (any, error){
	"transaction.multi":   func(c *call) (any, error) { return c.transact("multi", "Transaction started") },
	"transaction.discard": (*call).discard,
	"transaction.unwatch": func(c *call) (any, error) { return c.transact("unwatch", "Keys unwatched") },
	"transaction.watch":   (*call).watch,
	"transaction.exec":    (*call).exec,
}

const noTransaction = refusal("Invalid request: No transaction in progress")

// client is whose transaction it is. Without one it is the request's own, which nobody can go on with.
func (c *call) client() string {
	if client, _ := c.text("client_id"); client != "" {
		return client
	}
	return c.id
}

func (c *call) transact(verb, message string) (any, error) {
	err := c.do("transaction."+verb, object{"client_id": c.client()}, nil)
	switch {
	case is(err, fault.NotFound):
		return nil, noTransaction
	case err != nil:
		return nil, err
	}
	return object{"success": true, "message": message}, nil
}

func (c *call) discard() (any, error) {
	var got struct{ Found bool }
	err := c.do("transaction.discard", object{"client_id": c.client()}, &got)
	if err == nil && !got.Found {
		err = noTransaction
	}
	if err != nil {
		return nil, err
	}
	return object{"success": true, "message": "Transaction discarded"}, nil
}

func (c *call) watch() (any, error) {
	keys, err := c.texts("keys")
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, invalid("Keys list cannot be empty")
	}
	things := make([]object, len(keys))
	for i, key := range keys {
		things[i] = object{"key": key}
	}
	if err := c.do("transaction.watch", object{"client_id": c.client(), "things": things}, nil); err != nil {
		return nil, err
	}
	return object{"success": true, "message": "Keys watched"}, nil
}

func (c *call) exec() (any, error) {
	var got struct{ Results []json.RawMessage }
	err := c.do("transaction.exec", object{"client_id": c.client()}, &got)
	switch {
	case is(err, fault.Conflict):
		return object{"aborted": true, "message": "Transaction aborted: watched keys changed"}, nil
	case is(err, fault.NotFound):
		return nil, noTransaction
	case err != nil:
		return nil, err
	}
	results := make([]any, len(got.Results))
	for i, raw := range got.Results {
		if results[i], err = executed(raw); err != nil {
			return nil, err
		}
	}
	return object{"success": true, "results": results}, nil
}

// executed is what one command of a transaction answered. Which it was shows in what it says.
func executed(raw json.RawMessage) (any, error) {
	var n native
	var said fields
	if err := json.Unmarshal(raw, &said); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &n); err != nil {
		return nil, err
	}
	switch {
	case said.has("deleted"):
		return object{"deleted": n.deleted()}, nil
	case said.has("value"):
		return object{"value": n.Value}, nil
	}
	return object{"ok": true}, nil
}
