package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tryRun runs the program and returns what it said.
func tryRun(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	var out bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &out, &out)
	return code, out.String()
}

// TestInstall writes into files of every kind: what is there stays, and a file that cannot be kept whole is left alone.
func TestInstall(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Chdir(home)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, client, file, before, want string }{
		{"a file that is not there", "cursor", ".cursor/mcp.json", "", `"command": "` + self + `"`},
		{"an empty one", "claude-code", ".mcp.json", "\n", `"type": "stdio"`},
		{"one with other servers", "cursor", ".cursor/mcp.json", `{"a":1,"mcpServers":{"other":{"command":"x","args":[],"env":{"K":"<&>"}}},"z":[1.50]}`, `"K": "<&>"`},
		{"an older entry", "vscode", ".vscode/mcp.json", `{"servers":{"synap":{"command":"old"}},"inputs":[]}`, `"inputs": []`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(home, tt.file)
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if tt.before != "" {
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(tt.before), 0o640); err != nil { //nolint:gosec // to see that the mode stays
					t.Fatal(err)
				}
			}
			if code, said := tryRun(t, "mcp", "install", tt.client, "--data-dir", "memory", "--agent", "me"); code != 0 {
				t.Fatalf("%d: %s", code, said)
			}
			text, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(text), tt.want) || strings.Contains(string(text), `"old"`) ||
				!strings.Contains(string(text), filepath.Join(home, "memory")) || !strings.Contains(string(text), `"--agent"`) {
				t.Errorf("it holds %s, %v", text, err)
			}
			if tt.before != "" {
				if kept, err := os.ReadFile(path + ".before-synap"); err != nil || string(kept) != tt.before {
					t.Errorf("the copy holds %q, %v", kept, err)
				}
				if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
					t.Errorf("the mode is %v, %v", info.Mode(), err)
				}
			}
			if code, said := tryRun(t, "mcp", "install", tt.client, "--data-dir", "memory", "--agent", "me"); code != 0 || !strings.Contains(said, "has it already") {
				t.Errorf("again: %d: %s", code, said)
			}
		})
	}
	t.Run("files that are left alone", func(t *testing.T) {
		path := filepath.Join(home, ".vscode", "mcp.json")
		for _, before := range []string{"{\n  // a comment\n  \"servers\": {}\n}", `{"servers":[]}`, `[1]`, `{"servers":{},}`} {
			if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
				t.Fatal(err)
			}
			code, said := tryRun(t, "mcp", "install", "vscode")
			if after, err := os.ReadFile(path); code == 0 || err != nil || string(after) != before || !strings.Contains(said, "is left alone") || !strings.Contains(said, `"synap"`) {
				t.Errorf("%q: %d, %s, it holds %q", before, code, said, after)
			}
		}
	})
	if code, said := tryRun(t, "mcp", "install", "claude-code", "--server", "https://127.0.0.1:1", "--ca", "ca.pem", "--cert", "c.pem", "--cert-key", "k.pem", "--print"); code != 0 ||
		!strings.Contains(said, filepath.Join(home, "ca.pem")) || !strings.Contains(said, `"--cert-key"`) {
		t.Errorf("over TLS: %d, %s", code, said)
	}
	t.Setenv("SYNAP_SERVER", serve(t))
	if code, said := tryRun(t, "mcp", "install", "cursor", "--name", "lasting"); code != 0 || strings.Contains(said, "forgets") {
		t.Errorf("with a server: %d, %s", code, said)
	}
	if code, said := tryRun(t, "mcp", "install", "emacs"); code == 0 || !strings.Contains(said, "claude-desktop, claude-code, cursor, vscode") {
		t.Errorf("a client that there is not: %d, %s", code, said)
	}
	if code, said := tryRun(t, "mcp", "install", "claude-desktop", "--print"); code != 0 || !strings.Contains(said, `"mcpServers"`) {
		t.Errorf("printing: %d, %s", code, said)
	}
	if _, err := os.Stat(desktopConfig("linux", home, os.Getenv)); err == nil {
		t.Error("printing wrote something")
	}
}

// TestInstallOfWhatForgets warns of a memory that ends with the client.
func TestInstallOfWhatForgets(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out}
	if _, err := a.root(); err != nil {
		t.Fatal(err)
	}
	a.warnOfForgetting(t.Context(), &Config{Server: "http://127.0.0.1:1"})
	if !strings.Contains(out.String(), "forgets everything") || !strings.Contains(out.String(), "--data-dir DIR") {
		t.Errorf("it says %q", out.String())
	}
	out.Reset()
	a.warnOfForgetting(t.Context(), &Config{Server: "http://127.0.0.1:1", given: map[string]bool{"data_dir": true}})
	a.warnOfForgetting(t.Context(), &Config{Server: serve(t)})
	if out.Len() > 0 {
		t.Errorf("it says %q", out.String())
	}
}

func TestDoctor(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Chdir(home)
	if code, said := tryRun(t, "mcp", "doctor", "--data-dir", filepath.Join(home, "none")); code != 0 || !strings.Contains(said, "which will be made") ||
		!strings.Contains(said, "a client sees 23 tools") || !strings.Contains(said, "ok    cursor: there is no ") {
		t.Errorf("all is well: %d\n%s", code, said)
	}
	if code, said := tryRun(t, "mcp", "doctor", "--server", "http://127.0.0.1:1"); code == 0 || !strings.Contains(said, "WRONG no server answers at http://127.0.0.1:1") {
		t.Errorf("without the server: %d\n%s", code, said)
	}
	url := wholeServer(t).url
	if code, said := tryRun(t, "mcp", "doctor", "--server", url); code != 0 || !strings.Contains(said, "ok    it answers commands") {
		t.Errorf("with a server: %d\n%s", code, said)
	}
	if err := os.WriteFile(filepath.Join(home, ".mcp.json"), []byte(`{"mcpServers":{"s":{"command":"/nowhere/synap","args":["mcp"]}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, said := tryRun(t, "mcp", "doctor", "--memory"); code == 0 || !strings.Contains(said, `WRONG claude-code: "s" starts /nowhere/synap, which cannot be started`) {
		t.Errorf("with a program that is gone: %d\n%s", code, said)
	}
	if code, said := tryRun(t, "mcp", "doctor", "--memory", "--profile", "nope"); code == 0 || !strings.Contains(said, "there is no profile") {
		t.Errorf("with a profile that there is not: %d\n%s", code, said)
	}
}
