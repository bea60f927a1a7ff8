package main

import "encoding/json"

// roomStats is what stream.stats answers.
type roomStats struct {
	MaxEvents    int64    `json:"max_events"`
	MaxBytes     int64    `json:"max_bytes"`
	MaxAgeMS     int64    `json:"max_age_ms"`
	KeepUnread   int64    `json:"keep_unread_bytes"`
	DedupeWindow int64    `json:"dedupe_window_ms"`
	Groups       []string `json:"groups"`
	Partitions   []struct {
		Partition int    `json:"partition"`
		Oldest    uint64 `json:"oldest_offset"`
		Next      uint64 `json:"next_offset"`
	} `json:"partitions"`
}

// rooms writes every room with its events, and how far its groups are.
func (e *exporter) rooms() error {
	return pages(func(cursor string) (string, error) {
		var page struct {
			Items []struct {
				Room string `json:"room"`
			} `json:"items"`
			NextCursor string `json:"next_cursor"`
		}
		if err := e.ask("stream.list", request(cursor, map[string]any{"limit": 1000}), &page); err != nil {
			return "", err
		}
		for _, it := range page.Items {
			if err := ignoreMissing(e.room(it.Room)); err != nil {
				return "", err
			}
		}
		return page.NextCursor, nil
	})
}

func (e *exporter) room(name string) error {
	var s roomStats
	if err := e.ask("stream.stats", map[string]any{"room": name}, &s); err != nil {
		return err
	}
	err := e.emit(commandLine{Command: "stream.create", Payload: map[string]any{
		"room": name, "partitions": len(s.Partitions), "max_events": s.MaxEvents, "max_bytes": s.MaxBytes, "max_age_ms": s.MaxAgeMS,
		"keep_unread_bytes": s.KeepUnread, "dedupe_window_ms": s.DedupeWindow,
	}})
	oldest := map[int]uint64{}
	for _, p := range s.Partitions {
		oldest[p.Partition] = p.Oldest
		if err == nil {
			err = e.events(name, p.Partition, p.Oldest, p.Next, len(s.Partitions) > 1)
		}
	}
	for _, group := range s.Groups {
		if err == nil {
			err = ignoreMissing(e.group(name, group, oldest))
		}
	}
	return err
}

// events writes the events of a partition from one offset up to another: what is appended meanwhile is not waited for.
func (e *exporter) events(room string, partition int, from, to uint64, several bool) error {
	for from < to {
		var page struct {
			Events []map[string]json.RawMessage `json:"events"`
			Next   uint64                       `json:"next_offset"`
		}
		asked := map[string]any{"room": room, "partition": partition, "from_offset": from, "limit": min(to-from, 1000), "max_bytes": 4 << 20}
		if err := e.ask("stream.read", asked, &page); err != nil {
			return err
		}
		for _, event := range page.Events {
			payload := pick(event, "event", "data", "headers", "key")
			if payload["room"] = room; several {
				payload["partition"] = partition
			}
			if err := e.emit(commandLine{Command: "stream.append", Payload: payload}); err != nil {
				return err
			}
		}
		if len(page.Events) == 0 || page.Next <= from {
			return nil
		}
		from = page.Next
	}
	return nil
}

// importer is the member as which an import says how far a group is.
const importer = "synap-import"

// group writes a group and how far it is. Offsets count from the oldest event that was written.
func (e *exporter) group(room, name string, oldest map[int]uint64) error {
	var s struct {
		Assignment string `json:"assignment"`
		SessionMS  int64  `json:"session_ms"`
		Partitions []struct {
			Partition int    `json:"partition"`
			Committed uint64 `json:"committed"`
		} `json:"partitions"`
	}
	if err := e.ask("stream.group.stats", map[string]any{"room": room, "group": name}, &s); err != nil {
		return err
	}
	member := map[string]any{"room": room, "group": name, "member": importer}
	offsets := make([]map[string]any, len(s.Partitions))
	for i, p := range s.Partitions {
		offsets[i] = map[string]any{"partition": p.Partition, "offset": p.Committed - min(p.Committed, oldest[p.Partition])}
	}
	for _, l := range []commandLine{
		{Command: "stream.group.create", Payload: map[string]any{
			"room": room, "group": name, "assignment": s.Assignment, "session_ms": s.SessionMS, "if_absent": true,
		}},
		{Command: "stream.group.join", Payload: member},
		{
			Command:    "stream.group.commit",
			Payload:    map[string]any{"room": room, "group": name, "member": importer, "offsets": offsets},
			FromAnswer: map[string]string{"generation": "generation"},
		},
		{Command: "stream.group.leave", Payload: member},
	} {
		if err := e.emit(l); err != nil {
			return err
		}
	}
	return nil
}
