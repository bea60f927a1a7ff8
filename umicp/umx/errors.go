package umx

import (
	"errors"
	"fmt"

	"github.com/hivellm/synap-go/core/fault"
)

// Code is the number of an error on the wire. 1 to 23 are those of the C++ implementation. They are permanent.
type Code uint16

// The codes that are sent.
const (
	InvalidEnvelope      Code = 1
	InvalidFrame         Code = 2
	AuthenticationFailed Code = 3
	DecompressionFailed  Code = 6
	TimedOut             Code = 9 // a peer took too long; a call's own time is DeadlineExceeded
	BufferOverflow       Code = 10
	InvalidArgument      Code = 12
	NotImplemented       Code = 13
	InvalidState         Code = 14
	NotFound             Code = 16
	ProtocolError        Code = 21
	Cancelled            Code = 24
	DeadlineExceeded     Code = 25
	ResourceExhausted    Code = 26
	Unsupported          Code = 27
	ChecksumMismatch     Code = 28
	PermissionDenied     Code = 29
	Unavailable          Code = 30
	Conflict             Code = 31
	OutOfRange           Code = 32
	AlreadyExists        Code = 33
	Internal             Code = 34
	NotPrimary           Code = 35
	DataCorrupt          Code = 36
)

var codeNames = map[Code]string{
	1: "INVALID_ENVELOPE", 2: "INVALID_FRAME", 3: "AUTHENTICATION_FAILED", 4: "DECRYPTION_FAILED", 5: "COMPRESSION_FAILED",
	6: "DECOMPRESSION_FAILED", 7: "SERIALIZATION_FAILED", 8: "NETWORK_ERROR", 9: "TIMEOUT", 10: "BUFFER_OVERFLOW",
	11: "MEMORY_ALLOCATION", 12: "INVALID_ARGUMENT", 13: "NOT_IMPLEMENTED", 14: "INVALID_STATE", 15: "NOT_CONNECTED",
	16: "NOT_FOUND", 17: "TRANSMISSION_ERROR", 18: "INVALID_CONFIG", 19: "INITIALIZATION_FAILED", 20: "CONNECTION_FAILED",
	21: "PROTOCOL_ERROR", 22: "FILE_ERROR", 23: "PARSE_ERROR", 24: "CANCELLED", 25: "DEADLINE_EXCEEDED",
	26: "RESOURCE_EXHAUSTED", 27: "UNSUPPORTED", 28: "CHECKSUM_MISMATCH", 29: "PERMISSION_DENIED", 30: "UNAVAILABLE",
	31: "CONFLICT", 32: "OUT_OF_RANGE", 33: "ALREADY_EXISTS", 34: "INTERNAL", 35: "NOT_PRIMARY", 36: "DATA_CORRUPT",
}

// String returns the code's permanent name.
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return name
	}
	return fmt.Sprintf("CODE_%d", uint16(c))
}

// byFault are the numbers of a command's errors; no two have the same, so that a code survives the way.
var byFault = [fault.NumCodes]Code{
	fault.Invalid: InvalidArgument, fault.OutOfRange: OutOfRange, fault.Unauthenticated: AuthenticationFailed,
	fault.Denied: PermissionDenied, fault.NotFound: NotFound, fault.AlreadyExists: AlreadyExists, fault.Conflict: Conflict,
	fault.TooLarge: BufferOverflow, fault.Unsupported: Unsupported, fault.Exhausted: ResourceExhausted,
	fault.Internal: Internal, fault.Corrupt: DataCorrupt, fault.Unavailable: Unavailable, fault.Canceled: Cancelled,
	fault.Timeout: DeadlineExceeded, fault.NotPrimary: NotPrimary,
}

// FromFault is the number under which a command's error travels.
func FromFault(c fault.Code) Code {
	if int(c) < len(byFault) && byFault[c] != 0 {
		return byFault[c]
	}
	return Internal
}

// Fault is the code of a command's error that came under this number, and of a codec's errors what is nearest.
func (c Code) Fault() fault.Code {
	for f, known := range byFault {
		if known == c && f > 0 {
			return fault.Code(f) //nolint:gosec // an index of a short array
		}
	}
	switch c {
	case InvalidEnvelope, InvalidFrame, InvalidState, ProtocolError, DecompressionFailed:
		return fault.Invalid
	case ChecksumMismatch:
		return fault.Corrupt
	case NotImplemented:
		return fault.Unsupported
	case TimedOut:
		return fault.Timeout
	}
	return fault.Internal
}

// Retryable reports whether the same request may succeed later.
func (c Code) Retryable() bool {
	return c == ResourceExhausted || c == Unavailable || c == DeadlineExceeded || c == TimedOut || c == ChecksumMismatch
}

// Error is why bytes are not a frame, or why a session ended.
type Error struct {
	Code   Code
	Reason string // a sentence, lower case, no full stop
}

// Error implements error.
func (e *Error) Error() string { return e.Reason }

// Errorf returns an Error; the reason is formatted as by fmt.Sprintf.
func Errorf(code Code, format string, args ...any) *Error { return errorf(code, format, args...) }

// CodeOf is the code of an Error, or the number of a command's error, or Internal.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return FromFault(fault.CodeOf(err))
}

func errorf(code Code, format string, args ...any) *Error {
	return &Error{code, fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *Error { return errorf(InvalidFrame, format, args...) }

func unsupported(format string, args ...any) *Error { return errorf(Unsupported, format, args...) }
