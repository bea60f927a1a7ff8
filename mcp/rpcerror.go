package mcp

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/hivellm/synap-go/core/fault"
)

// rpcFault is a JSON-RPC error with a code and data of its own. mcp-go answers whatever a handler returns as an internal
// error, with the error's text; so the text carries the rest, and restore takes it out again before it is sent. The mark
// is random, so that no stored text can pass for one.
type rpcFault struct {
	Code    int            `json:"code"`
	Message string         `json:"message"`
	Data    map[string]any `json:"data,omitempty"`
}

var rpcMark = "rpc-" + rand.Text() + ":"

// Error implements error.
func (f *rpcFault) Error() string {
	text, err := json.Marshal(f)
	if err != nil {
		return f.Message
	}
	return rpcMark + base64.StdEncoding.EncodeToString(text) + "."
}

// restore puts the errors in a message, or in an event of a stream, right, and returns the HTTP status that goes with
// them; 0 when there is nothing to put right.
func restore(message []byte) (right []byte, status int) {
	at := bytes.Index(message, []byte(rpcMark))
	if at < 0 {
		return message, 0
	}
	start, end := bytes.IndexByte(message, '{'), bytes.LastIndexByte(message, '}')
	rest := message[at+len(rpcMark):]
	stop := bytes.IndexByte(rest, '.')
	if start < 0 || end < start || stop < 0 {
		return message, 0
	}
	var response map[string]json.RawMessage
	var f rpcFault
	text, err := base64.StdEncoding.DecodeString(string(rest[:stop]))
	if err != nil || json.Unmarshal(text, &f) != nil || json.Unmarshal(message[start:end+1], &response) != nil {
		return message, 0
	}
	response["error"] = text
	whole, err := encode(response)
	if err != nil {
		return message, 0
	}
	status = http.StatusOK
	if f.Code == codeMissingCapability {
		status = http.StatusBadRequest
	}
	return bytes.Join([][]byte{message[:start], whole, message[end+1:]}, nil), status
}

// The codes of errors that mcp-go does not know, or not in every revision.
const codeMissingCapability = -32021

// notThere is the error for a resource that does not exist. Revisions differ in its code.
func notThere(modern bool, uri, message string) error {
	code := mcp.RESOURCE_NOT_FOUND
	if modern {
		code = mcp.INVALID_PARAMS
	}
	return &rpcFault{Code: code, Message: message, Data: map[string]any{"uri": uri}}
}

// rpcOf is a command's fault as a protocol error about a resource.
func rpcOf(modern bool, uri string, err error) error {
	f := fault.From(err)
	switch f.Code {
	case fault.NotFound:
		return notThere(modern, uri, f.Message)
	case fault.Invalid, fault.OutOfRange, fault.Denied, fault.TooLarge, fault.Unsupported:
		return &rpcFault{Code: mcp.INVALID_PARAMS, Message: f.Code.String() + ": " + f.Message, Data: map[string]any{"uri": uri}}
	}
	return &rpcFault{Code: mcp.INTERNAL_ERROR, Message: f.Code.String() + ": " + f.Message, Data: map[string]any{"uri": uri}}
}
