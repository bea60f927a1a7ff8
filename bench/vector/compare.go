package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
)

// baseline is the peer that others are compared with.
const baseline = "hnswlib"

// point is one width of search.
type point struct {
	ef     int
	recall float64
	cpu    float64 // seconds of a query, the median of all rounds
}

// curve is what was measured of an engine.
type curve struct {
	name   string
	built  cost
	bytes  int
	points []point
}

// compare measures every engine, prints it and draws it. It returns the graph of this project.
func compare(ctx context.Context, o *options, d *data) (*synap, error) {
	var engines []engine
	own := kinds(o, d)
	for _, s := range own {
		engines = append(engines, s)
	}
	if o.peers {
		process, peers, err := startPeers(ctx, o)
		if err != nil {
			o.say("the peers do not start (%v): they are left out\n", err)
		} else {
			defer process.stop()
			engines = append(engines, peers...)
		}
	}
	curves := make([]*curve, len(engines))
	for i, e := range engines {
		built, bytes, err := e.build()
		if err != nil {
			return nil, fmt.Errorf("build %s: %w", e.name(), err)
		}
		curves[i] = &curve{name: e.name(), built: built, bytes: bytes}
		o.say("%s is built: %.1f s\n", e.name(), built.CPU)
	}
	for _, ef := range o.efs {
		if err := measure(ctx, o, d, engines, curves, ef); err != nil {
			return nil, err
		}
	}
	report(o, curves)
	return own[0], os.WriteFile(o.plot, []byte(plot(curves)), 0o644) //nolint:gosec // to be read by all
}

// measure has each engine search in turns, for one ef.
func measure(ctx context.Context, o *options, d *data, engines []engine, curves []*curve, ef int) error {
	times := make([][]float64, len(engines))
	recalls := make([]float64, len(engines))
	for range o.rounds {
		for i, e := range engines {
			if err := ctx.Err(); err != nil {
				return err
			}
			c, found, err := e.search(ef)
			if err != nil {
				return fmt.Errorf("search %s: %w", e.name(), err)
			}
			times[i] = append(times[i], c.CPU/float64(len(d.queries)))
			recalls[i] = recall(d.nearest, found)
		}
	}
	for i, c := range curves {
		slices.Sort(times[i])
		c.points = append(c.points, point{ef, recalls[i], times[i][len(times[i])/2]})
	}
	return nil
}

// at is how many queries a second of one processor are answered with that recall: between two widths that were measured,
// or those of the narrowest, which finds more.
func (c *curve) at(recall float64) (perSecond float64, ok bool) {
	for i, p := range c.points {
		switch {
		case p.recall < recall:
		case i == 0:
			return 1 / p.cpu, true
		default:
			before := c.points[i-1]
			part := (recall - before.recall) / (p.recall - before.recall)
			return 1 / math.Exp(math.Log(before.cpu)*(1-part)+math.Log(p.cpu)*part), true
		}
	}
	return 0, false
}

// report prints tables in Markdown.
func report(o *options, curves []*curve) {
	var base *curve
	for _, c := range curves {
		if c.name == baseline {
			base = c
		}
	}
	o.say("\n| | build, CPU s | bytes a vector | queries/s at recall 0.95 | at 0.99 |\n| --- | --- | --- | --- | --- |\n")
	for _, c := range curves {
		o.say("| %s | %.1f%s | %.0f%s |", c.name,
			c.built.CPU, beside(base, func(b *curve) float64 { return c.built.CPU / b.built.CPU }),
			float64(c.bytes)/float64(o.n), beside(base, func(b *curve) float64 { return float64(c.bytes) / float64(b.bytes) }))
		for _, recall := range []float64{0.95, 0.99} {
			perSecond, ok := c.at(recall)
			if !ok {
				o.say(" - |")
				continue
			}
			o.say(" %.0f%s |", perSecond, beside(base, func(b *curve) float64 {
				theirs, _ := b.at(recall)
				return perSecond / theirs
			}))
		}
		o.say("\n")
	}
	o.say("\n| recall, µs of a query | ")
	for _, ef := range o.efs {
		o.say("ef %d | ", ef)
	}
	o.say("\n| --- |")
	for range o.efs {
		o.say(" --- |")
	}
	for _, c := range curves {
		o.say("\n| %s |", c.name)
		for _, p := range c.points {
			o.say(" %.4f, %.1f |", p.recall, p.cpu*1e6)
		}
	}
	o.say("\n")
}

// beside is a ratio to the baseline in brackets, if that was measured.
func beside(base *curve, ratio func(base *curve) float64) string {
	if base == nil {
		return ""
	}
	if r := ratio(base); !math.IsInf(r, 0) {
		return fmt.Sprintf(" (%.2f)", r)
	}
	return ""
}
