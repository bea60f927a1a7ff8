package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// childEnv makes the test binary be synap, so that tests can start real processes of it.
const childEnv = "SYNAP_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		main()
	}
	for _, s := range settings {
		if err := os.Unsetenv(s.env()); err != nil {
			panic(err)
		}
	}
	// Tests ask for keys where they mean to, and keep none of theirs in anybody's home.
	home, err := os.MkdirTemp("", "synap-test-home")
	if err != nil {
		panic(err)
	}
	for name, value := range map[string]string{"SYNAP_AUTH": "off", "HOME": home, "XDG_CONFIG_HOME": home} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	_ = os.RemoveAll(home)
	os.Exit(code)
}

// result is what one run of the program left behind.
type result struct {
	out, err string
	code     int
}

// synap runs the program in this process.
func synap(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return result{out.String(), errs.String(), code}
}

// serve runs a whole server in this process and returns its URL.
func serve(t *testing.T) string {
	t.Helper()
	before := goleak.IgnoreCurrent()
	c := &Config{HTTP: "127.0.0.1:0", MaxBody: 16 << 20, Auth: "off"}
	c.Log.Level, c.Log.Format = "error", "text"
	log, err := (&app{stderr: io.Discard}).newLog(c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(c, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
	return "http://" + s.listener.Addr().String()
}

// process is a real process of synap. Its standard error is kept; it is killed if it outlives the test.
type process struct {
	*exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr bytes.Buffer
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &process{Cmd: exec.Command(self, args...)}
	c.Env = append(os.Environ(), childEnv+"=1")
	c.Stderr = &c.stderr
	if c.stdin, err = c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.stdout = bufio.NewReader(out)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c.ProcessState == nil {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	})
	return c
}

// line returns the next line that the process prints.
func (c *process) line(t *testing.T) string {
	t.Helper()
	line, err := c.stdout.ReadString('\n')
	if err != nil {
		t.Fatalf("the process printed no line: %v; it said %s", err, c.stderr.String())
	}
	return strings.TrimSpace(line)
}

var (
	listening = regexp.MustCompile(`http://[0-9.:]+`)
	peering   = regexp.MustCompile(`umicp://[0-9.:]+`)
)

// startServer starts a server process on a free port and returns its URL.
func startServer(t *testing.T) (*process, string) {
	t.Helper()
	c := start(t, "serve", "--http", "127.0.0.1:0", "--data-dir", t.TempDir())
	return c, listening.FindString(c.line(t))
}
