// Package fault holds the error codes of Synap and the Error that carries one.
//
// Every error that reaches a client is an Error. Its code is for programs, its
// message for people, its details for both. A door translates the code into its
// own terms (an HTTP status, a UMICP number, an exit code); it never invents one.
package fault

import (
	"context"
	"errors"
	"fmt"
	"maps"
)

// Code says what kind of thing went wrong. The text form is permanent.
type Code uint8

// The codes. New ones are added at the end.
const (
	Invalid         Code = iota + 1 // the request is malformed or breaks a rule; sending it again cannot help
	OutOfRange                      // a position, offset or index that is not, or no longer, there
	Unauthenticated                 // no identity, or one that could not be verified
	Denied                          // a known identity that may not do this
	NotFound                        // the named thing does not exist
	AlreadyExists                   // the named thing exists and was asked to be new
	Conflict                        // a version or state that moved since the caller looked
	TooLarge                        // the request or a part of it is over a size limit
	Unsupported                     // understood, but not offered here
	Exhausted                       // a quota, rate or capacity is used up for now
	Internal                        // a bug in Synap
	Corrupt                         // stored or received bytes fail their checksum
	Unavailable                     // cannot serve now: starting, stopping, or the disk failed
	Canceled                        // the caller went away or cancelled
	Timeout                         // the caller's time ran out
	NotPrimary                      // a write reached a replica
)

var names = [...]string{
	Invalid: "invalid", OutOfRange: "out_of_range", Unauthenticated: "unauthenticated",
	Denied: "denied", NotFound: "not_found", AlreadyExists: "already_exists",
	Conflict: "conflict", TooLarge: "too_large", Unsupported: "unsupported",
	Exhausted: "exhausted", Internal: "internal", Corrupt: "corrupt",
	Unavailable: "unavailable", Canceled: "canceled", Timeout: "timeout",
	NotPrimary: "not_primary",
}

// NumCodes is one more than the largest code, so that [NumCodes]T is indexed by any of them;
// index 0 stands for success.
const NumCodes = len(names)

// String returns the code's permanent name; "ok" for zero.
func (c Code) String() string {
	if c == 0 {
		return "ok"
	}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("code(%d)", uint8(c))
}

// MarshalText writes the permanent name.
func (c Code) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads a permanent name.
func (c *Code) UnmarshalText(text []byte) error {
	parsed, ok := ParseCode(string(text))
	if !ok {
		return fmt.Errorf("unknown error code %q", text)
	}
	*c = parsed
	return nil
}

// ParseCode returns the code with the given permanent name.
func ParseCode(name string) (Code, bool) {
	for c, n := range names {
		if n == name && c > 0 {
			return Code(c), true
		}
	}
	return 0, false
}

// Codes returns every code, in order.
func Codes() []Code {
	all := make([]Code, 0, NumCodes-1)
	for c := Invalid; int(c) < NumCodes; c++ {
		all = append(all, c)
	}
	return all
}

// Error is a failure that a client can act on.
type Error struct {
	Code    Code           `json:"code"`
	Message string         `json:"message"`           // a sentence in the caller's terms: lower case, no full stop
	Details map[string]any `json:"details,omitempty"` // facts for programs: the field, the limit, the nearest match

	cause error // what happened inside; logged, never sent
}

// New returns an Error; the message is formatted as by fmt.Sprintf.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an Error whose cause is kept for the log but never shown to a client.
func Wrap(code Code, cause error, format string, args ...any) *Error {
	e := New(code, format, args...)
	e.cause = cause
	return e
}

// With returns a copy of e with one more detail.
func (e *Error) With(key string, v any) *Error {
	c := *e
	c.Details = make(map[string]any, len(e.Details)+1)
	maps.Copy(c.Details, e.Details)
	c.Details[key] = v
	return &c
}

// Error returns the message. The code is not part of it: doors show both.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the hidden cause, if any.
func (e *Error) Unwrap() error { return e.cause }

// From turns any error into an Error: an Error stays itself, the end of a context becomes Canceled or
// Timeout, and everything else becomes Internal with its text kept for the log only.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled):
		return Wrap(Canceled, err, "the request was cancelled")
	case errors.Is(err, context.DeadlineExceeded):
		return Wrap(Timeout, err, "the request ran out of time")
	}
	return Wrap(Internal, err, "internal error")
}

// CodeOf returns the code of err, zero for nil.
func CodeOf(err error) Code {
	if err == nil {
		return 0
	}
	return From(err).Code
}
