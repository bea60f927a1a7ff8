package vector

// SmallSaves makes the bounds of one call of Save small, until what it returns is called.
func SmallSaves(bytes, points int) (restore func()) {
	b, p := saveBytes, savePoints
	saveBytes, savePoints = bytes, points
	return func() { saveBytes, savePoints = b, p }
}

// SmallAnswers bounds answers to so many bytes, until what it returns is called.
func SmallAnswers(bytes int) (restore func()) {
	b := maxAnswerBytes
	maxAnswerBytes = bytes
	return func() { maxAnswerBytes = b }
}

// Build does one round of the sweeper's work on graphs, and reports whether there is more.
func (s *Collections) Build() (more bool) { return s.build(s.all()) }
