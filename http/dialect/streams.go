package dialect

import (
	"encoding/json"

	"github.com/hivellm/synap-go/core/fault"
)

var streamCommands = map[string]func(*call) (any, error){
	"stream.create":        (*call).createRoom,
	"stream.get_or_create": (*call).haveRoom,
	"stream.publish":       about((*call).appendEvent, "room"),
	"stream.consume":       about((*call).readEvents, "room"),
	"stream.stats":         about((*call).roomStats, "room"),
	"stream.list":          (*call).rooms,
	"stream.delete":        about((*call).deleteRoom, "room"),
}

func roomNotFound(room string) error { return invalid("Room '%s' not found", clip(room)) }

func (c *call) newRoom(ifAbsent bool) (room string, created bool, err error) {
	if room, err = c.need("room"); err != nil {
		return "", false, err
	}
	request := object{"room": room, "if_absent": ifAbsent}
	if n := c.size("max_events"); n > 0 {
		request["max_events"] = n
	}
	var got struct{ Created bool }
	err = c.do("stream.create", request, &got)
	if is(err, fault.AlreadyExists) {
		err = invalid("Room '%s' already exists", clip(room))
	}
	return room, got.Created, err
}

func (c *call) createRoom() (any, error) {
	room, _, err := c.newRoom(false)
	if err != nil {
		return nil, err
	}
	return object{"success": true, "room": room}, nil
}

func (c *call) haveRoom() (any, error) {
	room, created, err := c.newRoom(true)
	if err != nil {
		return nil, err
	}
	return object{"success": true, "room": room, "created": created}, nil
}

func (c *call) appendEvent(room string) (any, error) {
	event, err := c.need("event")
	if err != nil {
		return nil, err
	}
	data, err := c.value("data")
	if err != nil {
		return nil, err
	}
	request := object{"room": room, "event": event, "data": data}
	if headers := c.strings("metadata"); len(headers) > 0 {
		request["headers"] = headers
	}
	var got struct{ Offset uint64 }
	if err := c.do("stream.append", request, &got); err != nil {
		return nil, err
	}
	return object{"offset": got.Offset, "room": room}, nil
}

// happened is an event as native commands tell it.
type happened struct {
	Kind    string            `json:"kind"` // of a watch's: event, lost or reset
	Offset  uint64            `json:"offset"`
	Event   string            `json:"event"`
	Data    json.RawMessage   `json:"data"`
	Headers map[string]string `json:"headers"`
	At      int64             `json:"at"`
}

// readEvents reads a room. In this language an event's data is the text of its JSON, as an array of bytes: SDKs parse it.
func (c *call) readEvents(room string) (any, error) {
	if _, err := c.need("subscriber_id"); err != nil {
		return nil, err
	}
	from, limit := c.size("from_offset"), int64(100)
	if n, ok := c.number("limit"); ok && n > 0 {
		limit = min(n, 10_000)
	}
	var got struct {
		Events     []happened
		Next       uint64 `json:"next_offset"`
		Oldest     uint64 `json:"oldest_offset"`
		Lost       uint64
		Generation uint64
	}
	if err := c.do("stream.read", object{"room": room, "from_offset": from, "limit": limit}, &got); err != nil {
		return nil, err
	}
	switch {
	case got.Generation == 0:
		return nil, roomNotFound(room)
	case got.Lost > 0:
		return nil, invalid("Stream offset %d out of range; earliest retained offset is %d", from, got.Oldest)
	}
	events := make([]object, len(got.Events))
	for i := range got.Events {
		e := &got.Events[i]
		if e.Headers == nil {
			e.Headers = map[string]string{}
		}
		events[i] = object{
			"offset": e.Offset, "room": room, "event": e.Event, "data": octets(quotedText(e.Data)), "timestamp": e.At / 1000, "metadata": e.Headers,
		}
	}
	return object{"events": events, "next_offset": got.Next}, nil
}

// quotedText is a native value as the text of its JSON, which is the content of a value again.
func quotedText(raw json.RawMessage) json.RawMessage {
	if _, binary := bytesOf(raw); binary {
		return raw
	}
	return quoted(string(raw))
}

func (c *call) roomStats(room string) (any, error) {
	var got struct {
		Events, Generation uint64
		Groups             []string
		Partitions         []struct {
			Oldest uint64 `json:"oldest_offset"`
			Next   uint64 `json:"next_offset"`
		}
	}
	err := c.do("stream.stats", object{"room": room}, &got)
	if is(err, fault.NotFound) {
		err = roomNotFound(room)
	}
	if err != nil {
		return nil, err
	}
	var oldest, last, published uint64
	for i, p := range got.Partitions {
		published += p.Next
		last = max(last, max(p.Next, 1)-1)
		if i == 0 || p.Oldest < oldest {
			oldest = p.Oldest
		}
	}
	return object{
		"name": room, "room": room, "message_count": got.Events, "min_offset": oldest, "max_offset": last,
		"subscriber_count": len(got.Groups), "total_published": published, "generation": got.Generation,
	}, nil
}

func (c *call) rooms() (any, error) {
	names, err := c.names("stream.list", "room")
	if err != nil {
		return nil, err
	}
	return object{"rooms": names, "count": len(names)}, nil
}

func (c *call) deleteRoom(room string) (any, error) {
	var got struct{ Found bool }
	if err := c.do("stream.delete", object{"room": room}, &got); err != nil {
		return nil, err
	}
	if !got.Found {
		return nil, roomNotFound(room)
	}
	return object{"success": true, "deleted": room}, nil
}
