package core

// MeasureOnlyData has the limit of memory held against what the data says it takes, and not against the heap, which in a
// test is not the engine's alone. It is called before the first command that is limited.
func (e *Engine) MeasureOnlyData() {
	e.limited.Measure = e.dataBytes
	e.dispatcher.Limit(e.limited)
}
