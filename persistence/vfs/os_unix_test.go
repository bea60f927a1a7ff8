//go:build unix

package vfs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hivellm/synap-go/persistence/vfs"
)

func TestFilesBelongToTheirUserAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := place{T: t, FS: vfs.OS, dir: dir}
	p.must(vfs.OS.MkdirAll(dir))
	p.create("a", "secret")
	for name, want := range map[string]os.FileMode{dir: 0o700, p.path("a"): 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v; want %v", name, info.Mode().Perm(), err, want)
		}
	}
}
