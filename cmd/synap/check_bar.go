package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// bar shows people at a terminal how far something is.
type bar struct {
	w     io.Writer
	label string
	began time.Time
	shown time.Time
}

// Of a bar: its width in characters, and how often it is drawn.
const (
	barWidth = 30
	barEvery = 100 * time.Millisecond
)

// bar returns what shows progress on standard error; nil, which shows nothing, when no person reads it.
func (a *app) bar(label string) *bar {
	if !isTerminal(a.stderr) {
		return nil
	}
	return &bar{w: a.stderr, label: label, began: time.Now()}
}

// show draws the bar, but not too often.
func (b *bar) show(done, total int64) {
	if b == nil {
		return
	}
	now := time.Now()
	if now.Sub(b.shown) < barEvery {
		return
	}
	b.shown = now
	tell(b.w, "\r%s", b.draw(done, total, now.Sub(b.began)))
}

// draw is the bar in text.
func (b *bar) draw(done, total int64, took time.Duration) string {
	share := min(1, float64(done)/float64(max(total, 1)))
	full := int(share * barWidth)
	rate := int64(float64(done) / max(took.Seconds(), 0.001))
	return fmt.Sprintf("%s [%s%s] %3.0f %%  %s of %s  %s/s   ", b.label, strings.Repeat("█", full), strings.Repeat("░", barWidth-full),
		100*share, size(done), size(total), size(rate))
}

// end takes the bar away.
func (b *bar) end() {
	if b != nil {
		tell(b.w, "\r\x1b[K")
	}
}

// size is a number of bytes for people.
func size(n int64) string {
	units := [...]string{"B", "KiB", "MiB", "GiB", "TiB"}
	value, unit := float64(n), 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}
