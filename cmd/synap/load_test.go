package main

import (
	"bufio"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestBench(t *testing.T) {
	url := serve(t)
	for _, args := range []string{"--mode get", "--mode set", "--mode mixed", "--url-path /health"} {
		got := synap(t, "", append(strings.Fields("bench --duration 50ms --connections 2 --keys 10 --output json --server "+url), strings.Fields(args)...)...)
		var m measured
		if err := json.Unmarshal([]byte(got.out), &m); err != nil || got.code != 0 {
			t.Fatalf("bench %s = %+v, %v", args, got, err)
		}
		if m.Operations == 0 || m.OpsPerSecond <= 0 || m.P50 > m.P95 || m.P95 > m.P99 || m.P99 > m.Max {
			t.Errorf("bench %s measured %+v", args, m)
		}
	}
	if got := synap(t, "", "bench", "--duration", "10ms", "--server", url); !strings.Contains(got.out, "operations a second") {
		t.Errorf("bench for people = %+v", got)
	}
}

func TestBenchRefuses(t *testing.T) {
	url := serve(t)
	tests := []struct {
		args string
		code exitCode
		err  string
	}{
		{"--duration 61s", exitUsage, "duration"},
		{"--mode fast", exitUsage, "mode"},
		{"--connections 0", exitUsage, "connections"},
		{"--keys -1", exitUsage, "keys"},
		{"--value-bytes 9999999", exitUsage, "value-bytes"},
		{"--url-path nowhere", exitUsage, "url-path"},
		{"--server https://127.0.0.1:1", exitUsage, "plain HTTP"},
		{"--server http://127.0.0.1:1", exitUnavailable, "no server answers"},
		{"--url-path /nowhere", exitFailed, "404"},
	}
	for _, test := range tests {
		got := synap(t, "", append([]string{"bench", "--server", url}, strings.Fields(test.args)...)...)
		if exitCode(got.code) != test.code || !strings.Contains(got.err, test.err) {
			t.Errorf("bench %s = %+v, want %d and %q", test.args, got, test.code, test.err)
		}
	}
}

func TestLatencies(t *testing.T) {
	var l latencies
	for i := 1; i <= 1000; i++ {
		l.record(time.Duration(i) * time.Microsecond)
	}
	for q, want := range map[float64]time.Duration{.5: 501 * time.Microsecond, .99: 991 * time.Microsecond, 1: time.Millisecond} {
		got := l.quantile(q)
		if off := float64(got-want) / float64(want); off < -.02 || off > .02 {
			t.Errorf("quantile(%v) = %v, want %v within 2 %%", q, got, want)
		}
	}
	last := -1
	for d := time.Duration(0); d < time.Hour; d += d/50 + 1 {
		i := bucketOf(d)
		if i < last || bucketTop(i) < d || (i > 0 && bucketTop(i-1) >= d) {
			t.Fatalf("%v is in bucket %d, which ends at %v", d, i, bucketTop(i))
		}
		last = i
	}
}

func TestSkipAnswer(t *testing.T) {
	tests := []struct {
		name, answer string
		ok           bool
	}{
		{"a body", "HTTP/1.1 200 OK\r\nX: y\r\ncontent-length: 3\r\n\r\nabc", true},
		{"no content", "HTTP/1.1 204 No Content\r\n\r\n", true},
		{"an error", "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", false},
		{"no length", "HTTP/1.1 200 OK\r\n\r\n", false},
		{"a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", false},
		{"cut off", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", false},
		{"something else", "SSH-2.0-OpenSSH\r\n", false},
	}
	for _, test := range tests {
		r := bufio.NewReader(strings.NewReader(test.answer))
		if err := skipAnswer(r); (err == nil) != test.ok || (test.ok && r.Buffered() > 0) {
			t.Errorf("%s: %v, %d bytes left", test.name, err, r.Buffered())
		}
	}
}
