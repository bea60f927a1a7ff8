package queue

// BoundSaves sets the bounds of saving for a test: how many bytes and messages one call of Save handles, and how many
// bytes are put aside. It returns what sets them back.
func BoundSaves(bytes, looks int, aside int64) (reset func()) {
	b, l, a := saveBytes, saveLooks, maxAside
	saveBytes, saveLooks, maxAside = bytes, looks, aside
	return func() { saveBytes, saveLooks, maxAside = b, l, a }
}

// Savings is how many queues are in the middle of being saved.
func (s *Queues) Savings() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.savings)
}
