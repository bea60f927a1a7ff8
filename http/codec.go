package http

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// codec is one of the two encodings of requests and answers. Header values are shared: they are never changed.
type codec struct {
	contentType []string
	decoder     func([]byte) command.Decoder
	envelope    func([]byte) (*envelope, error)
	append      func(b []byte, v any) ([]byte, error)
}

var (
	jsonCodec = &codec{
		contentType: []string{"application/json"},
		decoder:     decodeJSON,
		envelope:    parseJSON,
		append:      appendJSON,
	}
	msgpackCodec = &codec{
		contentType: []string{"application/msgpack"},
		decoder:     decodeMsgPack,
		envelope:    parseMsgPack,
		append:      appendMsgPack,
	}
)

func decodeJSON(b []byte) command.Decoder    { return command.JSON(b) }
func decodeMsgPack(b []byte) command.Decoder { return command.MsgPack(b) }

// appendJSON appends v as one line of JSON, without escaping what only HTML minds.
func appendJSON(b []byte, v any) ([]byte, error) {
	buf := bytes.NewBuffer(b)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return buf.Bytes(), err
}

// mediaType is what a header says before its parameters, in lower case.
func mediaType(header string) string {
	media, _, _ := strings.Cut(header, ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// requestCodec returns how the body is encoded. What curl and plain forms send when they are told nothing is
// taken for JSON.
func requestCodec(r *http.Request) (*codec, error) {
	switch media := mediaType(first(r.Header, "Content-Type")); media {
	case "", "application/json", "text/json", "text/plain", "application/x-www-form-urlencoded":
		return jsonCodec, nil
	case "application/msgpack", "application/x-msgpack", "application/vnd.msgpack":
		return msgpackCodec, nil
	default:
		return nil, fault.New(fault.Unsupported,
			"content type %q is not understood: send application/json or application/msgpack", clip(media))
	}
}

// answerCodec returns how the caller wants its answer: as Accept says, and as it asked when Accept leaves it open.
func answerCodec(r *http.Request) *codec {
	for _, accept := range r.Header["Accept"] {
		for part := range strings.SplitSeq(accept, ",") {
			switch mediaType(part) {
			case "application/json":
				return jsonCodec
			case "application/msgpack", "application/x-msgpack", "application/vnd.msgpack":
				return msgpackCodec
			}
		}
	}
	if c, err := requestCodec(r); err == nil {
		return c
	}
	return jsonCodec
}

// stream is how a watch is answered while it goes on.
type stream uint8

const (
	noStream stream = iota
	serverSentEvents
	jsonLines
)

// String returns the kind's name, as in metrics.
func (s stream) String() string { return [...]string{"", "sse", "ndjson"}[s] }

func (s stream) contentType() string {
	return [...]string{"", "text/event-stream", "application/x-ndjson"}[s]
}

// streamOf returns the kind of stream that the caller accepts, noStream for an answer at once.
func streamOf(r *http.Request) stream {
	for _, accept := range r.Header["Accept"] {
		for part := range strings.SplitSeq(accept, ",") {
			switch mediaType(part) {
			case "text/event-stream":
				return serverSentEvents
			case "application/x-ndjson", "application/ndjson", "application/jsonl":
				return jsonLines
			}
		}
	}
	return noStream
}
