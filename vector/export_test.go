package vector

// SmallSaves makes the bounds of one call of Save small, until what it returns is called.
func SmallSaves(bytes, points int) (restore func()) {
	b, p := saveBytes, savePoints
	saveBytes, savePoints = bytes, points
	return func() { saveBytes, savePoints = b, p }
}

// Build does one round of the sweeper's work on every graph, and reports whether there is more.
func (s *Collections) Build() (more bool) {
	for _, e := range s.all() {
		more = e.build() || more
	}
	return more
}
