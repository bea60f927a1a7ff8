package mcp

// FewEvents bounds the events of a session, until what it returns is called.
func FewEvents(most int) (restore func()) {
	before := maxEventsPerSession
	maxEventsPerSession = most
	return func() { maxEventsPerSession = before }
}

// Followed is how many addresses clients with sessions follow.
func (s *Server) Followed() int { return s.follows.count() }
