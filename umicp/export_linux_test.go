package umicp

import "time"

// AnyTurn lets a session take as long as it takes of its loop's time, until reset is called.
func AnyTurn() (reset func()) {
	longTurn = 24 * time.Hour
	return func() { longTurn = 2 * time.Millisecond }
}

// Writing has somebody write to all peers, which takes until release is called.
func (s *Server) Writing() (release func()) {
	all := s.sessions.list()
	for _, x := range all {
		x.writing.Lock()
	}
	return func() {
		for _, x := range all {
			x.writing.Unlock()
			_ = x.flush() // as everybody who writes
		}
	}
}

// Spread returns how many of those who send much each loop has.
func (s *Server) Spread() (each []int) {
	s.loops.mu.Lock()
	defer s.loops.mu.Unlock()
	for _, l := range s.loops.all {
		each = append(each, int(l.deep.Load()))
	}
	return each
}
