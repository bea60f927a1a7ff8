package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"net"
	"strconv"
	"sync"
	"time"
)

// load is a closed loop: every connection sends its next request when it has the answer to its last one. It
// writes requests that were made before and reads of an answer only what it must, so that it measures the
// server and not itself.
type load struct {
	address     string   // host:port
	requests    [][]byte // sent in turn
	connections int
	duration    time.Duration
}

// dialTimeout bounds how long a connection may take to open, and answerTimeout an answer.
const (
	dialTimeout   = 5 * time.Second
	answerTimeout = 10 * time.Second
)

// run returns how long the answers took and how long it all lasted. The first thing that goes wrong ends it.
func (l *load) run(ctx context.Context) (latencies, time.Duration, error) {
	var all latencies
	conns := make([]net.Conn, l.connections)
	dialer := net.Dialer{Timeout: dialTimeout}
	for i := range conns {
		c, err := dialer.DialContext(ctx, "tcp", l.address)
		if err != nil {
			return all, 0, fmt.Errorf("%w: %w", errNoServer, err)
		}
		defer c.Close() //nolint:errcheck // nothing is unsent
		conns[i] = c
	}
	ctx, cancel := context.WithTimeoutCause(ctx, l.duration, errDone)
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var mu sync.Mutex
	var workers sync.WaitGroup
	start := time.Now()
	for i, c := range conns {
		workers.Go(func() {
			own := new(latencies)
			fail(l.drive(ctx, c, i*len(l.requests)/len(conns), own))
			mu.Lock()
			defer mu.Unlock()
			all.add(own)
		})
	}
	workers.Wait()
	took := time.Since(start)
	if err := context.Cause(ctx); !errors.Is(err, errDone) {
		return all, took, err
	}
	return all, took, nil
}

// errDone is why a load ends that has run as long as it should.
var errDone = errors.New("done")

// drive is one connection's loop, beginning with the request of the given number.
func (l *load) drive(ctx context.Context, c net.Conn, next int, own *latencies) error {
	answers := bufio.NewReaderSize(c, 16<<10)
	if err := c.SetDeadline(time.Now().Add(l.duration + answerTimeout)); err != nil {
		return err
	}
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		start := time.Now()
		if _, err := c.Write(l.requests[next]); err != nil {
			return err
		}
		if err := skipAnswer(answers); err != nil {
			return err
		}
		own.record(time.Since(start))
		if next++; next == len(l.requests) {
			next = 0
		}
	}
}

var contentLength = []byte("content-length:")

// skipAnswer reads one HTTP/1.1 answer that says how long it is, and refuses one that is not a success.
func skipAnswer(r *bufio.Reader) error {
	status, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if len(status) < 12 || !bytes.HasPrefix(status, []byte("HTTP/1.1 ")) || status[9] != '2' {
		return fmt.Errorf("the server answered %q", bytes.TrimSpace(status))
	}
	length := -1
	if bytes.HasPrefix(status[9:], []byte("204")) {
		length = 0
	}
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if len(line) > len(contentLength) && bytes.EqualFold(line[:len(contentLength)], contentLength) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(contentLength):]))); err != nil {
				return fmt.Errorf("a content length that is no number: %q", line)
			}
		}
	}
	if length < 0 {
		return errors.New("the answer does not say how long it is")
	}
	_, err = r.Discard(length)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// subBuckets is how finely latencies divide each power of two: to 1.6 %.
const subBuckets = 64

// latencies counts durations in buckets whose width grows with them. Its zero value is ready for use.
type latencies struct {
	counts [64 * subBuckets]uint64
	total  uint64
	max    time.Duration
}

func bucketOf(d time.Duration) int {
	ns := uint64(max(d, 0))
	if ns < subBuckets {
		return int(ns)
	}
	shift := bits.Len64(ns) - bits.Len64(subBuckets)
	return (shift+1)*subBuckets + int(ns>>shift) - subBuckets //nolint:gosec // less than 2*subBuckets
}

// bucketTop is the largest duration that falls into the bucket.
func bucketTop(i int) time.Duration {
	if i < subBuckets {
		return time.Duration(i)
	}
	shift := i/subBuckets - 1
	return time.Duration(i%subBuckets+subBuckets+1)<<shift - 1
}

func (l *latencies) record(d time.Duration) {
	l.counts[bucketOf(d)]++
	l.total++
	l.max = max(l.max, d)
}

func (l *latencies) add(other *latencies) {
	for i, n := range other.counts {
		l.counts[i] += n
	}
	l.total += other.total
	l.max = max(l.max, other.max)
}

// quantile returns the latency that the given share of the answers did not exceed.
func (l *latencies) quantile(q float64) time.Duration {
	rank := uint64(q * float64(l.total))
	var seen uint64
	for i, n := range l.counts {
		if seen += n; seen > rank {
			return min(bucketTop(i), l.max)
		}
	}
	return l.max
}

// drain sends each request once.
func drain(ctx context.Context, c net.Conn, requests [][]byte) error {
	answers := bufio.NewReader(c)
	for _, request := range requests {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := c.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
			return err
		}
		if _, err := c.Write(request); err != nil {
			return err
		}
		if err := skipAnswer(answers); err != nil {
			return err
		}
	}
	return nil
}
