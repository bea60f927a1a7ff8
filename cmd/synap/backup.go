package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// Backup implements core.Disk.
func (d disk) Backup(ctx context.Context, emit func(core.BackupPart) error) error {
	end := core.BackupPart{Event: "end"}
	sum := sha256.New()
	begin := func(at journal.Position, bytes int64) error {
		end.Position = at
		return emit(core.BackupPart{Event: "begin", Position: at, Bytes: bytes})
	}
	err := d.store.Backup(ctx, begin, func(p persistence.Piece) error {
		end.Bytes += int64(len(p.Data))
		_, _ = sum.Write(p.Data) // a hash never fails
		return emit(core.BackupPart{Event: "part", File: p.File, Offset: p.Offset, Data: value.OfBytes(p.Data)})
	})
	if err != nil {
		return err
	}
	end.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return emit(end)
}

// backedUp is what `synap backup` made.
type backedUp struct {
	Directory string           `json:"directory"`
	Position  journal.Position `json:"position"`
	Bytes     int64            `json:"bytes"`
	Records   uint64           `json:"records"`
	Seconds   float64          `json:"seconds"`
}

func (a *app) backupVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use: "backup <directory>", Short: "Copy all data of a running server into a new directory, and verify it", Args: exactly(1),
		Long: "Copy all data of a running server, of all namespaces, into a new directory, while writers go on. The copy holds everything\n" +
			"that was answered before the backup began; it is verified as by `synap check` before it gets its name. It is a data\n" +
			"directory: `synap serve --data-dir` takes it, and `synap restore` makes another one of it.",
		RunE: a.backup,
	}
	addSettings(cmd, cmd.Flags(), "server", "key", "output")
	return cmd
}

func (a *app) backup(cmd *cobra.Command, args []string) error {
	config, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	began := time.Now()
	target, err := newTarget(args[0])
	if err != nil {
		return err
	}
	done, err := a.fetchBackup(cmd.Context(), config, target)
	if err != nil {
		return errors.Join(err, target.abandon())
	}
	done.Directory, done.Seconds = args[0], time.Since(began).Seconds()
	return a.sayDone(config, done, fmt.Sprintf("%s holds everything up to %s: %s, verified, in %.1f s",
		args[0], done.Position, size(done.Bytes), done.Seconds))
}

// sayDone tells what was done, as JSON or in a sentence.
func (a *app) sayDone(config *Config, done any, sentence string) error {
	if config.Output == "table" {
		tell(a.stdout, "%s\n", sentence)
		return nil
	}
	raw, err := encodeJSON(done)
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(append(raw, '\n'))
	return err
}

// fetchBackup fills the target with a backup, verifies it and gives it its name.
func (a *app) fetchBackup(ctx context.Context, config *Config, target *target) (backedUp, error) {
	c, err := a.table.Find("persistence.backup")
	if err != nil {
		return backedUp{}, err
	}
	server := newRemote(config, a.table)
	defer server.close()
	in := &incoming{files: newFiles(target.partial), bar: a.bar("backing up")}
	err = server.Watch(ctx, &command.Request{Caller: auth.Local(), Command: c}, in)
	in.bar.end()
	if err = errors.Join(err, in.files.finish()); err != nil {
		return backedUp{}, err
	}
	if in.end == nil {
		return backedUp{}, fault.New(fault.Unavailable, "the server ended the backup in the middle")
	}
	r, err := a.verify(ctx, target.partial)
	if err != nil {
		return backedUp{}, err
	}
	if r.Last != in.end.Position.Seq {
		return backedUp{}, fault.New(fault.Corrupt, "the backup ends with version %d, and should with %d", r.Last, in.end.Position.Seq)
	}
	return backedUp{Position: in.end.Position, Bytes: in.end.Bytes, Records: r.Records}, target.publish()
}

// verify wants a directory to be whole.
func (a *app) verify(ctx context.Context, dir string) (report, error) {
	r, err := a.inspect(ctx, dir, false)
	if err == nil && !r.Whole {
		a.tellDamage(r)
		err = fault.New(fault.Corrupt, "%s is damaged", dir)
	}
	return r, err
}

// incoming is the sink of a backup: it writes the files as they come, and checks that nothing is missing.
type incoming struct {
	files *files
	bar   *bar
	total int64
	got   int64
	end   *core.BackupPart
}

// Flush implements command.Sink.
func (in *incoming) Flush(journal.Position) error { return nil }

// Event implements command.Sink.
func (in *incoming) Event(_ journal.Position, event any) error {
	raw, err := encodeJSON(event)
	if err != nil {
		return err
	}
	var p core.BackupPart
	if err := json.Unmarshal(raw, &p); err != nil {
		return fault.Wrap(fault.Corrupt, err, "the server sends what is no backup")
	}
	switch p.Event {
	case "begin":
		in.total = p.Bytes
	case "part":
		data := p.Data.Data()
		in.got += int64(len(data))
		in.bar.show(in.got, in.total)
		return in.files.write(p.File, p.Offset, []byte(data))
	case "end":
		if got := hex.EncodeToString(in.files.sum.Sum(nil)); got != p.SHA256 || in.got != p.Bytes {
			return fault.New(fault.Corrupt, "what came is not what the server sent: %d bytes with the SHA-256 %s, and it sent %d with %s",
				in.got, got, p.Bytes, p.SHA256)
		}
		in.end = &p
	}
	return nil
}

// checkName refuses a name that is not one of a file of a data directory: a server that lies must not write elsewhere.
func checkName(name string) error {
	dir, file := path.Split(name)
	if (dir != "log/" && dir != "snapshots/") || !filepath.IsLocal(file) || file == "." || filepath.Base(file) != file {
		return fault.New(fault.Corrupt, "the server sends a file %q, which belongs into no data directory", clip(name))
	}
	return nil
}

// target is a directory that does not get its name before it is whole.
type target struct{ dir, partial string }

// newTarget makes the directory under a temporary name. One that is there and not empty is refused.
func newTarget(dir string) (*target, error) {
	dir = filepath.Clean(dir)
	t := &target{dir: dir, partial: dir + ".partial"}
	entries, err := os.ReadDir(dir)
	switch {
	case err == nil && len(entries) > 0:
		return nil, fault.New(fault.AlreadyExists, "%s exists, and is not empty: nothing is overwritten", dir)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return nil, fault.New(fault.Invalid, "%v", err)
	}
	if _, err := os.Lstat(t.partial); !errors.Is(err, os.ErrNotExist) {
		return nil, fault.New(fault.AlreadyExists, "%s is left from something that was interrupted: remove it first", t.partial)
	}
	return t, whyNot(vfs.OS.MkdirAll(t.partial))
}

// publish gives the directory its name. All in it is on disk.
func (t *target) publish() error {
	if err := os.Remove(t.dir); err != nil && !errors.Is(err, os.ErrNotExist) { // it was empty
		return err
	}
	if err := os.Rename(t.partial, t.dir); err != nil {
		return err
	}
	return vfs.OS.SyncDir(filepath.Dir(t.dir))
}

// abandon removes what was begun.
func (t *target) abandon() error { return os.RemoveAll(t.partial) }
