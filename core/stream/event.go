package stream

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// Event is one entry of a stream. It is shared by all who read it and never changes.
type Event struct {
	Offset    uint64            `json:"offset" jsonschema:"its place in the partition: the first is 0, and there are no gaps"`
	Event     string            `json:"event,omitempty" jsonschema:"its type"`
	Data      value.Value       `json:"data"`
	Headers   map[string]string `json:"headers,omitempty"`
	Key       string            `json:"key,omitempty" jsonschema:"what it is about: events with the same key are in the same partition"`
	At        int64             `json:"at" jsonschema:"when it was appended, in Unix milliseconds"`
	By        string            `json:"by,omitempty" jsonschema:"who appended it"`
	Truncated int               `json:"truncated,omitempty" jsonschema:"how many bytes the data really has; set when it was cut to value_bytes"`

	dedupe string // the caller's dedupe id
	size   int32  // about how many bytes of memory it takes
}

// eventBytes is about what an event costs besides its strings.
const eventBytes = 136

// weigh fills in the event's size.
func (e *Event) weigh() {
	n := eventBytes + len(e.Event) + e.Data.Len() + len(e.Key) + len(e.dedupe)
	for k, v := range e.Headers {
		n += headerBytes + len(k) + len(v)
	}
	e.size = int32(min(n, math.MaxInt32)) //nolint:gosec // bounded
}

// headerBytes is about what a header costs besides its strings.
const headerBytes = 48

// cut returns the event, or a copy with less data if it has more than so many bytes; 0 is no bound. Cut JSON
// is text: it is no longer JSON.
func (e *Event) cut(most int) *Event {
	if most == 0 || e.Data.Len() <= most {
		return e
	}
	c := *e
	c.Truncated = e.Data.Len()
	head := e.Data.Data()[:most]
	if e.Data.Kind() == value.Bytes {
		c.Data = value.Restore(value.Bytes, head)
		return &c
	}
	for i := 0; i < utf8.UTFMax && head != "" && !utf8.ValidString(head[max(0, len(head)-utf8.UTFMax):]); i++ {
		// The cut went through a character, or the last few bytes begin in the middle of one.
		if r, size := utf8.DecodeLastRuneInString(head); r != utf8.RuneError || size > 1 {
			break
		}
		head = head[:len(head)-1]
	}
	c.Data = value.OfText(head)
	return &c
}

// filter says which event types are wanted: "" all, "a.b" just that one, "a.*" all that begin with "a.".
type filter struct {
	name   string
	prefix bool
}

func newFilter(pattern string) filter {
	name, prefix := strings.CutSuffix(pattern, "*")
	return filter{name, prefix || pattern == ""}
}

func (f filter) all() bool { return f.prefix && f.name == "" }

func (f filter) matches(e *Event) bool {
	if f.prefix {
		return strings.HasPrefix(e.Event, f.name)
	}
	return e.Event == f.name
}

// checkFilter refuses patterns with a star elsewhere than at the end.
func checkFilter(pattern string) error {
	if i := strings.IndexByte(pattern, '*'); i >= 0 && i < len(pattern)-1 {
		return fault.New(fault.Invalid, "%q: a * stands at the end only, for everything that begins so", pattern).With("field", "event")
	}
	return checkText("event", pattern)
}

// checkRoom refuses what cannot be a room's name.
func checkRoom(name string) error {
	if len(name) > MaxRoomBytes {
		return fault.New(fault.TooLarge, "the room's name is %d bytes long; at most %d are allowed", len(name), MaxRoomBytes).
			With("field", "room").With("limit", MaxRoomBytes)
	}
	return checkText("room", name)
}

// checkName refuses what cannot be an event type, a key, a group or the like. It may be empty.
func checkName(field, name string) error {
	if len(name) > MaxNameBytes {
		return fault.New(fault.TooLarge, "%q is %d bytes long; at most %d are allowed", field, len(name), MaxNameBytes).
			With("field", field).With("limit", MaxNameBytes)
	}
	return checkText(field, name)
}

func checkText(field, text string) error {
	if !utf8.ValidString(text) {
		return fault.New(fault.Invalid, "%q is not UTF-8", field).With("field", field)
	}
	return nil
}

// reserved is how headers begin that say where an event of another server comes from. They do not count among an event's
// own, so that one with as many as there may be can be brought here.
const reserved = "synap."

func isReserved(header string) bool { return strings.HasPrefix(header, reserved) }

// maxReserved bounds those headers; they are three.
const (
	maxReserved      = 8
	maxReservedBytes = 1 << 10
)

func checkHeaders(headers map[string]string) error {
	size, theirs, theirSize := 0, 0, 0
	for k, v := range headers {
		if isReserved(k) {
			theirs++
			theirSize += len(k) + len(v)
		} else {
			size += len(k) + len(v)
		}
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return fault.New(fault.Invalid, "a header is not UTF-8").With("field", "headers")
		}
	}
	if n := len(headers) - theirs; n > MaxHeaders || size > MaxHeaderBytes || theirs > maxReserved || theirSize > maxReservedBytes {
		return fault.New(fault.TooLarge, "%d headers of %d bytes in all; at most %d of %d bytes are allowed",
			len(headers), size+theirSize, MaxHeaders, MaxHeaderBytes).With("field", "headers")
	}
	return nil
}
