package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hivellm/synap-go/bench/load"
	"github.com/hivellm/synap-go/bench/process"
)

// keeper is a server that keeps what it is told on disk, in a certain way.
type keeper struct {
	name string
	args []string // %host, %port and %dir are replaced

	// It is driven through clients, or where it can be by a load, which costs less of the machine.
	set  func(p *process.Process, n int) (*client, error)
	load func(p *process.Process) (load.Load, error)
}

// keepers are measured with writers that each wait for their answer: those that force every write to disk before they
// answer, then Synap in its other modes.
func keepers(synapBinary string) (always, modes []keeper) {
	serve := func(name string, args ...string) keeper {
		args = append([]string{synapBinary, "serve", "--http", "127.0.0.1:0", "--auth", "off", "--log-level", "error"}, args...)
		return keeper{name: name, args: args, set: func(p *process.Process, n int) (*client, error) { return synap{p.Address}.set(n) }}
	}
	frames := serve("synap --fsync always, UMICP", "--fsync", "always", "--data-dir", "%dir")
	frames.load = framesLoad
	always = []keeper{
		frames,
		{name: "redis appendfsync always", args: []string{
			"redis-server", "--bind", "%host", "--port", "%port", "--save", "", "--appendonly", "yes", "--appendfsync", "always",
			"--maxclients", "20000", "--dir", "%dir", "--logfile", os.DevNull,
		}, load: redisLoad},
		serve("synap --fsync always, HTTP", "--fsync", "always", "--data-dir", "%dir"),
	}
	modes = []keeper{
		serve("synap --memory", "--memory"),
		serve("synap --fsync none", "--fsync", "none", "--data-dir", "%dir"),
		serve("synap --fsync periodic", "--fsync", "periodic", "--data-dir", "%dir"),
	}
	return always, modes
}

// keys is how many keys are set, in turn, by each writer.
const keys = 1000

func (s synap) set(n int) (*client, error) {
	c, err := s.dial()
	if err != nil {
		return nil, err
	}
	count := 0
	return &client{c, func() error {
		count++
		_, err := c.ask("PUT", fmt.Sprintf("/v1/kv/key-%d-%d", n, count%keys), plain, text)
		return err
	}}, nil
}

// opSet is the number of kv.set.
const opSet = 0x0102

// framesLoad sets keys over UMICP.
func framesLoad(p *process.Process) (load.Load, error) {
	type request struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	requests := make([][]byte, keys)
	for i := range requests {
		var err error
		if requests[i], err = load.Request(opSet, &request{fmt.Sprint("key-", i), text}); err != nil {
			return load.Load{}, err
		}
	}
	return load.Load{Address: p.Peers, Protocol: func(int) load.Protocol { return &load.Frames{Requests: requests} }}, nil
}

// redisLoad sets keys of Redis, when it has read what it has kept.
func redisLoad(p *process.Process) (load.Load, error) {
	c, err := redis{p.Address}.dial()
	if err != nil {
		return load.Load{}, err
	}
	defer c.Close() //nolint:errcheck // nothing is unsent
	for _, err := c.ask("PING"); err != nil; _, err = c.ask("PING") {
		if !strings.Contains(err.Error(), "LOADING") {
			return load.Load{}, err
		}
		time.Sleep(10 * time.Millisecond)
	}
	requests := make([][]byte, keys)
	for i := range requests {
		requests[i] = load.Command("SET", fmt.Sprint("key-", i), text)
	}
	return load.Load{Address: p.Address, Protocol: func(int) load.Protocol { return &load.RESP{Requests: requests} }}, nil
}

// disk measures what it costs to keep things.
func disk(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp(o.dir, "synap-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder that stays is no harm
	if o.synap == "" {
		if o.synap, err = process.BuildSynap(ctx, dir); err != nil {
			return err
		}
	}
	always, modes := keepers(o.synap)
	for _, writers := range o.writers {
		if err := o.keep(ctx, dir, fmt.Sprintf("set, forced to disk before the answer, %d writers", writers), always, writers, 1); err != nil {
			return err
		}
	}
	// Over HTTP/1.1 nobody sends many at a time: there, kv.mset is for that.
	if err := o.keep(ctx, dir, fmt.Sprintf("set, forced to disk before the answer, %d writers, 16 sets at a time", o.connections), always[:2], o.connections, 16); err != nil {
		return err
	}
	if err := o.keep(ctx, dir, fmt.Sprintf("set, %d writers", o.connections), modes, o.connections, 1); err != nil {
		return err
	}
	return o.restart(ctx, dir)
}

// figures are what a server came to in every round.
type figures struct{ rates, p50, p99, cost []float64 }

func (f *figures) add(rate, cost, p50, p99 float64) {
	f.rates, f.cost, f.p50, f.p99 = append(f.rates, rate), append(f.cost, cost), append(f.p50, p50), append(f.p99, p99)
}

// keep measures the servers in turns: one runs at a time, and keeps its directory from round to round.
func (o options) keep(ctx context.Context, dir, title string, all []keeper, writers, depth int) error {
	o.say("\n%s, %d rounds of %v\n", title, o.rounds, o.duration)
	results := make([]figures, len(all))
	for round := range o.rounds {
		for turn := range all {
			i := turn
			if round%2 == 1 {
				i = len(all) - 1 - turn // so that none always has the warmer machine
			}
			if err := o.keepOnce(ctx, filepath.Join(dir, strconv.Itoa(i)), all[i], writers, depth, &results[i]); err != nil {
				return fmt.Errorf("%s: %w", all[i].name, err)
			}
		}
	}
	for i, k := range all {
		if f := results[i]; len(f.rates) > 0 {
			o.say("  %-26s %8.0f sets/s (%.0f-%.0f), %.2f of the first; p50 %.2f ms, p99 %.2f ms; %.1f µs of processor time each\n", k.name,
				process.Median(f.rates), slices.Min(f.rates), slices.Max(f.rates), process.Median(f.rates)/process.Median(results[0].rates),
				process.Median(f.p50), process.Median(f.p99), process.Median(f.cost))
		}
	}
	return ctx.Err()
}

// keepOnce measures one server once, if it is installed.
func (o options) keepOnce(ctx context.Context, dir string, k keeper, writers, depth int, into *figures) error {
	p, err := k.start(ctx, dir)
	if errors.Is(err, exec.ErrNotFound) {
		o.say("  %s is not installed: it is left out\n", k.args[0])
		return nil
	}
	if err != nil {
		return err
	}
	defer p.Stop()
	m := &measured{process: p}
	if k.load != nil {
		l, err := k.load(p)
		if err != nil {
			return err
		}
		l.Connections, l.Depth, l.For = writers, depth, o.duration
		sofar := m.watch()
		r, err := l.Run()
		if err != nil {
			return err
		}
		into.add(r.Rate(), sofar(r.Answers).cost(), r.Quantile(0.5), r.Quantile(0.99))
		return nil
	}
	clients, err := connectAll(writers, func(n int) (*client, error) { return k.set(p, n) })
	defer closeAll(clients)
	if err != nil {
		return err
	}
	times := &stopwatch{}
	for _, c := range clients {
		c.step = times.around(c.step)
	}
	sofar, until := m.watch(), time.Now().Add(o.duration)
	n, err := drive(clients, func() bool { return time.Now().Before(until) && ctx.Err() == nil })
	if err != nil {
		return err
	}
	r := sofar(n)
	into.add(r.rate(), r.cost(), times.quantile(0.5), times.quantile(0.99))
	return nil
}

// start runs the server with a directory of its own, and waits until it has its data and answers.
func (k keeper) start(ctx context.Context, dir string) (*process.Process, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	args := slices.Clone(k.args)
	for i := range args {
		if args[i] == "%dir" {
			args[i] = dir
		}
	}
	if slices.Contains(args, "%host") {
		return process.StartAt(ctx, args[0], args[1:]...)
	}
	return process.Start(ctx, args[0], args[1:]...) // it says when it is ready
}

// stopwatch gathers how long steps take. Each client has a list of its own until the end.
type stopwatch struct {
	mu    sync.Mutex
	lists []*[]time.Duration
}

func (s *stopwatch) around(step func() error) func() error {
	list := &[]time.Duration{}
	s.mu.Lock()
	s.lists = append(s.lists, list)
	s.mu.Unlock()
	return func() error {
		began := time.Now()
		err := step()
		*list = append(*list, time.Since(began))
		return err
	}
}

// quantile is in milliseconds; nobody may step meanwhile.
func (s *stopwatch) quantile(q float64) float64 {
	var all []time.Duration
	for _, list := range s.lists {
		all = append(all, *list...)
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return float64(all[int(q*float64(len(all)-1))].Microseconds()) / 1000
}

// restart fills a server with keys, takes a snapshot while writers write, and kills and starts it again: from its log
// alone, and from a snapshot.
func (o options) restart(ctx context.Context, dir string) error {
	o.say("\nrestart with %d keys\n", o.keys)
	k := keeper{args: []string{o.synap, "serve", "--http", "127.0.0.1:0", "--auth", "off", "--log-level", "error", "--data-dir", "%dir"}}
	dir = filepath.Join(dir, "restart")
	p, err := k.start(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { p.Stop() }()
	if err := fill(p.Address, o.keys); err != nil {
		return err
	}
	again := func(what string) error {
		p.Kill()
		began := time.Now()
		if p, err = k.start(ctx, dir); err != nil {
			return err
		}
		took := time.Since(began)
		o.say("  %-26s ready after %.2f s: %.2f M keys/s, starting the process included\n", what, took.Seconds(), float64(o.keys)/took.Seconds()/1e6)
		return nil
	}
	if err := again("from the log alone"); err != nil {
		return err
	}
	if err := o.snapshotUnderLoad(ctx, p); err != nil {
		return err
	}
	return again("from a snapshot")
}

// fill sets keys, many at a time.
func fill(address string, n int) error {
	c, err := synap{address}.dial()
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // nothing is unsent
	const batch = 1000
	var body bytes.Buffer
	for i := 0; i < n; {
		body.Reset()
		body.WriteString(`{"entries":[`)
		for j := 0; j < batch && i < n; i, j = i+1, j+1 {
			if j > 0 {
				body.WriteByte(',')
			}
			fmt.Fprintf(&body, `{"key":"key-%08d","value":"%s"}`, i, text)
		}
		body.WriteString(`]}`)
		if _, err := c.ask("POST", "/v1/kv/mset", jsonBody, body.String()); err != nil {
			return err
		}
	}
	return nil
}

// snapshotUnderLoad compares how long writers wait with and without a snapshot under way.
func (o options) snapshotUnderLoad(ctx context.Context, p *process.Process) error {
	var quiet, busy []float64
	var took []float64
	for range o.rounds {
		for _, snapshot := range []bool{false, true} {
			clients, err := connectAll(o.connections, func(n int) (*client, error) { return synap{p.Address}.set(n) })
			if err != nil {
				closeAll(clients)
				return err
			}
			times := &stopwatch{}
			for _, c := range clients {
				c.step = times.around(c.step)
			}
			over := make(chan error, 1)
			began := time.Now()
			if snapshot {
				go func() { over <- take(p.Address) }()
			} else {
				time.AfterFunc(o.duration, func() { over <- nil })
			}
			_, err = drive(clients, func() bool { return len(over) == 0 && ctx.Err() == nil })
			closeAll(clients)
			if err = errors.Join(err, <-over); err != nil {
				return err
			}
			if snapshot {
				busy, took = append(busy, times.quantile(0.99)), append(took, time.Since(began).Seconds())
			} else {
				quiet = append(quiet, times.quantile(0.99))
			}
		}
	}
	o.say("  %-26s p99 of %d writers %.2f ms, without one %.2f ms: %.2f; it takes %.2f s\n", "during a snapshot", o.connections,
		process.Median(busy), process.Median(quiet), process.Median(busy)/process.Median(quiet), process.Median(took))
	return nil
}

// take takes a snapshot.
func take(address string) error {
	c, err := synap{address}.dial()
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // nothing is unsent
	_, err = c.ask("POST", "/v1/persistence/snapshot", jsonBody, "{}")
	return err
}
