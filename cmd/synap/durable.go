package main

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/memory"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// durable reports whether a server keeps its data on disk.
func (c *Config) durable() bool { return c.Persistence.Enabled && !c.Memory }

// storeOptions are what the configuration says of the disk.
func (c *Config) storeOptions(fsys vfs.FS, decode persistence.DecodeOp) (persistence.Options, error) {
	p := &c.Persistence
	mode, err := persistence.ParseMode(p.WAL.FsyncMode)
	if err != nil {
		return persistence.Options{}, fault.New(fault.Invalid, "persistence.wal.fsync_mode: %v", err)
	}
	o := persistence.Options{
		FS: fsys, Dir: c.DataDir, Decode: decode, Version: version,
		Mode: mode, Interval: time.Duration(p.WAL.FsyncIntervalMS) * time.Millisecond,
		SegmentBytes: p.WAL.SegmentBytes, Compress: p.WAL.Compress,
		SnapshotInterval: time.Duration(p.Snapshot.IntervalSecs) * time.Second, SnapshotLogBytes: p.Snapshot.LogBytes,
		AcceptLossFrom: c.AcceptDataLoss,
	}
	if p.Snapshot.IntervalSecs == 0 {
		o.SnapshotInterval = -1
	}
	if p.Snapshot.LogBytes == 0 {
		o.SnapshotLogBytes = -1
	}
	return o, nil
}

// openDurable opens the data directory and makes an engine whose journal is there. The engine refuses every command
// until recoverDurable is through.
func openDurable(c *Config, fsys vfs.FS, log *logrus.Logger, m memory.Options, links links) (*core.Engine, *persistence.Store, error) {
	var engine *core.Engine
	options, err := c.storeOptions(fsys, func(structure, kind uint8, data []byte) (journal.Op, error) {
		return engine.DecodeOp(structure, kind, data)
	})
	if err != nil {
		return nil, nil, err
	}
	options.Note = notes(log)
	store, err := persistence.Open(options)
	if err != nil {
		return nil, nil, c.noData(err)
	}
	engine, err = newEngine(log, core.Options{Journal: store, Disk: disk{store}, Structures: structures(m, c.keys(), links)})
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	engine.Refuse(func() error { return recovering(store) })
	return engine, store, nil
}

// recoverDurable fills the engine from the data directory and has it take commands.
func (c *Config) recoverDurable(ctx context.Context, engine *core.Engine, store *persistence.Store) error {
	if err := store.Recover(ctx, engine); err != nil {
		known := fault.From(err)
		if sequence, ok := known.Details["sequence"]; ok && known.Code == fault.Corrupt {
			return fault.Wrap(fault.Corrupt, err, "%s\nNothing was changed. If a copy of the data cannot be had, --accept-data-loss=%v starts without record %v and all that "+
				"follow it; what is given up is set aside", known.Message, sequence, sequence).With("sequence", sequence)
		}
		return c.noData(err)
	}
	engine.Refuse(nil)
	return nil
}

// noData says why the data directory cannot be used, where that is not known to be something else.
func (c *Config) noData(err error) error {
	var path *fs.PathError
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fault.Wrap(fault.Exhausted, err, "the disk of the data directory %s is too full to start: the log takes %s for its next file; make room, "+
			"or start with smaller files, such as %s=1048576", c.DataDir, size(c.Persistence.WAL.SegmentBytes), segmentSetting.env())
	case fault.CodeOf(err) != fault.Internal: // as that another process has it, of which something more is told
		return err
	case errors.As(err, &path) && errors.Is(err, fs.ErrPermission):
		return fault.Wrap(fault.Denied, err, "the data directory %s cannot be used: %v; a server needs to read and write all of it", c.DataDir, err)
	case errors.As(err, &path):
		return fault.Wrap(fault.Unavailable, err, "the data directory %s cannot be used: %v", c.DataDir, err)
	}
	return err
}

var segmentSetting = setting{key: "persistence.wal.segment_bytes"}

// recovering is what callers are told until the data is there.
func recovering(store *persistence.Store) error {
	p := store.Progress()
	return fault.New(fault.Unavailable, "the server is starting: it has read %d %% of its data, %.0f records a second; try again in a moment", p.Percent, p.PerS).
		With("percent", p.Percent).With("records_per_second", int64(p.PerS))
}

// notes sends what the store has to say to the log.
func notes(log *logrus.Logger) func(persistence.Level, string, map[string]any) {
	if log == nil {
		return nil
	}
	return func(level persistence.Level, message string, facts map[string]any) {
		levels := [...]logrus.Level{persistence.Info: logrus.InfoLevel, persistence.Warning: logrus.WarnLevel, persistence.Failure: logrus.ErrorLevel}
		log.WithFields(facts).Log(levels[level], message)
	}
}

// disk is a store as an engine's commands see it.
type disk struct{ store *persistence.Store }

func (d disk) Snapshot(ctx context.Context) (core.Snapshot, error) {
	t, err := d.store.Snapshot(ctx)
	return core.Snapshot{
		File: t.Name, Position: journal.Position{Epoch: t.Epoch, Seq: t.Seq}, Bytes: t.Bytes, RawBytes: t.Raw, Seconds: t.Seconds,
	}, err
}

func (d disk) Status() core.DiskStatus {
	u := d.store.Usage()
	s := core.DiskStatus{
		Mode: u.Mode, LogBytes: u.LogBytes, First: u.FirstRecord, Last: u.LastRecord, Synced: u.SyncedRecord,
		Snapshots: u.Snapshots, SnapshotFirst: u.SnapshotSeq,
	}
	if u.Snapshots > 0 {
		s.SnapshotAt = u.SnapshotAt
	}
	if err := d.store.Health(); err != nil {
		s.Trouble = err.Error()
	}
	return s
}
