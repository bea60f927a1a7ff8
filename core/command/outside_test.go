package command

import "testing"

// TestOutside lets a handler work without the gate, and a transaction through meanwhile.
func TestOutside(t *testing.T) {
	if Outside(t.Context(), func() { t.Error("it ran") }) {
		t.Error("there is an outside without a gate")
	}
	space := NewSpace(1, "default", nil)
	var p parking
	if err := p.park(t.Context(), space); err != nil {
		t.Fatal(err)
	}
	if !Outside(&p, func() {
		space.gate.close() // nobody holds it
		space.gate.open()
	}) {
		t.Error("it did not run")
	}
	p.leave()
}
