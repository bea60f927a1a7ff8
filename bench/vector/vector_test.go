package main

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// small is a run over a few vectors that mean nothing, without peers.
func small(t *testing.T) (*options, *bytes.Buffer) {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
	var b []byte
	for range 320 * dim {
		b, _ = binary.Append(b, binary.LittleEndian, float32(r.NormFloat64()))
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "vectors.f32")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	return &options{dir: dir, file: file, n: 300, queries: 10, rounds: 1, m: 8, ef: 16, efs: []int{10, 64, 300}, out: &out}, &out
}

// TestEverythingRuns runs what needs no peers.
func TestEverythingRuns(t *testing.T) {
	o, out := small(t)
	if err := run(t.Context(), o); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"\n| synap | ", "\n| synap, int8 | ", "\n| synap, walked as int8 | ", "\n| 0.1 % | ", " 1.0000, ", "GB/s"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q:\n%s", want, out)
		}
	}
	drawn, err := os.ReadFile(o.plot)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for d := xml.NewDecoder(bytes.NewReader(drawn)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the plot is no XML: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "polyline" {
			lines++
		}
	}
	if lines != 3 {
		t.Errorf("the plot has %d lines, want 3", lines)
	}
}

// TestManyVectorsRun runs what is measured of a million with a few.
func TestManyVectorsRun(t *testing.T) {
	o, out := small(t)
	o.million = 400
	if err := run(t.Context(), o); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// They are built by several at once, so it is not the same graph every time: of so loose a one an entry may be missed.
	_, last, _ := strings.Cut(out.String(), "ef 256: recall ")
	recall, err := strconv.ParseFloat(last[:min(len("1.0000"), len(last))], 64)
	if !strings.Contains(out.String(), "400 vectors of 384 int8") || err != nil || recall < 0.95 || recall > 1 {
		t.Errorf("it says:\n%s", out)
	}
}

// TestBetweenWidths says how many queries a second there are for a recall that was not measured.
func TestBetweenWidths(t *testing.T) {
	c := &curve{points: []point{{ef: 10, recall: 0.9, cpu: 0.001}, {ef: 20, recall: 0.96, cpu: 0.004}}}
	for _, want := range []struct {
		recall, perSecond float64
		ok                bool
	}{{0.8, 1000, true}, {0.93, 500, true}, {0.96, 250, true}, {0.97, 0, false}} {
		if got, ok := c.at(want.recall); ok != want.ok || got < want.perSecond*0.999 || got > want.perSecond*1.001 {
			t.Errorf("at(%v) = %v, %v, want %v, %v", want.recall, got, ok, want.perSecond, want.ok)
		}
	}
}
