package dialect

import (
	"encoding/json"
	"fmt"
)

var serverCommands = map[string]func(*call) (any, error){
	"info":         (*call).info,
	"slowlog.get":  (*call).slowlog,
	"memory.usage": about((*call).memoryUsage, "key"),
	"client.list":  (*call).clients,
}

// keyStats tells what the store holds. How many reads found something is not counted, and clients that want to know are told 0.
func (c *call) keyStats() (any, error) {
	keys, bytes, err := c.held()
	if err != nil {
		return nil, err
	}
	return object{"total_keys": keys, "total_memory_bytes": bytes, "hit_rate": 0}, nil
}

func (c *call) held() (keys, bytes int64, err error) {
	var got struct{ Keys, Bytes int64 }
	err = c.do("kv.stats", object{}, &got)
	return got.Keys, got.Bytes, err
}

// info tells about the server, or of one section of it.
func (c *call) info() (any, error) {
	section, _ := c.text("section")
	if section == "" {
		section = "all"
	}
	var got struct {
		Version string
		Uptime  int64  `json:"uptime_s"`
		Heap    uint64 `json:"heap_bytes"`
	}
	if err := c.do("server.status", object{}, &got); err != nil {
		return nil, err
	}
	keys, bytes, err := c.held()
	if err != nil {
		return nil, err
	}
	answer := object{}
	for name, part := range map[string]object{
		"server":   {"version": got.Version, "uptime_secs": got.Uptime},
		"memory":   {"used_memory": got.Heap, "used_memory_human": human(int64(got.Heap))}, //nolint:gosec // far below
		"keyspace": {"db0": object{"keys": keys, "bytes": bytes}},
	} {
		if section == "all" || section == name {
			answer[name] = part
		}
	}
	return answer, nil
}

func (c *call) slowlog() (any, error) {
	request := object{}
	if n := c.size("count"); n > 0 {
		request["limit"] = min(n, 256)
	}
	var got struct {
		Total int64
		Calls []struct {
			ID      int64
			At      json.RawMessage
			Took    int64 `json:"took_us"`
			Command string
			Names   []string
			Client  string
		}
	}
	if err := c.do("server.slowlog", request, &got); err != nil {
		return nil, err
	}
	entries := make([]object, len(got.Calls))
	for i, one := range got.Calls {
		entries[i] = object{"id": one.ID, "timestamp": one.At, "duration_us": one.Took, "command": one.Command, "args": one.Names, "client": one.Client}
	}
	return object{"entries": entries, "total": got.Total}, nil
}

func (c *call) memoryUsage(key string) (any, error) {
	var got struct{ Items []struct{ Size int64 } }
	if err := c.do("kv.list", object{"start": key, "end": key + "\x00", "limit": 1}, &got); err != nil {
		return nil, err
	}
	if len(got.Items) == 0 {
		return nil, keyNotFound(key)
	}
	bytes := got.Items[0].Size + int64(len(key))
	return object{"key": key, "bytes": bytes, "human": human(bytes)}, nil
}

// human is a number of bytes as people read it.
func human(bytes int64) string {
	if bytes < 1<<10 {
		return fmt.Sprintf("%dB", bytes)
	}
	x, unit := float64(bytes)/(1<<10), 0
	for x >= 1<<10 && unit < 3 {
		x, unit = x/(1<<10), unit+1
	}
	return fmt.Sprintf("%.2f%cB", x, "KMGT"[unit])
}

func (c *call) clients() (any, error) {
	list := []object{}
	request := object{"limit": nativePage}
	for {
		var page struct {
			Clients []struct {
				ID      int64
				Address string
				Door    string
			}
			Next int64
		}
		if err := c.do("server.clients", request, &page); err != nil {
			return nil, err
		}
		for _, one := range page.Clients {
			list = append(list, object{"id": fmt.Sprint(one.ID), "addr": one.Address, "door": one.Door})
		}
		if page.Next == 0 {
			return object{"clients": list, "count": len(list)}, nil
		}
		if len(list) >= MaxKeys {
			return nil, invalid("there are more than %d: ask for pages, with a native server.clients", MaxKeys)
		}
		request["after"] = page.Next
	}
}
