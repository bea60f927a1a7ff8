package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
)

// Bounds of making an answer fit.
const (
	maxPageTries = 5        // how often a page is asked for again, each time smaller
	longestKept  = 16 << 10 // values are cut to this length first, then to half of it, …
	shortestCut  = 1 << 10  // … and to no less: receipts, cursors and names are shorter and stay whole
)

// fit makes an answer that is too long fit. What only reads and goes on by a cursor is read again in a smaller page. Anything else has
// happened, and what it answered is not to be had again: a receipt that is lost is a message that nobody can settle. So its
// long values are cut, and say so.
func (s *Server) fit(ctx context.Context, t *tool, payload command.JSON, answer json.RawMessage) (json.RawMessage, error) {
	for range maxPageTries {
		smaller := t.smallerPage(payload, answer)
		if smaller == nil {
			break
		}
		resp, err := s.run(ctx, &command.Request{Caller: auth.FromContext(ctx), Command: t.command, Payload: smaller})
		if err != nil {
			return nil, err
		}
		if answer, err = t.present(resp); err != nil || !tooLong(answer) {
			return answer, err
		}
		payload = smaller
	}
	for most := longestKept; most >= shortestCut; most /= 2 {
		if short := cutStrings(answer, most); !tooLong(short) {
			return short, nil
		}
	}
	return nil, t.refuse(len(answer))
}

// smallerPage is the request for a page that is likely to fit, or nil when there is none: the command does more than read, or its answer
// would not say that there is more, or one entry alone is too long.
func (t *tool) smallerPage(payload command.JSON, answer json.RawMessage) command.JSON {
	if !t.command.ReadOnly() || !t.command.Idempotent() || t.command.Kind == command.KindWatch {
		return nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(payload, &fields) != nil {
		return nil
	}
	share := 0.9 * min(float64(maxAnswerBytes)/float64(len(answer)), float64(maxAnswerTokens)/float64(weigh(answer)))
	asks, says := t.command.RequestSchema().Properties, t.command.ResponseSchema().Properties
	var was, least float64
	bound := "max_bytes" // who takes this ends pages, and cuts values, by itself
	if s := asks[bound]; s != nil && json.Unmarshal(fields[bound], &was) == nil {
		if s.Minimum != nil {
			least = *s.Minimum
		}
	} else if bound = "limit"; asks[bound] != nil && says["next_cursor"] != nil {
		was, least = float64(longestList(answer)), 1
	}
	next := max(least, math.Floor(share*was))
	if next >= was {
		return nil
	}
	fields[bound] = json.RawMessage(strconv.FormatFloat(next, 'f', -1, 64))
	text, err := encode(fields)
	if err != nil {
		return nil
	}
	return command.JSON(text)
}

// longestList is how many entries the longest list of an answer has.
func longestList(answer json.RawMessage) int {
	var members map[string]json.RawMessage
	if json.Unmarshal(answer, &members) != nil {
		return 0
	}
	most := 0
	for _, m := range members {
		var list []json.RawMessage
		if kindOf(m) == "array" && json.Unmarshal(m, &list) == nil {
			most = max(most, len(list))
		}
	}
	return most
}

// cutStrings cuts every text in a JSON value that is longer than so many bytes, and says so where it is cut. The order of members is kept.
func cutStrings(raw json.RawMessage, most int) json.RawMessage {
	raw = bytes.TrimSpace(raw)
	if len(raw) <= most {
		return raw
	}
	switch kindOf(raw) {
	case "string":
		return cutString(raw, most)
	case "array":
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) != nil {
			return raw
		}
		out := []byte("[")
		for i, item := range items {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, cutStrings(item, most)...)
		}
		return append(out, ']')
	case "object":
		out, err := eachMember(raw, func(v json.RawMessage) json.RawMessage { return cutStrings(v, most) })
		if err != nil {
			return raw
		}
		return out
	}
	return raw
}

func cutString(raw json.RawMessage, most int) json.RawMessage {
	var text string
	if json.Unmarshal(raw, &text) != nil || len(text) <= most {
		return raw
	}
	end := most
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	cut, err := encode(fmt.Sprintf("%s…[cut here: %d of %d bytes are shown, which is all that fits into a tool's answer]", text[:end], end, len(text)))
	if err != nil {
		return raw
	}
	return cut
}

// eachMember replaces every member of an object.
func eachMember(raw json.RawMessage, with func(json.RawMessage) json.RawMessage) (json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	out := []byte("{")
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return nil, err
		}
		quoted, err := encode(name)
		if err != nil {
			return nil, err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, quoted...), ':'), with(v)...)
	}
	return append(out, '}'), nil
}
