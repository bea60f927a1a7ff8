package command

// Measures are what a structure tells in numbers about each of its things, for whoever watches the server from outside. Like
// its commands they are declared once; a State that is a Measurer fills them in.
//
// What a server counts must not grow without bound, and what it holds may: whoever shows measures shows the largest things by
// name and puts the others together.
type Measures struct {
	// Labels are what a thing is named by: "queue", or "room" and "group"; none when it is the state as a whole.
	Labels []string
	// Gauges are the numbers. The first one says how large a thing is among the others.
	Gauges []Gauge
}

// Gauge is a number.
type Gauge struct {
	Name    string // without the program's name, with the base unit at its end: "queue_oldest_message_age_seconds"
	Help    string // one sentence
	Max     bool   // of several things put together it is the largest; otherwise the sum
	Counter bool   // it only grows while the server runs; its name ends in _total
}

// Measurer is implemented by a State that has things to measure.
type Measurer interface {
	// Measure reports every thing, in any order: its labels and its gauges' values. It holds locks no longer than a
	// listing does; report is quick and keeps neither slice.
	Measure(report func(m *Measures, labels []string, values []float64))
}
