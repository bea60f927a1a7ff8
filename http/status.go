package http

import (
	"net/http"
	"strconv"

	"github.com/hivellm/synap-go/core/fault"
)

// statusClientClosed is what a request is logged as whose caller went away. It is not one of net/http's.
const statusClientClosed = 499

var statuses = [fault.NumCodes]int{
	0:                     http.StatusOK,
	fault.Invalid:         http.StatusBadRequest,
	fault.OutOfRange:      http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Denied:          http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.AlreadyExists:   http.StatusConflict,
	fault.Conflict:        http.StatusConflict,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.Unsupported:     http.StatusUnsupportedMediaType,
	fault.Exhausted:       http.StatusTooManyRequests,
	fault.Internal:        http.StatusInternalServerError,
	fault.Corrupt:         http.StatusInternalServerError,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.Canceled:        statusClientClosed,
	fault.Timeout:         http.StatusGatewayTimeout,
	fault.NotPrimary:      http.StatusMisdirectedRequest,
}

// Status returns the HTTP status of an error. Exhausted is 507 when its detail "resource" says memory.
func Status(e *fault.Error) int {
	if e.Code == fault.Exhausted && e.Details["resource"] == "memory" {
		return http.StatusInsufficientStorage
	}
	return statuses[e.Code]
}

// setErrorHeaders adds the headers that go with an error: when to come again, where to go, how to say who one is.
func setErrorHeaders(h http.Header, e *fault.Error) {
	switch e.Code {
	case fault.Unauthenticated:
		h.Set("WWW-Authenticate", `Bearer realm="synap"`)
	case fault.Exhausted, fault.Unavailable:
		h.Set("Retry-After", strconv.FormatInt(retryAfter(e), 10))
	case fault.NotPrimary:
		if primary, ok := e.Details["primary"].(string); ok {
			h.Set("Location", primary)
		}
	}
}

// retryAfter is in whole seconds, at least one.
func retryAfter(e *fault.Error) int64 {
	switch ms := e.Details["retry_after_ms"].(type) {
	case int64:
		return max(1, (ms+999)/1000)
	case int:
		return max(1, int64(ms+999)/1000)
	}
	return 1
}

// failure is an error on the wire, the same in both encodings.
type failure struct {
	Code    string         `json:"code"`
	Message string         `json:"message"`
	Details map[string]any `json:"details,omitempty"`
}

func newFailure(err error) *failure {
	e := fault.From(err)
	return &failure{Code: e.Code.String(), Message: e.Message, Details: e.Details}
}

// errorAnswer is the body of a response that is nothing but an error.
type errorAnswer struct {
	Error *failure `json:"error"`
}
