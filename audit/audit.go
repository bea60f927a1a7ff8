// Package audit writes who did what to a file of JSON lines: the caller, the command, the names that it was about, whether it
// was allowed and how it went. It never writes a value, a password or a key.
//
// A line is written before the call's answer goes out, with one system call and no flush: it survives the process and not the
// machine's power. The file is closed and set aside when it is full, and the oldest ones are removed. When a line cannot be
// written, calls go on, and that is counted and told: a full disk must not be a way to stop the server, nor one to hide
// unnoticed.
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// Mode says which calls are written down.
type Mode string

// The modes.
const (
	Off   Mode = "off"
	Admin Mode = "admin" // what needs admin access, and what was refused for lack of rights
	All   Mode = "all"
)

// Modes are all modes.
var Modes = []string{string(Off), string(Admin), string(All)}

// Bounds of a line.
const (
	maxNames     = 8   // of those that a call is about
	maxNameBytes = 256 // of each, and of a caller's name
)

// Options say what is written and where. Path is needed.
type Options struct {
	Path     string
	Mode     Mode
	MaxMB    int // of a file; 0 is 100
	MaxFiles int // old files that are kept; 0 is 10
	MaxDays  int // how old they may become; 0 is any age
	// Failed hears when lines cannot be written: at the first of them, and again after one could be. It must not block.
	Failed func(error)
}

// Log is the file.
type Log struct {
	mode    atomic.Pointer[Mode]
	failed  func(error)
	dropped atomic.Uint64

	mu      sync.Mutex
	out     io.WriteCloser
	failing bool // the last line could not be written
}

// Open opens the file, so that a path that cannot be used is found out at the start.
func Open(o Options) (*Log, error) {
	if o.Path == "" {
		return nil, fmt.Errorf("Path: there is none")
	}
	// The library would make it readable to all.
	f, err := os.OpenFile(o.Path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	if o.MaxFiles == 0 {
		o.MaxFiles = 10
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	l := &Log{failed: o.Failed, out: &lumberjack.Logger{Filename: o.Path, MaxSize: o.MaxMB, MaxBackups: o.MaxFiles, MaxAge: o.MaxDays}}
	l.SetMode(o.Mode)
	return l, nil
}

// SetMode has other calls written down from now on.
func (l *Log) SetMode(m Mode) { l.mode.Store(&m) }

// Close closes the file. Calls that come later open it again.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Close()
}

// Dropped is how many lines could not be written since the start.
func (l *Log) Dropped() uint64 { return l.dropped.Load() }

// Entry is one line. Its fields' names are permanent.
type Entry struct {
	Time      time.Time `json:"time"`
	Caller    string    `json:"caller,omitempty"`
	Namespace string    `json:"namespace,omitempty"`
	Command   string    `json:"command,omitempty"` // absent when nobody got so far as to run one
	Access    string    `json:"access,omitempty"`  // what the command needs: read, write or admin
	Names     []string  `json:"names,omitempty"`   // what it was about; a prefix ends in *
	More      int       `json:"more,omitempty"`    // how many further names
	Allowed   bool      `json:"allowed"`
	Outcome   string    `json:"outcome"`          // ok, or the code of the error
	Reason    string    `json:"reason,omitempty"` // of a refusal
	Door      string    `json:"door,omitempty"`
	Address   string    `json:"address,omitempty"`
	Client    uint64    `json:"client,omitempty"` // the number of the connection
	RequestID string    `json:"request_id,omitempty"`
	TraceID   string    `json:"trace_id,omitempty"`
}

// Call writes down a call; it is an Audit of command.Observer.
func (l *Log) Call(ctx context.Context, r *command.Request, err error) {
	code := fault.CodeOf(err)
	refused := err != nil && (code == fault.Denied || code == fault.Unauthenticated)
	switch *l.mode.Load() {
	case All:
	case Admin:
		if !refused && r.Command.Needs() != auth.Admin {
			return
		}
	default:
		return
	}
	e := Entry{Command: r.Command.Name, Access: r.Command.Needs().String(), Allowed: !refused, Outcome: "ok", Caller: cut(r.Caller.Name)}
	if err != nil {
		e.Outcome = code.String()
	}
	if refused {
		e.Reason = cut(fault.From(err).Message)
	}
	e.Namespace = r.Namespace
	if e.Namespace == "" {
		e.Namespace = r.Caller.Namespace
	}
	e.Namespace = cut(e.Namespace)
	names, more := r.Touched(maxNames)
	e.More = more
	for _, n := range names {
		name := cut(n.Name)
		if n.Match == auth.Prefix {
			name += "*"
		}
		e.Names = append(e.Names, name)
	}
	l.write(ctx, r.Number, e)
}

// Refused writes down somebody who could not say who they are, unless nothing is written at all.
func (l *Log) Refused(ctx context.Context, address netip.Addr, err error) {
	if m := *l.mode.Load(); m != All && m != Admin {
		return
	}
	e := Entry{Outcome: fault.CodeOf(err).String(), Reason: cut(fault.From(err).Message)}
	if address.IsValid() {
		e.Address = address.String()
	}
	l.write(ctx, 0, e)
}

func (l *Log) write(ctx context.Context, number uint64, e Entry) {
	e.Time = time.Now().UTC()
	trace := clients.TraceFor(ctx, number)
	e.RequestID, e.TraceID = trace.RequestID, trace.TraceID
	if c := clients.FromContext(ctx); c != nil {
		info := c.Info()
		e.Client, e.Door, e.Address = info.ID, info.Door, info.Address
	}
	line, err := json.Marshal(&e)
	if err == nil {
		line = append(line, '\n')
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		_, err = l.out.Write(line)
	}
	switch {
	case err != nil:
		l.dropped.Add(1)
		if !l.failing {
			l.failing = true
			l.failed(err)
		}
	default:
		l.failing = false
	}
}

// cut bounds a text.
func cut(s string) string {
	if len(s) <= maxNameBytes {
		return s
	}
	most := maxNameBytes
	for most > 0 && s[most]&0xC0 == 0x80 {
		most-- // not in the middle of a character
	}
	return s[:most] + "…"
}
