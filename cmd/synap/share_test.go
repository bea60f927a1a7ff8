package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	mcplib "github.com/mark3labs/mcp-go/mcp"
)

// desk is a desktop client with its `synap mcp`.
type desk struct {
	*testing.T
	*client.Client
	process *exec.Cmd
}

func openDesk(t *testing.T, dir, agent string) *desk {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "mcp", "--data-dir", dir, "--agent", agent, "--profile", "full")
	cmd.Env = append(os.Environ(), childEnv+"=1", "SYNAP_PERSISTENCE_WAL_FSYNC_MODE=always")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &desk{t, client.NewClient(transport.NewIO(out, in, errs)), cmd}
	t.Cleanup(func() {
		_ = in.Close()
		_ = d.Close()
		_ = cmd.Wait() // some were killed
	})
	if err := d.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	hello := mcplib.InitializeRequest{}
	hello.Params.ProtocolVersion = "2025-11-25"
	hello.Params.ClientInfo = mcplib.Implementation{Name: "desk", Version: "1"}
	if _, err := d.Initialize(t.Context(), hello); err != nil {
		t.Fatal(err)
	}
	return d
}

// call calls a tool and returns its text.
func (d *desk) call(tool, arguments string) (string, error) {
	r := mcplib.CallToolRequest{}
	r.Params.Name, r.Params.Arguments = tool, json.RawMessage(arguments)
	got, err := d.CallTool(context.Background(), r)
	if err != nil {
		return "", err
	}
	text := got.Content[0].(mcplib.TextContent).Text
	if got.IsError {
		return "", fmt.Errorf("%s %s: %s", tool, arguments, text)
	}
	return text, nil
}

// TestProcessesShareOneMemory has three processes use one data directory at once. The first, which has it, is killed while all
// are at work, and so is the one after it: what was answered is there, once.
func TestProcessesShareOneMemory(t *testing.T) {
	dir := t.TempDir()
	desks := []*desk{openDesk(t, dir, "one"), openDesk(t, dir, "two"), openDesk(t, dir, "three")}
	if _, err := desks[0].call("synap_agent_send", `{"to":"local/three","message":"hello"}`); err != nil {
		t.Fatal(err)
	}
	if got, err := desks[2].call("synap_agent_inbox", `{}`); err != nil || !strings.Contains(got, `"from":"local/one"`) {
		t.Errorf("three hears %s, %v", got, err)
	}
	answered := 0
	for killed := range 2 {
		var busy sync.WaitGroup
		var mu sync.Mutex
		half := make(chan struct{}, 100)
		for _, d := range desks[killed+1:] {
			busy.Go(func() {
				for range 40 {
					if _, err := d.call("synap_kv_increment", `{"key":"n"}`); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					answered++
					mu.Unlock()
					half <- struct{}{}
				}
			})
		}
		for range 10 {
			<-half
		}
		if err := desks[killed].process.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		busy.Wait()
	}
	want := fmt.Sprintf(`"value":%d`, answered)
	if got, err := desks[2].call("synap_kv_get", `{"keys":["n"]}`); err != nil || !strings.Contains(got, want) {
		t.Errorf("there is %s, %v; %d calls were answered", got, err, answered)
	}
	if answered != 120 {
		t.Errorf("%d calls were answered", answered)
	}
}
