package main

import "encoding/json"

// queues writes every queue and what waits in it: what is with a receiver comes back first, as if it had been given back.
func (e *exporter) queues() error {
	return pages(func(cursor string) (string, error) {
		var page struct {
			Items []struct {
				Queue string `json:"queue"`
			} `json:"items"`
			NextCursor string `json:"next_cursor"`
		}
		if err := e.ask("queue.list", request(cursor, map[string]any{"limit": 1000}), &page); err != nil {
			return "", err
		}
		for _, it := range page.Items {
			if err := e.queue(it.Queue); err != nil {
				return "", err
			}
		}
		return page.NextCursor, nil
	})
}

func (e *exporter) queue(name string) error {
	var stats struct {
		Paused   bool           `json:"paused"`
		Dead     int            `json:"dead"`
		Settings map[string]any `json:"settings"`
	}
	if err := e.ask("queue.stats", map[string]any{"queue": name}, &stats); err != nil {
		return ignoreMissing(err)
	}
	create := map[string]any{"queue": name}
	for field, v := range stats.Settings {
		create[field] = v
	}
	if err := e.emit(commandLine{Command: "queue.create", Payload: create}); err != nil {
		return err
	}
	if stats.Paused {
		if err := e.emit(commandLine{Command: "queue.pause", Payload: map[string]any{"queue": name}}); err != nil {
			return err
		}
	}
	if stats.Dead > 0 {
		tell(e.stderr, "synap: %d dead letters of the queue %s are not in the export\n", stats.Dead, name)
	}
	for _, state := range []string{"leased", "ready", "delayed"} {
		if err := e.messages(name, state); err != nil {
			return ignoreMissing(err)
		}
	}
	return nil
}

// messages writes the messages in a state.
func (e *exporter) messages(queue, state string) error {
	return pages(func(cursor string) (string, error) {
		var page struct {
			Messages   []map[string]json.RawMessage `json:"messages"`
			NextCursor string                       `json:"next_cursor"`
		}
		asked := map[string]any{"queue": queue, "state": state, "full": true, "limit": 1000, "max_bytes": 4 << 20}
		if err := e.ask("queue.peek", request(cursor, asked), &page); err != nil {
			return "", err
		}
		for _, m := range page.Messages {
			l := commandLine{Command: "queue.publish", Payload: pick(m, "message", "priority", "headers", "group")}
			l.Payload["queue"] = queue
			for field, end := range map[string]string{"delay_ms": "due_at", "ttl_ms": "expires_at"} {
				var at int64
				if m[end] == nil || json.Unmarshal(m[end], &at) != nil || at == 0 {
					continue
				}
				if l.Until == nil {
					l.Until = map[string]int64{}
				}
				l.Until[field] = at
			}
			if err := e.emit(l); err != nil {
				return "", err
			}
		}
		return page.NextCursor, nil
	})
}
