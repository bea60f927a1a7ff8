package main

import (
	"fmt"
	"math"
	"strings"
)

// The plot, in pixels, and what its axes span.
const (
	width, height = 880, 520
	left, right   = 70, 210
	top, bottom   = 40, 60
	lowest        = 0.90 // recall
	steps         = 10   // that the axis of recall is divided into
)

var colours = []string{"#0b6e4f", "#2e86de", "#12b5cb", "#c0392b", "#e67e22", "#8e44ad", "#7f8c8d", "#34495e"}

// plot draws recall against queries a second, one line for each engine.
func plot(curves []*curve) string {
	low, high := math.Inf(1), 0.0
	for _, c := range curves {
		for _, p := range c.points {
			if p.recall >= lowest {
				low, high = min(low, 1/p.cpu), max(high, 1/p.cpu)
			}
		}
	}
	if high == 0 {
		low, high = 1, 10
	}
	low, high = low/1.1, high*1.1
	x := func(recall float64) float64 { return left + (recall-lowest)/(1-lowest)*(width-left-right) }
	y := func(perSecond float64) float64 {
		return top + (math.Log(high)-math.Log(perSecond))/(math.Log(high)-math.Log(low))*(height-top-bottom)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%d" y="24" font-size="15">Recall of the 10 nearest against queries a second of one processor</text>`+"\n", left)
	for i := range steps + 1 {
		recall := lowest + (1-lowest)*float64(i)/steps
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%.2f</text>`+"\n",
			x(recall), top, x(recall), height-bottom, x(recall), height-bottom+20, recall)
	}
	for _, perSecond := range ticks(low, high) {
		fmt.Fprintf(&b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.0f</text>`+"\n",
			left, y(perSecond), width-right, y(perSecond), left-8, y(perSecond)+4, perSecond)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">recall</text>`+"\n", (left+width-right)/2, height-14)
	for i, c := range curves {
		drawCurve(&b, c, colours[i%len(colours)], x, y)
		fmt.Fprintf(&b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-width="2.5"/><text x="%d" y="%d">%s</text>`+"\n",
			width-right+15, top+12+22*i, width-right+40, top+12+22*i, colours[i%len(colours)], width-right+46, top+16+22*i, c.name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// drawCurve draws what of a curve is within the plot.
func drawCurve(b *strings.Builder, c *curve, colour string, x, y func(float64) float64) {
	var line, dots strings.Builder
	for _, p := range c.points {
		if p.recall >= lowest {
			fmt.Fprintf(&line, "%.1f,%.1f ", x(p.recall), y(1/p.cpu))
			fmt.Fprintf(&dots, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`, x(p.recall), y(1/p.cpu), colour)
		}
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>%s`+"\n", strings.TrimSpace(line.String()), colour, dots.String())
}

// ticks are round numbers from low to high: 1, 2 and 5 of each power of ten.
func ticks(low, high float64) (all []float64) {
	for power := math.Pow(10, math.Floor(math.Log10(low))); power <= high; power *= 10 {
		for _, t := range []float64{power, 2 * power, 5 * power} {
			if t >= low && t <= high {
				all = append(all, t)
			}
		}
	}
	return all
}
