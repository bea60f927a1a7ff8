// Command neighbour measures what a tenant who takes all he can get does to another one. A quiet tenant writes and reads
// at a steady pace in a namespace of its own; the times that takes are measured from when each call was due, so that a server
// that stands still is not flattered. Beside it, in turns:
//
//	alone      nobody
//	machine    a noisy tenant on another server on the same machine: what sharing the processors alone costs
//	unlimited  a noisy tenant on the same server
//	limited    the same with a quota of requests, who asks again at once whatever he is answered
//
// The order changes from round to round, so that no case always comes after the same one. On a machine that is busy with something
// else the figures mean nothing, and it says so. The noisy tenant is a process of its own. Nothing here is a part of the product.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hivellm/synap-go/bench/process"
)

// options are the flags.
type options struct {
	synap       string
	rounds      int
	duration    time.Duration
	pace        int
	connections int
	quota       int
	disk        bool
	noisy       string
}

func main() {
	var o options
	flag.StringVar(&o.synap, "synap", "", "the synap `binary` to measure; it is built when none is given")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each case is measured")
	flag.DurationVar(&o.duration, "duration", 1500*time.Millisecond, "for how long each time")
	flag.IntVar(&o.pace, "pace", 500, "how many calls a second the quiet tenant makes")
	flag.IntVar(&o.connections, "connections", 32, "how many connections the noisy tenant has")
	flag.IntVar(&o.quota, "quota", 500, "how many requests a second the noisy tenant may make where that is limited")
	flag.BoolVar(&o.disk, "disk", false, "keep the data on disk, in a temporary folder")
	flag.StringVar(&o.noisy, "noisy", "", "be the noisy tenant at this `address`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if o.noisy != "" {
		err = beNoisy(ctx, o)
	} else {
		err = compare(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/neighbour:", err)
		os.Exit(1)
	}
}

// cases are what is measured, in the order in which it is shown.
var cases = []string{"alone", "machine", "unlimited", "limited"}

func compare(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "synap-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory that stays is no harm
	if o.synap == "" {
		if o.synap, err = process.BuildSynap(ctx, dir); err != nil {
			return err
		}
	}
	// Nobody is asked for a key: what is measured is how tenants share a server, not who they are.
	if err := os.Setenv("SYNAP_AUTH", "off"); err != nil {
		return err
	}
	servers := [2]*process.Process{}
	for i := range servers {
		args := []string{"serve", "--http", "127.0.0.1:0", "--memory"}
		if o.disk {
			args = []string{"serve", "--http", "127.0.0.1:0", "--data-dir", fmt.Sprint(dir, "/data", i)}
		}
		if servers[i], err = process.Start(ctx, o.synap, args...); err != nil {
			return err
		}
		defer servers[i].Stop()
		if _, err := call(ctx, "http://"+servers[i].Address, "", "namespace/create", `{"name":"noisy"}`); err != nil {
			return err
		}
	}
	server, other := "http://"+servers[0].Address, "http://"+servers[1].Address
	all := map[string][]float64{}
	for round := range o.rounds {
		for i := range cases {
			name := cases[(i+round)%len(cases)]
			p99, served, err := measure(ctx, o, name, server, other)
			if err != nil {
				return err
			}
			all[name] = append(all[name], p99.Seconds()*1e6)
			fmt.Printf("round %d: %-10s quiet p99 %8.0f µs   noisy served %7.0f/s\n", round+1, name, p99.Seconds()*1e6, served)
		}
	}
	alone := process.Median(all["alone"])
	for _, name := range cases {
		fmt.Printf("median:  %-10s quiet p99 %8.0f µs (%.0f to %.0f)   %.2f times alone\n", name, process.Median(all[name]),
			slices.Min(all[name]), slices.Max(all[name]), process.Median(all[name])/alone)
	}
	if spread := slices.Max(all["alone"]) / slices.Min(all["alone"]); spread > 1.5 {
		fmt.Printf("alone, the quiet tenant's p99 varies by %.1f times: this machine is too busy, or too small, for the figures to mean anything\n", spread)
	}
	return nil
}

// measure runs the quiet tenant beside what the case says, and returns the 99th percentile of its times, and how many calls
// of the noisy one a second were served.
func measure(ctx context.Context, o options, name, server, other string) (p99 time.Duration, served float64, err error) {
	limit := 0
	if name == "limited" {
		limit = o.quota
	}
	for _, url := range []string{server, other} {
		quotas := fmt.Sprintf(`{"name":"noisy","quotas":{"requests_per_s":%d}}`, limit)
		if _, err := call(ctx, url, "", "namespace/update", quotas); err != nil {
			return 0, 0, err
		}
	}
	if name != "alone" {
		at := server
		if name == "machine" {
			at = other
		}
		stop, err := startNoisy(ctx, o, at)
		if err != nil {
			return 0, 0, err
		}
		defer func() { served, err = stop() }()
	}
	p99, err = beQuiet(ctx, o, server)
	return p99, 0, err
}

// startNoisy starts the noisy tenant. stop ends it and returns how many of its calls a second were served.
func startNoisy(ctx context.Context, o options, at string) (stop func() (float64, error), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-noisy", at, "-connections", fmt.Sprint(o.connections)) //nolint:gosec // ourselves
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	time.Sleep(300 * time.Millisecond) // until it is at full speed
	return func() (served float64, err error) {
		_ = cmd.Process.Signal(os.Interrupt) // it has ended already, then
		if err := cmd.Wait(); err != nil {
			return 0, err
		}
		_, err = fmt.Sscan(out.String(), &served)
		return served, err
	}, nil
}

// beNoisy writes and reads as fast as it is answered, until it is told to stop, and then says how many calls a second it
// was served.
func beNoisy(ctx context.Context, o options) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: o.connections}}
	payload := strings.Repeat("n", 1024)
	var served atomic.Int64
	began := time.Now()
	var busy sync.WaitGroup
	for c := range o.connections {
		busy.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				body := fmt.Sprintf(`{"key":"key%d","value":%q}`, (c*7919+n)%10_000, payload)
				if _, err := callWith(ctx, client, o.noisy, "noisy", "kv/set", body); err == nil {
					served.Add(1)
				}
			}
		})
	}
	busy.Wait()
	fmt.Println(float64(served.Load()) / time.Since(began).Seconds())
	return nil
}

// beQuiet makes a call whenever one is due, each in its own time, and returns the 99th percentile of the times.
func beQuiet(ctx context.Context, o options, server string) (time.Duration, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	gap := time.Second / time.Duration(o.pace)
	times := make([]time.Duration, int(o.duration/gap))
	errs := make([]error, len(times))
	var busy sync.WaitGroup
	began := time.Now()
	for i := range times {
		due := began.Add(time.Duration(i) * gap)
		time.Sleep(time.Until(due))
		busy.Go(func() {
			if i%2 == 0 {
				_, errs[i] = callWith(ctx, client, server, "", "kv/set", fmt.Sprintf(`{"key":"key%d","value":%d}`, i%100, i))
			} else {
				_, errs[i] = callWith(ctx, client, server, "", "kv/get", fmt.Sprintf(`{"key":"key%d"}`, i%100))
			}
			times[i] = time.Since(due)
		})
	}
	busy.Wait()
	slices.Sort(times)
	return times[len(times)*99/100], errors.Join(errs...)
}

func call(ctx context.Context, url, namespace, command, body string) (json.RawMessage, error) {
	return callWith(ctx, http.DefaultClient, url, namespace, command, body)
}

func callWith(ctx context.Context, client *http.Client, url, namespace, command, body string) (json.RawMessage, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/"+command, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if namespace != "" {
		r.Header.Set("Synap-Namespace", namespace)
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	return text, err
}
