package kv

import "github.com/hivellm/synap-go/core/command"

// Budgets of the tools, so that an answer stays well under 8,000 tokens.
const (
	toolGetBytes  = 16 << 10
	toolListBytes = 12 << 10
	toolListLimit = 50
)

// commands is everything that a client can ask of the store. Names and numbers are permanent.
func commands() []*command.Command {
	return append(append(readers(), writers()...), checking(),
		command.Watch(command.Info{
			Name: "kv.watch", Op: 0x0117,
			Summary: "Follow changes of keys, prefixes or patterns as they happen.",
			Doc: "Every event has the key's version. From resumes after a version or position without a gap; when the " +
				"server no longer remembers that far back the answer is out_of_range: list the keys, then watch from now.",
			Args: "keys...",
		}, (*Store).watch),
	)
}

func readers() []*command.Command {
	return []*command.Command{
		command.Read(command.Info{
			Name: "kv.get", Op: 0x0101, Args: "key", Routes: []string{"GET /kv/:key"},
			Summary: "Return what a key holds.",
			Doc:     "A key that does not exist is no error: found is false.",
			Addresses: []*command.Address{{
				URI: "synap://kv/{+key}", Name: "key", Title: "A key", Value: "value", Found: "found",
				Description: "What a key holds. With a : at the end, the keys below.",
				Follow:      &command.Watched{Command: "kv.watch", Fields: map[string]string{"key": "keys"}, Under: map[string]string{"key": "prefixes"}},
			}},
		}, (*Store).get),
		command.Read(command.Info{
			Name: "kv.mget", Op: 0x0104, Args: "keys...",
			Summary: "Return what several keys hold, all as of one moment.",
			Doc: "With max_bytes the longest values are cut so that all fit together; every cut value has a next_offset to " +
				"read on from. At least 16 bytes of each value are answered.",
			Tool: &command.Tool{
				Former: &command.Former{Name: "synap_kv_get"},
				Name:   "synap_kv_get", Title: "Read keys", Profiles: []string{"core", "kv", "readonly"},
				Description: "Read keys by exact name. A missing key has found=false; that is no error. A long value is cut: read on with that key and offset=next_offset.",
				Docs:        map[string]string{"keys": "-", "offset": "-"},
				Args:        []string{"keys", "offset"},
				Defaults:    map[string]any{"max_bytes": toolGetBytes},
				Aliases:     map[string]string{"key": "keys", "name": "keys", "names": "keys"},
			},
		}, (*Store).mget),
		command.Read(command.Info{
			Name: "kv.exists", Op: 0x0106, Args: "keys...",
			Summary: "Say which of several keys exist.",
		}, (*Store).exists),
		command.Read(command.Info{
			Name: "kv.getrange", Op: 0x0109, Args: "key start end",
			Summary: "Return a part of a key's value.",
			Doc:     "Start and end are byte positions, both inclusive; negative ones count from the end, so -3 to -1 is the last three.",
		}, (*Store).getRange),
		command.Read(command.Info{
			Name: "kv.length", Op: 0x010b, Args: "key",
			Summary: "Return the length of a key's value in bytes.",
		}, (*Store).length),
		command.Read(command.Info{
			Name: "kv.ttl", Op: 0x0111, Args: "key",
			Summary: "Return how long a key has left.",
		}, (*Store).ttlOf),
		command.Read(command.Info{
			Name: "kv.list", Op: 0x0112, Args: "prefix", Routes: []string{"GET /kv"},
			Summary: "List keys in order, a page at a time.",
			Doc: "A page is as of one moment. The cursor says after which key to go on, so keys that come and go between pages " +
				"neither hide others nor repeat them. With a glob a page may be short, even empty, and have a next page.",
			Tool: &command.Tool{
				Former: &command.Former{Name: "synap_kv_scan"},
				Name:   "synap_kv_list", Title: "List keys", Profiles: []string{"core", "kv", "readonly"},
				Description: "List keys in order with size, TTL and a short preview; synap_kv_get has whole values.",
				Docs:        map[string]string{"prefix": "-", "glob": "-", "limit": "-", "cursor": "-"},
				Args:        []string{"prefix", "glob", "limit", "cursor"},
				Defaults:    map[string]any{"values": "preview", "limit": toolListLimit, "max_bytes": toolListBytes},
				Aliases:     map[string]string{"pattern": "glob", "match": "glob", "count": "limit", "next_cursor": "cursor"},
			},
		}, (*Store).list),
		command.Read(command.Info{
			Name: "kv.count", Op: 0x0113, Args: "prefix",
			Summary: "Count keys.",
			Doc:     "A glob that is more than a prefix has to look at every key under its literal beginning.",
		}, (*Store).count),
		command.Read(command.Info{
			Name: "kv.random", Op: 0x0114,
			Summary: "Return any key, each as likely as the others.",
		}, (*Store).random),
		command.Read(command.Info{
			Name: "kv.stats", Op: 0x0116,
			Summary: "Report how much the store holds.",
		}, (*Store).stats),
	}
}

func writers() []*command.Command {
	return []*command.Command{
		command.Write(command.Info{
			Name: "kv.set", Op: 0x0102, Hints: command.Idempotent | command.Destructive,
			Args: "key value", Routes: []string{"PUT /kv/:key"}, Body: "value",
			Summary: "Set a key to a value, optionally with a time to live or a condition.",
			Doc: "A set without a time to live makes the key live forever, unless keep_ttl is given. A lock is if_absent with ttl: " +
				"the version answered is its fencing token, and kv.delete with if_version releases it. Version 0 means no key.",
			Tool: &command.Tool{
				Former: &command.Former{Name: "synap_kv_set"},
				Name:   "synap_kv_set", Title: "Write a key", Profiles: []string{"core", "kv"},
				Description: "Write a key; replaces its value unless if_absent or if_version forbids. A lock is if_absent with ttl_seconds: already_exists = somebody has it; release with synap_kv_delete and its version.",
				Docs:        map[string]string{"key": `Levels by ":", e.g. project:alpha:plan.`, "value": "Text or JSON.", "ttl_seconds": "-", "if_absent": "-", "if_version": "0 = must not exist."},
				Args:        []string{"key", "value", "ttl_seconds=ttl", "if_absent", "if_version"},
				Aliases:     map[string]string{"ttl": "ttl_seconds", "name": "key", "data": "value", "version": "if_version", "nx": "if_absent"},
			},
		}, (*Store).set),
		command.Write(command.Info{
			Name: "kv.delete", Op: 0x0103, Frees: true, Hints: command.Idempotent | command.Destructive,
			Args: "keys...", Routes: []string{"DELETE /kv/:key"},
			Summary: "Delete keys.",
			Doc:     "All of them at once. A key that does not exist is no error: it is among the missing.",
			Tool: &command.Tool{
				Former: &command.Former{Name: "synap_kv_delete"},
				Name:   "synap_kv_delete", Title: "Delete keys", Profiles: []string{"core", "kv"},
				Description: "Delete keys by exact name; missing ones are no error. For a whole prefix use synap_clear.",
				Docs:        map[string]string{"keys": "-", "if_version": "One key only."},
				Args:        []string{"keys", "if_version"},
				Aliases:     map[string]string{"key": "keys", "name": "keys", "names": "keys", "version": "if_version"},
			},
		}, (*Store).delete),
		command.Write(command.Info{
			Name: "kv.mset", Op: 0x0105, Hints: command.Idempotent | command.Destructive, Args: "entries",
			Summary: "Set several keys at once: all of them or none.",
		}, (*Store).mset),
		command.Write(command.Info{
			Name: "kv.increment", Op: 0x0107, Args: "key by",
			Summary: "Add to the number that a key holds.",
			Doc: "A key that does not exist begins at initial. Two integers make an integer and never overflow in silence; anything " +
				"else is added as floats. Text stays text. The time to live counts only when the key is created.",
			Tool: &command.Tool{
				Name: "synap_kv_increment", Title: "Add to a counter", Profiles: []string{"core", "kv"},
				Description: "Add to a number atomically (missing = 0) and return it. Not idempotent.",
				Docs:        map[string]string{"key": "-", "by": "-", "ttl_seconds": "Only if this makes the key."},
				Args:        []string{"key", "by", "ttl_seconds=ttl"},
				Aliases:     map[string]string{"ttl": "ttl_seconds", "name": "key", "amount": "by", "delta": "by"},
			},
		}, (*Store).increment),
		command.Write(command.Info{
			Name: "kv.append", Op: 0x0108, Args: "key value",
			Summary: "Put data after what a key holds.",
			Doc:     "The deadline stays. JSON that is appended to becomes text.",
		}, (*Store).append),
		command.Write(command.Info{
			Name: "kv.setrange", Op: 0x010a, Hints: command.Idempotent | command.Destructive, Args: "key offset value",
			Summary: "Overwrite a part of a key's value.",
			Doc:     "The deadline stays. JSON that is overwritten becomes text.",
		}, (*Store).setRange),
		command.Write(command.Info{
			Name: "kv.getset", Op: 0x010c, Hints: command.Destructive, Args: "key value",
			Summary: "Set a key and return what it held before.",
		}, (*Store).getSet),
		command.Write(command.Info{
			Name: "kv.rename", Op: 0x010d, Hints: command.Destructive, Args: "key to",
			Summary: "Give a key another name.",
			Doc:     "Its value and its deadline go with it. What the new name held before is replaced unless if_absent is given.",
		}, (*Store).rename),
		command.Write(command.Info{
			Name: "kv.copy", Op: 0x010e, Hints: command.Idempotent | command.Destructive, Args: "key to",
			Summary: "Copy a key's value to another key.",
			Doc:     "The copy has the same deadline unless one is given.",
		}, (*Store).copy),
		command.Write(command.Info{
			Name: "kv.expire", Op: 0x010f, Frees: true, Hints: command.Idempotent, Args: "key ttl",
			Summary: "Give a key a time to live.",
			Doc:     "This is a change of the key: it gets a new version, which a lock's holder goes on with.",
		}, (*Store).expire),
		command.Write(command.Info{
			Name: "kv.persist", Op: 0x0110, Hints: command.Idempotent, Args: "key",
			Summary: "Take a key's time to live away.",
		}, (*Store).persist),
		command.Write(command.Info{
			Name: "kv.clear", Op: 0x0115, Frees: true, Hints: command.Idempotent | command.Destructive, Args: "prefix",
			Summary: "Delete every key, or every key under a prefix.",
			Doc:     "Without confirm nothing happens and the error says how many keys would go.",
		}, (*Store).clear),
	}
}
