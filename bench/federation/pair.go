package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/hivellm/synap-go/bench/process"
	"github.com/hivellm/synap-go/umicp/client"
)

// side is one of the two servers.
type side struct {
	process *process.Process
	client  *client.Client
	admin   string // where its profiles are
}

// pair is two servers, things flow from the one to the other.
type pair struct {
	from, to *side
	maker    *side  // who makes the link
	url      string // to whom
	out      bool

	direction string // of the rule

	profiles  string // where to write them, if at all
	profiling sync.WaitGroup
}

// start starts two servers. What stop does is right after an error, too.
func start(ctx context.Context, o *options, mode string) (*pair, error) {
	p := &pair{out: o.direction != "in", direction: o.direction}
	var err error
	if p.from, err = begin(ctx, o, mode, "from"); err != nil {
		return p, err
	}
	if p.to, err = begin(ctx, o, mode, "to"); err != nil {
		return p, err
	}
	p.maker, p.url = p.from, "umicp://"+p.to.process.Peers
	if !p.out {
		p.maker, p.url = p.to, "umicp://"+p.from.process.Peers
	}
	return p, nil
}

func (p *pair) stop() {
	for _, s := range []*side{p.from, p.to} {
		if s != nil {
			_ = s.client.Close()
			s.process.Stop()
		}
	}
}

func begin(ctx context.Context, o *options, mode, name string) (*side, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &side{admin: l.Addr().String()}
	if err := l.Close(); err != nil {
		return nil, err
	}
	args := []string{"serve", "--http", "127.0.0.1:0", "--auth", "off", "--log-level", "error", "--admin", s.admin}
	if mode == "memory" {
		args = append(args, "--memory")
	} else {
		data := filepath.Join(o.dir, name)
		if err := os.RemoveAll(data); err != nil {
			return nil, err
		}
		args = append(args, "--data-dir", data, "--fsync", mode)
	}
	if s.process, err = process.Start(ctx, o.synap, args...); err != nil {
		return nil, err
	}
	if s.client, err = client.Dial(ctx, "umicp://"+s.process.Peers, client.Options{PeerID: "bench"}); err != nil {
		s.process.Stop()
		return nil, err
	}
	return s, nil
}

// link links them, what flows being of that kind: rooms, collections or topics.
func (p *pair) link(ctx context.Context, kind, pattern string) error {
	return p.maker.client.Call(ctx, "peer.add", map[string]any{"name": "other", "url": p.url, "rules": []any{map[string]any{kind: pattern, "direction": p.direction}}}, nil)
}

// taken is how much has flowed.
func (p *pair) taken(ctx context.Context) (uint64, error) {
	all, err := p.maker.client.PeerList(ctx, &client.PeerListRequest{})
	if err != nil || len(all.Items) != 1 {
		return 0, fmt.Errorf("the peer is not listed: %w", err)
	}
	line := all.Items[0]
	if line.Lost > 0 {
		return 0, fmt.Errorf("%d were lost", line.Lost)
	}
	if p.out {
		return line.Out, nil
	}
	return line.In, nil
}

// look is how often it is looked how much has flowed.
const look = 2 * time.Millisecond

// until waits until so many have flowed.
func (p *pair) until(ctx context.Context, n uint64) error {
	for {
		taken, err := p.taken(ctx)
		if err != nil || taken >= n {
			return err
		}
		select {
		case <-time.After(look):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watched is what is measured of both servers while something flows.
type watched struct {
	pair           *pair
	began          time.Time
	reader, writer time.Duration
	bytes          float64
}

func (p *pair) watch(ctx context.Context) (*watched, error) {
	bytes, err := p.bytes(ctx)
	if p.profiles != "" {
		p.profile(ctx)
	}
	return &watched{p, time.Now(), p.from.process.CPU(), p.to.process.CPU(), bytes}, err
}

// over is what it was for so many.
func (w *watched) over(ctx context.Context, n int) (f figure, err error) {
	took, each := time.Since(w.began), float64(n)
	f = figure{
		rate: each / took.Seconds(), reader: float64((w.pair.from.process.CPU() - w.reader).Microseconds()) / each,
		writer: float64((w.pair.to.process.CPU() - w.writer).Microseconds()) / each,
	}
	bytes, err := w.pair.bytes(ctx)
	f.bytes = (bytes - w.bytes) / each
	return f, err
}

var counted = regexp.MustCompile(`(?m)^synap_umicp_bytes_total\{direction="(?:in|out)"\} (\S+)`)

// bytes are those that went through the server that is dialled.
func (p *pair) bytes(ctx context.Context) (all float64, err error) {
	dialled := p.from
	if p.out {
		dialled = p.to
	}
	text, err := get(ctx, "http://"+dialled.process.Address+"/metrics")
	for _, found := range counted.FindAllSubmatch(text, -1) {
		n, _ := strconv.ParseFloat(string(found[1]), 64)
		all += n
	}
	return all, err
}

func get(ctx context.Context, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// profile takes profiles of both servers for two seconds from now on.
func (p *pair) profile(ctx context.Context) {
	for end, s := range map[string]*side{"reader": p.from, "writer": p.to} {
		p.profiling.Go(func() {
			data, err := get(ctx, "http://"+s.admin+"/debug/pprof/profile?seconds=2")
			if err == nil {
				err = os.WriteFile(p.profiles+"-"+end+".prof", data, 0o600)
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, "no profile:", err)
			}
		})
	}
}
