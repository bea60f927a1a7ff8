package persistence_test

import (
	"testing"

	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// TestARestartChangesNothing plays, closes, opens, and compares everything there is; with snapshots and without.
func TestARestartChangesNothing(t *testing.T) {
	for _, mode := range []persistence.Mode{persistence.Always, persistence.Periodic, persistence.Never} {
		for name, snapshots := range map[string]bool{"log alone": false, "with snapshots": true} {
			t.Run(mode.String()+", "+name, func(t *testing.T) {
				fs := vfs.NewMem()
				o := persistence.Options{Mode: mode, Compress: true}
				for life := range 4 {
					w := mustOpen(t, fs, o)
					for i := range 100 {
						if err := w.play(life*100 + i); err != nil {
							t.Fatalf("change %d: %v", i, err)
						}
						if snapshots && i%40 == 30 {
							if _, err := w.store.Snapshot(t.Context()); err != nil {
								t.Fatal(err)
							}
							w.store.Compress()
						}
					}
					before, seq := w.engine.Digest(), w.seq()
					w.close(t)
					again := mustOpen(t, fs, o)
					if again.engine.Digest() != before || again.seq() != seq {
						t.Fatalf("life %d: after a restart it is not what it was, at %d and %d", life, again.seq(), seq)
					}
					again.close(t)
				}
			})
		}
	}
}
