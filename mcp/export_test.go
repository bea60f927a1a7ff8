package mcp

import "strconv"

// FewEvents bounds the events of a session, until what it returns is called.
func FewEvents(most int) (restore func()) {
	before := maxEventsPerSession
	maxEventsPerSession = most
	return func() { maxEventsPerSession = before }
}

// Followed is how many addresses clients with sessions follow.
func (s *Server) Followed() int { return s.follows.count() }

// Quick is what a quick call was understood to say.
type Quick struct {
	ID, Method, Name, Arguments string
	Modern                      bool
}

// Quick reports whether a message is answered without mcp-go, and what it was understood to say.
func (s *Server) Quick(message []byte) (said Quick, ok bool) {
	c, ok := s.quick(message)
	if !ok {
		return Quick{}, false
	}
	return Quick{string(c.id), string(c.method), c.name, string(c.arguments), c.modern()}, true
}

// Waiting is how many quick calls are in progress that can be taken back.
func (s *Server) Waiting() int { return s.waiting.count() }

// Streams is how many streams of the older transport are open.
func (s *Server) Streams() int { return s.lines.count() }

// MostStreams is how many streams of the older transport one principal can open.
func MostStreams() (n int) {
	for ls := newLines(); ls.add(&eventLine{owner: "ann", pipe: &pipe{id: strconv.Itoa(n)}}); n++ {
	}
	return n
}

// Asking is how many questions have no answer yet.
func (s *Server) Asking() int { return s.asking.count() }

// The bounds of questions.
const (
	MaxAskTime        = maxAskTime
	MaxAsksPerSession = maxAsksPerSession
)
