package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/certs/certstest"
)

// TestExampleConfigurations: whoever copies one gets a server that starts.
func TestExampleConfigurations(t *testing.T) {
	t.Setenv("SYNAP_AUTH", "on")
	examples, err := filepath.Glob(filepath.Join(root, "packaging", "*.yaml"))
	if err != nil || len(examples) < 4 {
		t.Fatalf("examples %v, %v", examples, err)
	}
	for _, example := range examples {
		if got := synap(t, "", "config", "check", example); got.code != 0 {
			t.Errorf("%s: %+v", example, got)
		}
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, "packaging", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for name, wants := range map[string][]string{
		"Dockerfile":    {"CGO_ENABLED=0", "USER 65532:65532", `HEALTHCHECK`, `["/synap", "health"]`, "container.yaml"},
		"synap.service": {"DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet=\n", "kill -HUP", "config check"},
	} {
		for _, want := range wants {
			if !strings.Contains(read(name), want) {
				t.Errorf("%s has no %q", name, want)
			}
		}
	}
	// What they run exists.
	for _, verb := range [][]string{{"health", "--help"}, {"config", "check", "--help"}, {"serve", "--help"}} {
		if got := synap(t, "", verb...); got.code != 0 {
			t.Errorf("synap %v: %+v", verb, got)
		}
	}
}

// TestDashboardAndAlertsNameWhatThereIs asks a server that has some of everything for its metrics, and looks up every name.
func TestDashboardAndAlertsNameWhatThereIs(t *testing.T) {
	ca := certstest.New(t)
	cert, key := ca.Issue("server", "server", "")
	_, url := startWith(t, file(t, "data_dir: "+t.TempDir()+"\naudit:\n  mode: all\n"), "--tls-cert", cert, "--tls-key", key)
	transport := &http.Transport{}
	c := &Config{FrontConfig: FrontConfig{CA: ca.File("ca.pem")}}
	var err error
	if transport.TLSClientConfig, err = c.clientTLS(); err != nil {
		t.Fatal(err)
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	ask := func(method, path, body string) string {
		t.Helper()
		r, err := http.NewRequest(method, url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		if _ = resp.Body.Close(); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %s %s %v", path, resp.Status, text, err)
		}
		return string(text)
	}
	ask("POST", "/v1/queue/publish", `{"queue":"q","message":1}`)
	ask("POST", "/v1/stream/append", `{"room":"r","event":"e","data":1}`)
	ask("POST", "/v1/stream/group/create", `{"room":"r","group":"g"}`)
	ask("POST", "/v1/pubsub/publish", `{"topic":"t","message":1}`)
	ask("POST", "/v1/persistence/snapshot", `{}`)
	metrics := ask("GET", "/metrics", "")
	var there []string
	for _, m := range regexp.MustCompile(`(?m)^(?:# TYPE )?([a-z_]+)[ {]`).FindAllStringSubmatch(metrics, -1) {
		there = append(there, m[1])
	}
	named := regexp.MustCompile(`\b(?:synap|process|go)_[a-z_]+`)
	for _, path := range []string{"docs/ops/alerts.yml", "docs/ops/grafana-dashboard.json", "docs/operations.md"} {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, ".json") && !json.Valid(text) {
			t.Errorf("%s is not JSON", path)
		}
		names := named.FindAllString(string(text), -1)
		if len(names) < 10 {
			t.Errorf("%s names %d metrics", path, len(names))
		}
		for _, name := range names {
			if !slices.Contains(there, name) && !strings.HasSuffix(name, "_") {
				t.Errorf("%s names %s, which the server does not have", path, name)
			}
		}
	}
	// The other way round: what the server shows of itself is written down.
	text, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (synap_[a-z_]+) `).FindAllStringSubmatch(metrics, -1) {
		if !strings.Contains(string(text), "`"+m[1]+"`") {
			t.Errorf("docs/operations.md does not explain %s", m[1])
		}
	}
}
