// Command http measures what Synap's HTTP door costs: GETs of a key from `synap
// serve`, against GETs from a bare gin handler that returns a constant of the same
// size, in turns, on the same machine, under the same load generator (`synap
// bench`). It prints both figures and their ratio.
//
// Each server is a process of its own, so that neither pays for the other or for
// the load. Nothing here is a part of the product.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/hivellm/synap-go/bench/process"
)

// key is what is read; value is what it holds, and what the bare handler returns.
const key = "bench"

var value = strings.Repeat("x", 32)

// options are the flags.
type options struct {
	synap       string
	rounds      int
	duration    time.Duration
	connections int
	want        float64
	bare        bool
}

func main() {
	var o options
	flag.StringVar(&o.synap, "synap", "", "the synap `binary` to measure; it is built when none is given")
	flag.IntVar(&o.rounds, "rounds", 7, "how often each server is measured")
	flag.DurationVar(&o.duration, "duration", 2*time.Second, "for how long each time")
	flag.IntVar(&o.connections, "connections", 50, "how many connections")
	flag.Float64Var(&o.want, "want", 0, "fail when the ratio is lower than this")
	flag.BoolVar(&o.bare, "bare", false, "be the bare server")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if o.bare {
		err = serveBare(ctx)
	} else {
		err = compare(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/http:", err)
		os.Exit(1)
	}
}

// serveBare is the peer: gin, one route, one constant.
func serveBare(ctx context.Context) error {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.GET("/v1/kv/:key", func(c *gin.Context) { c.Data(http.StatusOK, "text/plain; charset=utf-8", []byte(value)) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("listens on http://%s\n", l.Addr())
	server := &http.Server{Handler: e, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// compare measures both servers in turns and prints the medians.
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
	self, err := os.Executable()
	if err != nil {
		return err
	}
	bare, err := process.Start(ctx, self, "-bare")
	if err != nil {
		return fmt.Errorf("start the bare server: %w", err)
	}
	defer bare.Stop()
	ours, err := process.Start(ctx, o.synap, "serve", "--http", "127.0.0.1:0", "--auth", "off", "--memory")
	if err != nil {
		return fmt.Errorf("start synap: %w", err)
	}
	defer ours.Stop()
	bareURL, url := "http://"+bare.Address, "http://"+ours.Address
	if out, err := exec.CommandContext(ctx, o.synap, "kv", "set", key, value, "--server", url).CombinedOutput(); err != nil { //nolint:gosec // our own binary
		return fmt.Errorf("set the key: %w\n%s", err, out)
	}
	return measure(ctx, o, bareURL, url)
}

func measure(ctx context.Context, o options, bare, ours string) error {
	var bares, synaps, ratios []float64
	for round := range o.rounds {
		// Who goes first changes, so that neither always has the warmer machine.
		order := []struct {
			url string
			to  *[]float64
		}{{bare, &bares}, {ours, &synaps}}
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, s := range order {
			rate, err := load(ctx, o, s.url)
			if err != nil {
				return err
			}
			*s.to = append(*s.to, rate)
		}
		ratios = append(ratios, synaps[round]/bares[round])
		fmt.Printf("round %d: bare gin %7.0f/s   synap %7.0f/s   ratio %.3f\n", round+1, bares[round], synaps[round], ratios[round])
	}
	ratio := process.Median(ratios)
	fmt.Printf("median:  bare gin %7.0f/s   synap %7.0f/s   ratio %.3f\n", process.Median(bares), process.Median(synaps), ratio)
	if ratio < o.want {
		return fmt.Errorf("the ratio is below %.2f", o.want)
	}
	return nil
}

// load runs the load generator once and returns the operations a second.
func load(ctx context.Context, o options, url string) (float64, error) {
	cmd := exec.CommandContext(ctx, o.synap, "bench", "--server", url, "--url-path", "/v1/kv/"+key, "--output", "json", //nolint:gosec // our own binary
		"--duration", o.duration.String(), "--connections", strconv.Itoa(o.connections))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("synap bench: %w", err)
	}
	var result struct {
		OpsPerSecond float64 `json:"ops_per_second"`
	}
	err = json.Unmarshal(out, &result)
	return result.OpsPerSecond, err
}
