package umicp

import (
	"net/http"
	"runtime/debug"

	"github.com/hivellm/synap-go/core/fault"
)

// A command that fails is answered in an envelope with HTTP status 200. What is here is for a request that
// did not get as far: it has no envelope that could be answered.

// statuses are the HTTP statuses of the refusals that this door makes itself.
var statuses = map[fault.Code]int{
	fault.Invalid:         http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.Canceled:        499, // the client went away while it was sending
}

// refuse answers with an error and no envelope.
func (s *Server) refuse(w http.ResponseWriter, err error) {
	known := fault.From(err)
	status, ok := statuses[known.Code]
	if !ok {
		status = http.StatusInternalServerError
		s.log.WithError(err).WithField("door", "umicp").Error("request failed")
	}
	s.write(w, status, refusal{known})
}

// refusal is the body of an answer that is no envelope, the same as at the HTTP door.
type refusal struct {
	Error *fault.Error `json:"error"`
}

// write answers with a JSON document.
func (s *Server) write(w http.ResponseWriter, status int, document any) {
	body, err := encode(document)
	if err != nil {
		s.log.WithError(err).WithField("door", "umicp").Error("an answer does not encode")
		status, body = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"internal error"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client went away: there is nobody to tell
}

// fell is deferred where a session's frames are taken or its answers made: a panic there is a bug, which ends the session and not the
// server. then, if not nil, is told why; the connection is closed by then, since nobody knows in what state the session is.
func (x *session) fell(then func(error)) {
	p := recover()
	if p == nil {
		return
	}
	x.server.log.WithField("door", "umicp").WithField("peer", x.peer).Errorf("panic: %v\n%s", p, debug.Stack())
	why := fault.New(fault.Internal, "internal error")
	x.cancel(why)
	x.link.close()
	if then != nil {
		then(why)
	}
}
