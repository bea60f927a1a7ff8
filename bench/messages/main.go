// Command messages measures queues, streams and topics as a client sees them:
// `synap serve` over HTTP, and beside it, in the same run and under the same load,
// Redis and NATS over their own protocols, where they are installed.
//
// They do not do the same work. HTTP carries a few hundred bytes of headers for
// every request, RESP and NATS a few; Synap's messages have leases, attempts,
// priorities and versions, a list of Redis has none of that. The figures say what a
// user of each gets on this machine, and not which is better made.
//
// Each server is a process of its own, on loopback, and keeps nothing on disk, unless
// -disk is given: then what that costs is measured, and nothing else. All share the machine with the load generator, so the processor time that a server
// took for one operation says more than how many there were. Nothing here is a part
// of the product.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"time"

	"github.com/hivellm/synap-go/bench/process"
)

// options are the flags.
type options struct {
	synap       string
	rounds      int
	duration    time.Duration
	connections int
	idle        int
	idleFor     time.Duration
	peers       bool
	disk        bool
	dir         string
	writers     []int
	keys        int
	out         io.Writer
}

// say prints for people. When nobody can read it there is nothing left to do about it.
func (o options) say(format string, args ...any) { _, _ = fmt.Fprintf(o.out, format, args...) }

func main() {
	o := options{out: os.Stdout}
	flag.StringVar(&o.synap, "synap", "", "the synap `binary` to measure; it is built when none is given")
	flag.IntVar(&o.rounds, "rounds", 3, "how often each thing is measured")
	flag.DurationVar(&o.duration, "duration", 2*time.Second, "for how long each time")
	flag.IntVar(&o.connections, "connections", 16, "how many connections work, or publish")
	flag.IntVar(&o.idle, "idle", 10_000, "how many consumers wait, each for a queue of its own; each takes a connection")
	flag.DurationVar(&o.idleFor, "idle-for", 10*time.Second, "for how long they are watched, at most 15s")
	flag.BoolVar(&o.peers, "peers", true, "measure Redis and NATS, too")
	flag.BoolVar(&o.disk, "disk", false, "measure what it costs to keep things on disk, instead")
	flag.StringVar(&o.dir, "dir", "", "the `folder` to keep them in; it must not be in memory")
	flag.IntVar(&o.keys, "keys", 1_000_000, "how many keys there are in a restart")
	flag.Parse()
	o.writers = []int{1, 64, 512}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	measure := run
	if o.disk {
		measure = disk
	}
	if err := measure(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench/messages:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	servers, stop, err := start(ctx, o)
	defer stop()
	if err != nil {
		return err
	}
	// First, while the servers hold no memory of what they did before.
	if err := idle(ctx, o, servers); err != nil {
		return err
	}
	for _, s := range scenarios() {
		if err := s.compare(ctx, o, servers); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// start starts every server that there is. What stop does is right after an error, too.
func start(ctx context.Context, o options) (servers []*measured, stop func(), err error) {
	dir, err := os.MkdirTemp("", "synap-bench-")
	if err != nil {
		return nil, func() {}, err
	}
	stop = func() {
		for _, s := range servers {
			s.process.Stop()
		}
		_ = os.RemoveAll(dir) // a temporary folder that stays is no harm
	}
	if o.synap == "" {
		if o.synap, err = process.BuildSynap(ctx, dir); err != nil {
			return nil, stop, err
		}
	}
	p, err := process.Start(ctx, o.synap, "serve", "--http", "127.0.0.1:0", "--auth", "off", "--log-level", "error", "--memory")
	if err != nil {
		return nil, stop, fmt.Errorf("start synap: %w", err)
	}
	servers = append(servers, &measured{server: synap{p.Address}, process: p})
	if !o.peers {
		return servers, stop, nil
	}
	for _, peer := range []struct {
		make func(address string) server
		args []string
	}{
		{func(address string) server { return redis{address} }, []string{
			"redis-server", "--bind", "%host", "--port", "%port", "--save", "", "--appendonly", "no", "--maxclients", "20000", "--dir", dir,
			"--logfile", os.DevNull,
		}},
		{func(address string) server { return nats{address} }, []string{"nats-server", "-a", "%host", "-p", "%port", "-l", os.DevNull}},
	} {
		p, err := process.StartAt(ctx, peer.args[0], peer.args[1:]...)
		switch {
		case errors.Is(err, exec.ErrNotFound):
			o.say("%s is not installed: it is left out\n", peer.args[0])
			continue
		case err != nil:
			return servers, stop, fmt.Errorf("start %s: %w", peer.args[0], err)
		}
		servers = append(servers, &measured{server: peer.make(p.Address), process: p})
	}
	return servers, stop, nil
}
