package main

import (
	"context"
	"encoding/json"
)

// item is a key in a list.
type item struct {
	Key   string          `json:"key"`
	TTLMS int64           `json:"ttl_ms"`
	Value json.RawMessage `json:"value"`
}

// keys writes every key.
func (e *exporter) keys() error {
	return pages(func(cursor string) (string, error) {
		var page struct {
			Items      []item `json:"items"`
			NextCursor string `json:"next_cursor"`
		}
		if err := e.ask("kv.list", request(cursor, map[string]any{"values": "full", "limit": 1000}), &page); err != nil {
			return "", err
		}
		ends, err := e.deadlines(page.Items)
		if err != nil {
			return "", err
		}
		for _, it := range page.Items {
			payload := map[string]any{"key": it.Key, "value": it.Value}
			end, found := ends[it.Key]
			switch {
			case it.TTLMS != 0 && !found:
				continue // it has gone meanwhile
			case end != 0: // or it lives for ever now
				payload["expires_at"] = end
			}
			if err := e.emit(commandLine{Command: "kv.set", Payload: payload}); err != nil {
				return "", err
			}
		}
		return page.NextCursor, nil
	})
}

// deadlines returns when keys expire, in Unix milliseconds, of those that did when they were listed and are still there; 0
// is never. A list says only how long they have left.
func (e *exporter) deadlines(items []item) (map[string]int64, error) {
	var calls []call
	var keys []string
	for _, it := range items {
		if it.TTLMS == 0 {
			continue
		}
		raw, err := encodeJSON(map[string]any{"key": it.Key})
		if err != nil {
			return nil, err
		}
		keys = append(keys, it.Key)
		calls = append(calls, call{Type: "request", Command: "kv.ttl", Payload: raw, Namespace: e.config.Namespace})
	}
	if len(calls) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(e.ctx, e.config.Timeout)
	defer cancel()
	answers, err := e.server.batch(ctx, calls)
	if err != nil {
		return nil, err
	}
	ends := map[string]int64{}
	for i, answer := range answers {
		if answer.Error != nil {
			return nil, answer.Error
		}
		var ttl struct {
			Found     bool  `json:"found"`
			ExpiresAt int64 `json:"expires_at"`
		}
		if err := json.Unmarshal(answer.Payload, &ttl); err != nil {
			return nil, err
		}
		if ttl.Found {
			ends[keys[i]] = ttl.ExpiresAt
		}
	}
	return ends, nil
}

// topics writes what topics retain.
func (e *exporter) topics() error {
	const together = 100 // as many patterns as a subscription may have
	return pages(func(cursor string) (string, error) {
		var page struct {
			Items []struct {
				Name     string `json:"name"`
				Retained bool   `json:"retained"`
			} `json:"items"`
			NextCursor string `json:"next_cursor"`
		}
		if err := e.ask("pubsub.topics", request(cursor, map[string]any{"limit": together}), &page); err != nil {
			return "", err
		}
		var names []string
		for _, it := range page.Items {
			if it.Retained {
				names = append(names, it.Name)
			}
		}
		if len(names) == 0 {
			return page.NextCursor, nil
		}
		var found struct {
			Events []struct {
				Event map[string]json.RawMessage `json:"event"`
			} `json:"events"`
		}
		if err := e.ask("pubsub.subscribe", map[string]any{"patterns": names, "limit": len(names)}, &found); err != nil {
			return "", err
		}
		for _, f := range found.Events {
			if string(f.Event["retained"]) != "true" {
				continue
			}
			payload := pick(f.Event, "topic", "message", "headers", "reply_to")
			payload["retain"] = true
			if err := e.emit(commandLine{Command: "pubsub.publish", Payload: payload}); err != nil {
				return "", err
			}
		}
		return page.NextCursor, nil
	})
}
