// Command federation measures a link between two servers, each a process of its own, on loopback TCP: how fast points of a
// collection, messages of topics and events of rooms come from the one to the other, what a single one waits, how many bytes each takes on
// the wire, and how much processor time at either end.
//
// Each thing is measured several times, with servers that are started anew, and the median counts; beside it stand the slowest and the
// fastest. What is written is random but always the same. The one server makes the link (-direction out: it
// reads at itself and writes at the other; in: the other one makes it), and the load and both servers share the machine. Bytes are those
// of frames at the end that was dialled, where with out nobody else comes. Nothing here is a part of the product.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hivellm/synap-go/bench/process"
)

// options are the flags.
type options struct {
	synap     string
	rounds    int
	modes     []string
	only      string
	direction string
	points    int
	graph     int
	dimension int
	messages  int
	events    int
	ones      int
	profile   string
	dir       string
	out       io.Writer
}

// say prints for people. When nobody can read it there is nothing left to do about it.
func (o *options) say(format string, args ...any) { _, _ = fmt.Fprintf(o.out, format, args...) }

func main() {
	o := &options{out: os.Stdout}
	modes := flag.String("modes", "memory,always", "where the servers keep what they have: memory, none, periodic, always")
	flag.StringVar(&o.synap, "synap", "", "the synap `binary` to measure; it is built when none is given")
	flag.IntVar(&o.rounds, "rounds", 3, "how often each thing is measured")
	flag.StringVar(&o.only, "only", "", "measure only the things whose names contain this")
	flag.StringVar(&o.direction, "direction", "out", "who makes the link: out is the server where things are written, in the other one; both is out with a rule that lets things flow back, too")
	flag.IntVar(&o.points, "points", 40_000, "how many points flow into a collection without a graph, so that it is carrying that is measured")
	flag.IntVar(&o.graph, "graph", 30_000, "how many points flow into a collection that has a graph")
	flag.IntVar(&o.dimension, "dimension", 384, "how many numbers a point has")
	flag.IntVar(&o.messages, "messages", 100_000, "how many messages of topics flow, 100 bytes each")
	flag.IntVar(&o.events, "events", 100_000, "how many events of a room flow, 100 bytes each")
	flag.IntVar(&o.ones, "ones", 2_000, "how many single ones are timed")
	flag.StringVar(&o.profile, "profile", "", "write processor profiles of both servers to this `folder`, of the last round of each")
	flag.StringVar(&o.dir, "dir", "", "the `folder` in which data is kept for as long as it is measured; it must not be in memory")
	flag.Parse()
	o.modes = strings.Split(*modes, ",")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench/federation:", err)
		os.Exit(1) //nolint:gocritic // the process ends, and with it what was deferred
	}
}

func run(ctx context.Context, o *options) error {
	dir, err := os.MkdirTemp(o.dir, "synap-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder that stays is no harm
	if o.dir = dir; o.synap == "" {
		if o.synap, err = process.BuildSynap(ctx, dir); err != nil {
			return err
		}
	}
	o.say("%d points of %d float32 without a graph and %d with one, %d messages and %d events of 100 bytes, %d single ones; direction %s, %d rounds%s\n\n",
		o.points, o.dimension, o.graph, o.messages, o.events, o.ones, o.direction, o.rounds, load())
	o.say("| | log | a second (slowest-fastest) | µs of processor each, reader + writer | bytes each on the wire |\n| --- | --- | --- | --- | --- |\n")
	for _, f := range flows {
		if err := o.each(ctx, f.name, f.measure, show); err != nil {
			return err
		}
	}
	o.say("\n| one alone | log | median, µs | 99 of 100 | the slowest |\n| --- | --- | --- | --- | --- |\n")
	for _, f := range singles {
		if err := o.each(ctx, f.name, f.measure, showSingle); err != nil {
			return err
		}
	}
	return nil
}

// figure is what one round gave.
type figure struct {
	rate           float64
	reader, writer float64 // µs of processor time each
	bytes          float64
	times          []time.Duration // of single ones
}

// each measures a thing in every mode and prints its lines.
func (o *options) each(ctx context.Context, name string, measure func(context.Context, *options, *pair) (figure, error), show func([]figure) string) error {
	if !strings.Contains(name, o.only) {
		return nil
	}
	for _, mode := range o.modes {
		var all []figure
		for round := range o.rounds {
			p, err := start(ctx, o, mode)
			if err == nil {
				if o.profile != "" && round == o.rounds-1 {
					p.profiles = filepath.Join(o.profile, strings.ReplaceAll(name, " ", "-")+"-"+mode)
				}
				var f figure
				f, err = measure(ctx, o, p)
				all = append(all, f)
				p.profiling.Wait()
			}
			p.stop()
			if err != nil {
				return fmt.Errorf("%s, %s: %w", name, mode, err)
			}
		}
		o.say("| %s | %s | %s |\n", name, mode, show(all))
	}
	return nil
}

func of(all []figure, what func(figure) float64) (low, middle, high float64) {
	var numbers []float64
	for _, f := range all {
		numbers = append(numbers, what(f))
	}
	return slices.Min(numbers), process.Median(numbers), slices.Max(numbers)
}

// show is a line of a flow.
func show(all []figure) string {
	low, rate, high := of(all, func(f figure) float64 { return f.rate })
	_, reader, _ := of(all, func(f figure) float64 { return f.reader })
	_, writer, _ := of(all, func(f figure) float64 { return f.writer })
	_, bytes, _ := of(all, func(f figure) float64 { return f.bytes })
	return fmt.Sprintf("%.0f (%.0f-%.0f) | %.1f + %.1f | %.0f", rate, low, high, reader, writer, bytes)
}

// showSingle is a line of single ones, those of all rounds together.
func showSingle(all []figure) string {
	var times []time.Duration
	for _, f := range all {
		times = append(times, f.times...)
	}
	slices.Sort(times)
	at := func(q float64) int64 { return times[min(len(times)-1, int(q*float64(len(times))))].Microseconds() }
	return fmt.Sprintf("%d | %d | %d", at(0.5), at(0.99), at(1))
}

// load is how busy the machine was in the last minute, where the system says so.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	one, _, _ := strings.Cut(string(text), " ")
	return "; load " + one
}
