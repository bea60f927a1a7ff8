package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
)

// load reads the configuration of `synap serve` with the given flags.
func loadWith(t *testing.T, args ...string) (*Config, error) {
	t.Helper()
	root, err := (&app{}).root()
	if err != nil {
		t.Fatal(err)
	}
	cmd, flags, err := root.Find(append([]string{"serve"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags(flags); err != nil {
		t.Fatal(err)
	}
	return loadConfig(cmd)
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "synap.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPrecedence(t *testing.T) {
	path := file(t, "http: 127.0.0.1:3\nmax_body: 99\nhosts: [a.example, b.example]\nlog:\n  level: debug\n")
	steps := []struct {
		name, flag, env, file, want string
	}{
		{"a default", "", "", "", defaultAddress},
		{"the file goes before a default", "", "", path, "127.0.0.1:3"},
		{"the environment goes before the file", "", "127.0.0.1:2", path, "127.0.0.1:2"},
		{"a flag goes before the environment", "127.0.0.1:1", "127.0.0.1:2", path, "127.0.0.1:1"},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			t.Setenv("SYNAP_HTTP", s.env)
			t.Setenv("SYNAP_CONFIG", s.file)
			var args []string
			if s.flag != "" {
				args = []string{"--http", s.flag}
			}
			c, err := loadWith(t, args...)
			if err != nil || c.HTTP != s.want {
				t.Fatalf("http = %+v, %v, want %s", c, err, s.want)
			}
			if given := s.flag+s.env+s.file != ""; c.given["http"] != given {
				t.Errorf("given = %v, want %v", c.given["http"], given)
			}
		})
	}
	t.Setenv("SYNAP_ORIGINS", "https://x.example,https://y.example")
	c, err := loadWith(t, "--config", path)
	if err != nil {
		t.Fatal(err)
	}
	if c.MaxBody != 99 || c.Log.Level != "debug" || strings.Join(c.Hosts, " ") != "a.example b.example" || len(c.Origins) != 2 {
		t.Errorf("config = %+v", c)
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"a misspelt key", "max_bodi: 5", `did you mean "max_body"?`},
		{"a key that means nothing", "favourite_colour: green", "`synap config show --defaults` lists all"},
		{"a misspelt key inside", "log:\n  levle: debug", `did you mean "log.level"?`},
		{"what is no YAML", "http: [", "synap.yaml"},
		{"a number that is none", "max_body: lots", "max_body"},
		{"a negative number", "max_body: -1", "max_body: -1"},
		{"a time that is none", "timeout: 5 parsecs", "timeout"},
		{"no time at all", "timeout: 0s", "timeout: 0s"},
		{"a level that is none", "log:\n  level: loud", `log.level: "loud" is not one of`},
		{"a server that is no URL", "server: nowhere", "server: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := loadWith(t, "--config", file(t, test.file))
			if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), test.want) {
				t.Errorf("loadConfig = %v, want an invalid error with %q", err, test.want)
			}
		})
	}
	if _, err := loadWith(t, "--config", filepath.Join(t.TempDir(), "none.yaml")); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestOnlyLoopback(t *testing.T) {
	for address, ok := range map[string]bool{
		"127.0.0.1:1": true, "127.9.9.9:1": true, "localhost:1": true, "[::1]:1": true,
		"0.0.0.0:1": false, ":1": false, "192.168.1.2:1": false, "[::]:1": false, "example.com:1": false, "127.0.0.1": false, "": false,
	} {
		if err := checkExposure(address, true, false); (err == nil) != ok {
			t.Errorf("checkExposure(%q) = %v", address, err)
		}
	}
}
