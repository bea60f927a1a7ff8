package mcp

// Followed is how many addresses clients with sessions follow.
func (s *Server) Followed() int { return s.follows.count() }
