// Command umicp measures the door for peers: small requests in the short form over TCP beside redis-benchmark against
// Redis, in turns, and tensors on their way from the socket into a request.
//
// Both servers are processes of their own, and hold everything in memory. Every
// figure is the median of several rounds that took turns; what is compared is the ratio, since the machine is
// rarely ours alone. Processor time is that of the server.
package main

import (
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/hivellm/synap-go/bench/load"
	"github.com/hivellm/synap-go/bench/process"
)

// The numbers of the commands that are measured; they are permanent.
const (
	opGet = 0x0101
	opSet = 0x0102
)

func main() {
	rounds := flag.Int("rounds", 5, "how often each is measured; the median counts")
	connections := flag.Int("connections", 50, "how many connections there are")
	last := flag.Duration("time", time.Second, "about how long a round lasts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *rounds, *connections, *last); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:gocritic // the process ends, and with it what was deferred
	}
}

func run(ctx context.Context, rounds, connections int, last time.Duration) error {
	dir, err := os.MkdirTemp("", "synap-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is the system's to clean
	binary, err := process.BuildSynap(ctx, dir)
	if err != nil {
		return err
	}
	synap, err := process.Start(ctx, binary, "serve", "--memory", "--auth", "off", "--http", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer synap.Stop()
	var redis *process.Process
	if _, err := exec.LookPath("redis-benchmark"); err == nil {
		redis, err = process.StartAt(ctx, "redis-server", "--bind", "%host", "--port", "%port", "--save", "", "--appendonly", "no", "--dir", dir)
		if err != nil {
			return err
		}
		defer redis.Stop()
	} else {
		fmt.Println("there is no redis-benchmark: Synap alone")
	}
	fmt.Printf("%d connections, values of 32 bytes, %d rounds in turns; requests a second, and µs of the server's processor for each\n\n", connections, rounds)
	fmt.Println("| | Synap, UMICP COMPACT over TCP | Redis | ratio |")
	fmt.Println("| --- | --- | --- | --- |")
	for _, depth := range []int{1, 16} {
		for _, verb := range []string{"SET", "GET"} {
			if err := compare(ctx, synap, redis, verb, depth, connections, rounds, last); err != nil {
				return err
			}
		}
	}
	return tensors(ctx, synap, last)
}

// figure is what one round gave.
type figure struct {
	rate float64
	cpu  float64 // µs of the server for each request
}

func compare(ctx context.Context, synap, redis *process.Process, verb string, depth, connections, rounds int, last time.Duration) error {
	var ours, theirs []figure
	rate := 50_000.0 * float64(1+min(depth, 8)) // a guess, for the first round of the other side
	for range rounds {
		f, err := measure(synap, func() (int, error) { return drive(synap.Peers, verb, depth, connections, last) })
		if err != nil {
			return err
		}
		ours = append(ours, f)
		if redis == nil {
			continue
		}
		n := int(rate * last.Seconds())
		if f, err = measure(redis, func() (int, error) { return n, redisBenchmark(ctx, redis.Address, verb, depth, connections, n, &rate) }); err != nil {
			return err
		}
		f.rate = rate
		theirs = append(theirs, f)
	}
	line := fmt.Sprintf("| %s, pipeline %d | %s |", verb, depth, show(ours))
	if redis != nil {
		line += fmt.Sprintf(" %s | %.2f |", show(theirs), median(ours, rateOf)/median(theirs, rateOf))
	}
	fmt.Println(line)
	return nil
}

func rateOf(f figure) float64 { return f.rate }

func median(all []figure, of func(figure) float64) float64 {
	numbers := make([]float64, len(all))
	for i, f := range all {
		numbers[i] = of(f)
	}
	return process.Median(numbers)
}

func show(all []figure) string {
	return fmt.Sprintf("%.0f/s, %.1f µs", median(all, rateOf), median(all, func(f figure) float64 { return f.cpu }))
}

func measure(p *process.Process, f func() (int, error)) (figure, error) {
	cpu, start := p.CPU(), time.Now()
	n, err := f()
	if err != nil || n == 0 {
		return figure{}, errors.Join(err, errNothing(n))
	}
	took := time.Since(start)
	return figure{float64(n) / took.Seconds(), float64((p.CPU() - cpu).Microseconds()) / float64(n)}, nil
}

func errNothing(n int) error {
	if n == 0 {
		return errors.New("nothing was answered")
	}
	return nil
}

const keys = 1000

// drive does what redis-benchmark does: every connection sends as many requests as it is deep, and then reads their answers.
func drive(address, verb string, depth, connections int, last time.Duration) (int, error) {
	requests := make([][]byte, keys)
	for i := range requests {
		name := fmt.Sprintf("key:%012d", i)
		var err error
		if verb == "SET" {
			requests[i], err = load.Request(opSet, &setRequest{name, strings.Repeat("x", 32)})
		} else {
			requests[i], err = load.Request(opGet, &getRequest{name})
		}
		if err != nil {
			return 0, err
		}
	}
	l := load.Load{Address: address, Connections: connections, Depth: depth, For: last}
	l.Protocol = func(int) load.Protocol { return &load.Frames{Requests: requests} }
	r, err := l.Run()
	if err != nil {
		return 0, err
	}
	return r.Answers, nil
}

// setRequest and getRequest are what the commands take.
type setRequest struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type getRequest struct {
	Key string `json:"key"`
}

// redisBenchmark runs Redis' own load.
func redisBenchmark(ctx context.Context, address, verb string, depth, connections, n int, rate *float64) error {
	host, port, _ := strings.Cut(address, ":")
	out, err := exec.CommandContext(ctx, "redis-benchmark", "-h", host, "-p", port, "-c", strconv.Itoa(connections), //nolint:gosec // our own arguments
		"-n", strconv.Itoa(n), "-P", strconv.Itoa(depth), "-d", "32", "-r", strconv.Itoa(keys), "-t", strings.ToLower(verb), "--csv").Output()
	if err != nil {
		return err
	}
	rows, err := csv.NewReader(strings.NewReader(string(out))).ReadAll()
	if err != nil || len(rows) < 2 || len(rows[1]) < 2 {
		return fmt.Errorf("redis-benchmark said %q: %w", out, err)
	}
	*rate, err = strconv.ParseFloat(rows[1][1], 64)
	return err
}
