// Package process starts the servers that are measured, each as a process of its own, so that none pays for
// another or for the load, and says what they took of the machine. It is for benchmarks and nothing else.
package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Process is a server that was started.
type Process struct {
	Address string // host:port where it answers
	Peers   string // where it listens for UMICP, if it says so
	cmd     *exec.Cmd
}

// BuildSynap builds the binary of this source tree into the folder and returns its path.
func BuildSynap(ctx context.Context, dir string) (string, error) {
	const whole = "github.com/hivellm/synap-go/cmd/synap" // found from any folder of the module
	file := filepath.Join(dir, "synap")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", file, whole).CombinedOutput(); err != nil { //nolint:gosec // our own binary
		return "", fmt.Errorf("build synap: %w\n%s", err, out)
	}
	return file, nil
}

var (
	listens = regexp.MustCompile(`listens on http://([0-9.:]+)`)
	peers   = regexp.MustCompile(`umicp://([0-9.:]+)`)
)

// Start runs a server that says where it listens, and waits until it has said so.
func Start(ctx context.Context, name string, args ...string) (*Process, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // our own binaries
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd}
	line, err := bufio.NewReader(out).ReadString('\n')
	found := listens.FindStringSubmatch(line)
	if found == nil {
		p.Stop()
		return nil, fmt.Errorf("it said %q: %w", line, errors.Join(err, io.ErrUnexpectedEOF))
	}
	p.Address = found[1]
	if at := peers.FindStringSubmatch(line); at != nil {
		p.Peers = at[1]
	}
	return p, nil
}

// startTimeout is how long a server may take until it answers, on a machine that does much else.
const startTimeout = 2 * time.Minute

// StartAt runs a server that is told where to listen, of which %host and %port in the arguments are replaced, and
// waits until something answers there.
func StartAt(ctx context.Context, name string, args ...string) (*Process, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	fill := strings.NewReplacer("%host", host, "%port", port)
	for i := range args {
		args[i] = fill.Replace(args[i])
	}
	p := &Process{Address: address, cmd: exec.CommandContext(ctx, name, args...)} //nolint:gosec // what the benchmark names
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for until := time.Now().Add(startTimeout); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return p, c.Close()
		}
		if time.Now().After(until) {
			p.Stop()
			return nil, fmt.Errorf("%s does not answer: %w", name, err)
		}
	}
}

// Stop ends the server and waits for it.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(os.Interrupt) // it has ended already, then
	_ = p.cmd.Wait()                       // it was interrupted, and says so
}

// Kill ends the server as a crash would.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it has ended already, then
	_ = p.cmd.Wait()         // it was killed, and says so
}

// tick is what Linux counts processor time in.
const tick = 10 * time.Millisecond

// CPU is how much processor time the server has taken; 0 where the system does not say.
func (p *Process) CPU() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	// The name in parentheses may hold anything; user and system time are the 12th and 13th field after it.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick
}

// Resident is how many bytes of memory the server has; 0 where the system does not say.
func (p *Process) Resident() int {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1])
	return pages * os.Getpagesize()
}

// Median of figures; 0 of none.
func Median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	if len(sorted) == 0 {
		return 0
	}
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}
