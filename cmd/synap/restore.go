package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/snapshot"
	"github.com/hivellm/synap-go/persistence/vfs"
	"github.com/hivellm/synap-go/persistence/wal"
)

// restored is what `synap restore` made.
type restored struct {
	Directory string  `json:"directory"`
	Version   uint64  `json:"version"`
	Bytes     int64   `json:"bytes"`
	Seconds   float64 `json:"seconds"`
}

func (a *app) restoreVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use: "restore <backup> <directory>", Short: "Make a data directory of a backup, and verify both", Args: exactly(2),
		Long: "Make a data directory of a backup, or a copy of a data directory that no server uses: what is there is verified, as by\n" +
			"`synap check`, copied, and verified again before it gets its name. A directory that exists and is not empty is refused.",
		RunE: a.restore,
	}
	addSettings(cmd, cmd.Flags(), "output")
	return cmd
}

func (a *app) restore(cmd *cobra.Command, args []string) error {
	config, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	began := time.Now()
	lock, err := holdStill(args[0])
	if err != nil {
		return err
	}
	defer lock.Close() // nothing was written to it
	source, err := a.verify(cmd.Context(), args[0])
	if err != nil {
		return err
	}
	target, err := newTarget(args[1])
	if err != nil {
		return err
	}
	bytes, err := a.copyData(cmd.Context(), args[0], target, source)
	if err != nil {
		return errors.Join(err, target.abandon())
	}
	done := restored{Directory: args[1], Version: source.Last, Bytes: bytes, Seconds: time.Since(began).Seconds()}
	return a.sayDone(config, done, fmt.Sprintf("%s holds everything up to version %d: %s, verified, in %.1f s; try: synap serve --data-dir %s",
		args[1], done.Version, size(bytes), done.Seconds, args[1])+
		fmt.Sprintf("\nkeys that were made before are good; for a new one that may do everything: synap key new --data-dir %s", args[1]))
}

// holdStill sees to it that no server uses the directory, or begins to, until the lock is given back. A directory
// without a lock file was never used by one, and what this user cannot write, no server of theirs uses.
func holdStill(dir string) (io.Closer, error) {
	name := filepath.Join(dir, "LOCK")
	if _, err := os.Stat(name); err != nil {
		return io.NopCloser(nil), nil //nolint:nilerr // see above
	}
	lock, err := vfs.OS.Lock(name)
	switch {
	case errors.Is(err, vfs.ErrLocked):
		return nil, fault.New(fault.Unavailable, "%s is in use by %s: take a backup of it with synap backup", dir, userOf(dir))
	case err != nil:
		return io.NopCloser(nil), nil //nolint:nilerr // see above
	}
	return lock, nil
}

// userOf says who uses a directory, as far as is known.
func userOf(dir string) string {
	owner := persistence.Who(readable{vfs.OS}, dir)
	switch {
	case owner.PID == 0:
		return "another process"
	case owner.Address == "":
		return fmt.Sprintf("process %d", owner.PID)
	}
	return fmt.Sprintf("process %d, a server at %s", owner.PID, owner.Address)
}

// copyData copies what belongs to the data, verifies the copy and gives it its name.
func (a *app) copyData(ctx context.Context, dir string, target *target, source report) (int64, error) {
	names, total, err := dataFiles(dir)
	if err != nil {
		return 0, whyNot(err)
	}
	out := newFiles(target.partial)
	bar := a.bar("restoring")
	var done int64
	for i := 0; i < len(names) && err == nil; i++ {
		err = pieces(ctx, dir, names[i], func(at int64, data []byte) error {
			done += int64(len(data))
			bar.show(done, total)
			return out.write(names[i], at, data)
		})
	}
	bar.end()
	if err = errors.Join(err, out.finish()); err != nil {
		return 0, whyNot(err)
	}
	r, err := a.verify(ctx, target.partial)
	if err == nil && (r.Last != source.Last || r.Records != source.Records) {
		err = fault.New(fault.Corrupt, "the copy ends with version %d, and %s with %d", r.Last, dir, source.Last)
	}
	if err != nil {
		return 0, err
	}
	return done, target.publish()
}

// dataFiles are the files that make up the data, and how long they are together.
func dataFiles(dir string) (names []string, total int64, err error) {
	snapshots, err := snapshot.List(vfs.OS, filepath.Join(dir, "snapshots"))
	if err != nil {
		return nil, 0, err
	}
	for _, s := range snapshots {
		names = append(names, path.Join("snapshots", s.Name))
	}
	segments, err := wal.Files(vfs.OS, filepath.Join(dir, "log"))
	if err != nil {
		return nil, 0, err
	}
	for _, s := range segments {
		names = append(names, path.Join("log", s))
	}
	for _, name := range names {
		info, err := vfs.OS.Stat(filepath.Join(dir, name))
		if err != nil {
			return nil, 0, err
		}
		total += info.Size
	}
	return names, total, nil
}

// pieces hands a file to put, piece by piece.
func pieces(ctx context.Context, dir, name string, put func(at int64, data []byte) error) (err error) {
	in, err := os.Open(filepath.Join(dir, name)) //nolint:gosec // the directory that the user named
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	buf := make([]byte, persistence.PieceBytes)
	for at := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return fault.From(err)
		}
		n, err := in.ReadAt(buf, at)
		if n > 0 {
			if err := put(at, buf[:n]); err != nil {
				return err
			}
			at += int64(n)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// tellDamage says what is wrong with a directory on standard error.
func (a *app) tellDamage(r report) {
	var text strings.Builder
	for _, d := range r.Damage {
		tell(&text, "synap: %s: %s\n", r.Directory, d.Error())
	}
	tell(a.stderr, "%s", text.String())
}
