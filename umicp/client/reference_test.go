package client_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
)

// The reference clients in other languages prove docs/umicp.md: each runs the vectors, and calls a server.

const vectorsFile = "../testdata/vectors.json"

func TestPythonClient(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3: the Python client is left out")
	}
	s := serve(t)
	run(t, python, "-B", "../clients/python/check.py", vectorsFile, s.peers)
}

func TestTypeScriptClient(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node: the TypeScript client is left out")
	}
	// Old versions of Node do not strip types, and the tests are not to need npm.
	dir := t.TempDir()
	built := api.Build(api.BuildOptions{
		EntryPoints: []string{"../clients/typescript/check.ts"}, Bundle: true, Platform: api.PlatformNode, Format: api.FormatESModule,
		Outfile: filepath.Join(dir, "check.mjs"), Write: true, Target: api.ES2022,
	})
	for _, e := range built.Errors {
		t.Errorf("%+v: %s", e.Location, e.Text)
	}
	if t.Failed() {
		return
	}
	s := serve(t)
	run(t, node, filepath.Join(dir, "check.mjs"), vectorsFile, s.peers)
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}
