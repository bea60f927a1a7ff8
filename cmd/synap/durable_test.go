package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/memory"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// TestAStartWithoutRoom wants a start that has no room to say what it needs, whatever it was about to write.
func TestAStartWithoutRoom(t *testing.T) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	c := &Config{DataDir: "data"}
	c.Persistence.WAL.FsyncMode, c.Persistence.WAL.SegmentBytes = "none", 64<<20
	var refused atomic.Int64
	for _, kind := range []vfs.OpKind{vfs.OpAllocate, vfs.OpWrite, vfs.OpSync} {
		disk := vfs.NewFaulty(vfs.NewMem(), func(op vfs.Op) vfs.Fault {
			if op.Kind == kind && strings.Contains(op.Name, "data/log") {
				refused.Add(1)
				return vfs.Fault{Err: syscall.ENOSPC}
			}
			return vfs.Fault{}
		})
		engine, store, err := openDurable(c, disk, log, memory.Options{}, nil)
		if err == nil {
			err = errors.Join(c.recoverDurable(t.Context(), engine, store), store.Close())
		}
		if fault.CodeOf(err) != fault.Exhausted || !strings.Contains(err.Error(), "takes 64.0 MiB for its next file; make room") || !strings.Contains(err.Error(), "SYNAP_PERSISTENCE_WAL_SEGMENT_BYTES=1048576") {
			t.Errorf("no room for %v: %v", kind, err)
		}
	}
	if refused.Load() == 0 {
		t.Error("nothing was refused")
	}
}

// TestADataDirectoryThatIsNone names what is wrong with it.
func TestADataDirectoryThatIsNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := synap(t, "", "serve", "--http", "127.0.0.1:0", "--data-dir", file)
	if exitCode(got.code) != exitUnavailable || !strings.Contains(got.err, "the data directory "+file+" cannot be used: ") {
		t.Errorf("serve: %+v", got)
	}
}
