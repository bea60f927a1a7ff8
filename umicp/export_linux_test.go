package umicp

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
