package umicp

import "github.com/hivellm/synap-go/core/command"

// spares are what a loop makes calls with, again and again: requests to decode into and responses to answer with, one of each for every
// command, since most calls are of a few commands and are over before the next one. What is taken and cannot be given back, because somebody has
// yet to look at it, is made anew. They are for one goroutine.
type spares struct {
	_     [128]byte                         // no cache line is another loop's as well, nor one fetched along with it
	all   []struct{ request, response any } // by the row's place
	asked asked                             // the call that is made
	owed  command.Owed                      // what it owes
	watch command.Stopwatch                 // of all calls of a turn of everybody's
	_     [128]byte                         // as above
}

func newSpares(s *Server) *spares {
	return &spares{all: make([]struct{ request, response any }, len(s.rows))}
}

// request takes a fresh request.
func (s *spares) request(r *row) any {
	if s == nil {
		return r.command.NewRequest()
	}
	one := &s.all[r.place]
	req := one.request
	if req == nil {
		return r.command.NewRequest()
	}
	one.request = nil
	return req
}

// response takes a response, nil if there is none.
func (s *spares) response(r *row) any {
	if s == nil {
		return nil
	}
	one := &s.all[r.place]
	resp := one.response
	one.response = nil
	return resp
}

// giveBack takes back a request and the response to it, if nobody needs either any more.
func (s *spares) giveBack(r *row, request, response any) {
	if s == nil {
		return
	}
	r.command.Reset(request, response)
	one := &s.all[r.place]
	one.request, one.response = request, response
}
