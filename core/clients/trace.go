package clients

import "context"

// Trace says which request of its caller's a call belongs to, so that what is logged here can be found from there.
type Trace struct {
	RequestID string // the caller's name for the request; "" when it gave none
	TraceID   string // of a W3C trace: 32 lower-case hexadecimal digits, or ""
	SpanID    string // the caller's span: 16 of them, or ""
}

type traceKey struct{}

// WithTrace returns a context that carries the trace.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceOf returns the trace that the context carries; the zero Trace when there is none.
func TraceOf(ctx context.Context) Trace {
	if t, ok := ctx.Value(traceKey{}).(*Trace); ok {
		return *t
	}
	return Trace{}
}

// MaxRequestIDBytes bounds a request id; a longer one is ignored.
const MaxRequestIDBytes = 128

// NewTrace reads what a caller sent about its request. What is not well formed is left out, so that nothing of a caller's
// choosing but printable ASCII reaches a log.
func NewTrace(requestID, traceparent string) (t Trace) {
	if printable(requestID) {
		t.RequestID = requestID
	}
	t.TraceID, t.SpanID = parseTraceparent(traceparent)
	return t
}

func printable(id string) bool {
	if len(id) > MaxRequestIDBytes {
		return false
	}
	for i := range len(id) {
		if id[i] < 0x21 || id[i] > 0x7e {
			return false
		}
	}
	return true
}

// parseTraceparent reads the header of that name, as W3C Trace Context has it: version, trace id, span id and flags,
//
//	00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
//
// A version that is not known yet may have more behind the flags.
func parseTraceparent(s string) (traceID, spanID string) {
	const length = 2 + 1 + 32 + 1 + 16 + 1 + 2
	if len(s) < length || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return "", ""
	}
	version, trace, span := s[:2], s[3:35], s[36:52]
	switch {
	case !lowerHex(version) || version == "ff" || !lowerHex(trace) || !lowerHex(span) || !lowerHex(s[53:55]):
		return "", ""
	case version == "00" && len(s) != length, len(s) > length && s[length] != '-':
		return "", ""
	case allZero(trace) || allZero(span):
		return "", ""
	}
	return trace, span
}

func lowerHex(s string) bool {
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return true
}

func allZero(s string) bool {
	for i := range len(s) {
		if s[i] != '0' {
			return false
		}
	}
	return true
}
