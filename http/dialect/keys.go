package dialect

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/hivellm/synap-go/core/fault"
)

const (
	// MaxKeys is how many keys kv.keys and kv.scan answer with at most; with more there is an error instead.
	MaxKeys = 100_000

	nativePage = 1000 // what a native command takes or answers with at most
)

var keyCommands = map[string]func(*call) (any, error){
	"kv.set":      queueable((*call).set),
	"kv.get":      about((*call).get, "key"),
	"kv.del":      queueable((*call).del),
	"kv.exists":   func(c *call) (any, error) { return c.exists("exists") },
	"kv.incr":     queueable(func(c *call) (*write, error) { return c.increment(1) }),
	"kv.incrby":   queueable(func(c *call) (*write, error) { return c.increment(1) }),
	"kv.decr":     queueable(func(c *call) (*write, error) { return c.increment(-1) }),
	"kv.decrby":   queueable(func(c *call) (*write, error) { return c.increment(-1) }),
	"kv.mset":     func(c *call) (any, error) { return c.mset(false) },
	"kv.msetnx":   func(c *call) (any, error) { return c.mset(true) },
	"kv.mget":     (*call).mget,
	"kv.mdel":     (*call).mdel,
	"kv.scan":     (*call).scan,
	"kv.keys":     (*call).keys,
	"kv.dbsize":   (*call).dbsize,
	"kv.flushdb":  (*call).flush,
	"kv.flushall": (*call).flush,
	"kv.expire":   about((*call).expire, "key"),
	"kv.ttl":      about((*call).ttl, "key"),
	"kv.persist":  about((*call).persist, "key"),
	"kv.stats":    (*call).keyStats,
	"kv.append":   about((*call).append, "key"),
	"kv.getrange": about((*call).getRange, "key"),
	"kv.setrange": about((*call).setRange, "key"),
	"kv.strlen":   about((*call).length, "key"),
	"kv.getset":   about((*call).getSet, "key"),

	"key.type":      about((*call).keyType, "key"),
	"key.exists":    func(c *call) (any, error) { return c.exists("exists", "key") },
	"key.rename":    func(c *call) (any, error) { return c.move("kv.rename", false) },
	"key.renamenx":  func(c *call) (any, error) { return c.move("kv.rename", true) },
	"key.copy":      func(c *call) (any, error) { return c.move("kv.copy", !c.truth("replace", false)) },
	"key.randomkey": (*call).randomKey,
}

func (c *call) set() (*write, error) {
	key, err := c.need("key")
	if err != nil {
		return nil, err
	}
	value, err := c.value("value")
	if err != nil {
		return nil, err
	}
	request := object{"key": key, "value": value}
	if ttl := c.size("ttl"); ttl > 0 {
		request["ttl"] = ttl
	}
	return &write{"kv.set", request, func(*native) any { return done }}, nil
}

func (c *call) get(key string) (any, error) {
	var got native
	if err := c.do("kv.get", object{"key": key}, &got); err != nil || !got.Found {
		return nil, err
	}
	if kind, _ := c.text("type"); kind == "bytes" {
		return octets(got.Value), nil
	}
	return shown(got.Value), nil
}

func (c *call) del() (*write, error) {
	key, err := c.need("key")
	if err != nil {
		return nil, err
	}
	return &write{"kv.delete", object{"key": key}, func(n *native) any { return object{"deleted": n.deleted() > 0} }}, nil
}

func (c *call) increment(sign int64) (*write, error) {
	key, err := c.need("key")
	if err != nil {
		return nil, err
	}
	by, ok := c.number("amount", "delta", "increment")
	if !ok {
		by = 1
	}
	if by == math.MinInt64 && sign < 0 {
		return nil, invalid("'amount' is out of range")
	}
	return &write{"kv.increment", object{"key": key, "by": sign * by}, func(n *native) any { return object{"value": n.Value} }}, nil
}

// exists answers whether a key is there, with the key as well if that is asked for.
func (c *call) exists(as string, with ...string) (any, error) {
	key, err := c.need("key")
	if err != nil {
		return nil, err
	}
	there, err := c.there(key)
	if err != nil {
		return nil, err
	}
	answer := object{as: there}
	for _, name := range with {
		answer[name] = key
	}
	return answer, nil
}

func (c *call) there(key string) (bool, error) {
	var got native
	err := c.do("kv.exists", object{"keys": []string{key}}, &got)
	return len(got.Existing) > 0, err
}

// pairs returns the entries of mset: objects or pairs in a list, or a single one in the payload itself.
func (c *call) pairs() ([]object, error) {
	var list []json.RawMessage
	switch {
	case c.has("pairs"):
		if json.Unmarshal(c.fields["pairs"], &list) != nil {
			return nil, invalid("'pairs' must be an array")
		}
	case c.has("key"):
		list = []json.RawMessage{encoded(c.fields)}
	default:
		return nil, missing("pairs")
	}
	entries := make([]object, len(list))
	for i, raw := range list {
		var one fields
		var two [2]json.RawMessage
		if json.Unmarshal(raw, &two) == nil {
			one = fields{"key": two[0], "value": two[1]}
		} else if json.Unmarshal(raw, &one) != nil {
			return nil, invalid("Each pair must be an object with 'key' and 'value'")
		}
		key, err := one.need("key")
		if err != nil {
			return nil, err
		}
		value, err := one.value("value")
		if err != nil {
			return nil, err
		}
		entries[i] = object{"key": key, "value": value}
	}
	return entries, nil
}

func (c *call) mset(ifAbsent bool) (any, error) {
	entries, err := c.pairs()
	if err != nil {
		return nil, err
	}
	err = c.do("kv.mset", object{"entries": entries, "if_absent": ifAbsent}, nil)
	if ifAbsent && is(err, fault.AlreadyExists) {
		return object{"success": false}, nil
	}
	if err != nil {
		return nil, err
	}
	return done, nil
}

func (c *call) mget() (any, error) {
	keys, err := c.texts("keys")
	if err != nil {
		return nil, err
	}
	values := make([]any, 0, len(keys))
	for part := range pages(keys) {
		var got struct{ Items []native }
		if err := c.do("kv.mget", object{"keys": part}, &got); err != nil {
			return nil, err
		}
		for i := range got.Items {
			var value any
			if got.Items[i].Found {
				value = parsed(got.Items[i].Value)
			}
			values = append(values, value)
		}
	}
	return object{"values": values}, nil
}

func (c *call) mdel() (any, error) {
	keys, err := c.texts("keys")
	if err != nil {
		return nil, err
	}
	deleted := 0
	for part := range pages(keys) {
		var got native
		if err := c.do("kv.delete", object{"keys": part}, &got); err != nil {
			return nil, err
		}
		deleted += got.deleted()
	}
	return object{"deleted": deleted}, nil
}

// scan answers with the first keys. In this language a prefix may end with a star.
func (c *call) scan() (any, error) {
	prefix, _ := c.text("prefix", "key")
	limit, ok := c.number("limit")
	if !ok {
		limit = 100
	}
	keys, more, err := c.list(strings.TrimSuffix(prefix, "*"), min(max(limit, 0), MaxKeys))
	if err != nil {
		return nil, err
	}
	answer := object{"keys": keys, "count": len(keys)}
	if more != "" {
		answer["cursor"] = more
	}
	return answer, nil
}

func (c *call) keys() (any, error) {
	prefix, _ := c.text("prefix")
	keys, more, err := c.list(prefix, MaxKeys)
	if err != nil {
		return nil, err
	}
	if more != "" {
		return nil, invalid("there are more than %d keys: ask for a prefix, or for pages with kv.scan and its cursor", MaxKeys)
	}
	return object{"keys": keys, "count": len(keys)}, nil
}

// list returns at most so many keys of what the payload asks for, and where to go on when there are more.
func (c *call) list(prefix string, most int64) (keys []string, more string, err error) {
	request := object{"prefix": prefix}
	if pattern, ok := c.text("pattern"); ok && pattern != "*" {
		request["glob"] = pattern
	}
	if cursor, ok := c.text("cursor"); ok && cursor != "" {
		request["cursor"] = cursor
	}
	keys = []string{}
	for int64(len(keys)) < most {
		request["limit"] = min(most-int64(len(keys)), nativePage)
		var page struct {
			Items []struct{ Key string }
			Next  string `json:"next_cursor"`
		}
		if err := c.do("kv.list", request, &page); err != nil {
			return nil, "", err
		}
		for _, item := range page.Items {
			keys = append(keys, item.Key)
		}
		if more = page.Next; more == "" {
			break
		}
		request["cursor"] = more
	}
	return keys, more, nil
}

func (c *call) dbsize() (any, error) {
	var got struct{ Count int64 }
	if err := c.do("kv.count", object{}, &got); err != nil {
		return nil, err
	}
	return object{"size": got.Count}, nil
}

func (c *call) flush() (any, error) {
	var got struct{ Removed int64 }
	if err := c.do("kv.clear", object{"confirm": true}, &got); err != nil {
		return nil, err
	}
	return object{"flushed": got.Removed}, nil
}

func (c *call) expire(key string) (any, error) {
	ttl, ok := c.number("ttl")
	if !ok {
		return nil, missing("ttl")
	}
	if ttl <= 0 {
		return nil, refusal("Invalid TTL: " + string(c.fields["ttl"]))
	}
	var got native
	if err := c.do("kv.expire", object{"key": key, "ttl": ttl}, &got); err != nil {
		return nil, err
	}
	return object{"result": got.Found}, nil
}

func (c *call) ttl(key string) (any, error) {
	var got struct {
		Found bool
		TTL   *int64
	}
	if err := c.do("kv.ttl", object{"key": key}, &got); err != nil {
		return nil, err
	}
	if !got.Found {
		return nil, keyNotFound(key)
	}
	return object{"ttl": got.TTL}, nil
}

func (c *call) persist(key string) (any, error) {
	var got native
	if err := c.do("kv.persist", object{"key": key}, &got); err != nil {
		return nil, err
	}
	return object{"result": got.Found && got.Version != 0}, nil
}

func (c *call) append(key string) (any, error) {
	value, err := c.value("value")
	if err != nil {
		return nil, err
	}
	return c.lengthOf("kv.append", object{"key": key, "value": value})
}

func (c *call) setRange(key string) (any, error) {
	offset, ok := c.number("offset")
	if !ok {
		return nil, missing("offset")
	}
	value, err := c.value("value")
	if err != nil {
		return nil, err
	}
	return c.lengthOf("kv.setrange", object{"key": key, "offset": offset, "value": value})
}

func (c *call) length(key string) (any, error) {
	return c.lengthOf("kv.length", object{"key": key})
}

func (c *call) lengthOf(command string, request object) (any, error) {
	var got struct{ Length int64 }
	if err := c.do(command, request, &got); err != nil {
		return nil, err
	}
	return object{"length": got.Length}, nil
}

func (c *call) getRange(key string) (any, error) {
	start, ok := c.number("start")
	if !ok {
		return nil, missing("start")
	}
	end, ok := c.number("end")
	if !ok {
		return nil, missing("end")
	}
	var got native
	if err := c.do("kv.getrange", object{"key": key, "start": start, "end": end}, &got); err != nil || !got.Found {
		return nil, err
	}
	if len(content(got.Value)) == 0 {
		return nil, nil
	}
	return shown(got.Value), nil
}

func (c *call) getSet(key string) (any, error) {
	value, err := c.value("value")
	if err != nil {
		return nil, err
	}
	var got native
	if err := c.do("kv.getset", object{"key": key, "value": value}, &got); err != nil || !got.Found {
		return nil, err
	}
	return shown(got.Value), nil
}

func (c *call) keyType(key string) (any, error) {
	there, err := c.there(key)
	if err != nil {
		return nil, err
	}
	kind := "none"
	if there {
		kind = "string"
	}
	return object{"key": key, "type": kind}, nil
}

// move renames or copies. The new name's being taken is told and no error.
func (c *call) move(command string, ifAbsent bool) (any, error) {
	from, err := c.need("source")
	if err != nil {
		return nil, err
	}
	to, err := c.need("destination")
	if err != nil {
		return nil, err
	}
	err = c.do(command, object{"key": from, "to": to, "if_absent": ifAbsent}, nil)
	switch {
	case is(err, fault.NotFound):
		return nil, keyNotFound(from)
	case err != nil && !is(err, fault.AlreadyExists):
		return nil, err
	}
	return object{"success": err == nil, "source": from, "destination": to}, nil
}

func (c *call) randomKey() (any, error) {
	var got struct {
		Found bool
		Key   string
	}
	if err := c.do("kv.random", object{}, &got); err != nil {
		return nil, err
	}
	if !got.Found {
		return object{"key": nil}, nil
	}
	return object{"key": got.Key}, nil
}
