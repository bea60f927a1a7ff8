package distance

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheAssemblyIsWhatItsProgramWrites runs asm, where its modules are on the machine already: it is a module of its own,
// so that nobody who builds Synap needs them.
func TestTheAssemblyIsWhatItsProgramWrites(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program")
	}
	file := filepath.Join(t.TempDir(), "kernels_amd64.s")
	cmd := exec.Command("go", "run", "-C", "asm", ".", "-out", file)
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=readonly", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(out), "module lookup disabled by GOPROXY=off") {
			t.Skip("the modules of asm are not on this machine")
		}
		t.Fatalf("%v\n%s", err, out)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("kernels_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	// The first line says how it was made, which differs by where to.
	_, want, _ = bytes.Cut(want, []byte("\n"))
	if _, got, _ = bytes.Cut(got, []byte("\n")); !bytes.Equal(got, want) {
		t.Error("kernels_amd64.s is not what asm writes: run go generate ./vector/distance")
	}
}
