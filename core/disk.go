package core

import (
	"context"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// Disk is what keeps the engine's data, seen by those who administer it.
type Disk interface {
	// Snapshot takes a snapshot and returns when it is on disk.
	Snapshot(ctx context.Context) (Snapshot, error)
	// Status says how the disk fares.
	Status() DiskStatus
	// Backup hands a copy of everything to emit, piece by piece, while commands go on. It ends with emit's error.
	Backup(ctx context.Context, emit func(BackupPart) error) error
}

// Snapshot is a snapshot that was taken.
type Snapshot struct {
	File     string           `json:"file" jsonschema:"its name in the data directory's folder snapshots"`
	Position journal.Position `json:"position" jsonschema:"everything up to here is in it"`
	Bytes    int64            `json:"bytes" jsonschema:"its size on disk"`
	RawBytes int64            `json:"raw_bytes" jsonschema:"its size before compression"`
	Seconds  float64          `json:"seconds" jsonschema:"how long it took"`
}

// DiskStatus is how the disk fares.
type DiskStatus struct {
	Mode          string    `json:"fsync_mode" jsonschema:"when writes are forced to disk: none, periodic or always"`
	LogBytes      int64     `json:"log_bytes" jsonschema:"the size of the log on disk"`
	First         uint64    `json:"first" jsonschema:"the oldest version that the log has"`
	Last          uint64    `json:"last" jsonschema:"the newest version there is"`
	Synced        uint64    `json:"synced" jsonschema:"the newest version that is on disk for sure"`
	Snapshots     int       `json:"snapshots" jsonschema:"how many snapshots are kept"`
	SnapshotFirst uint64    `json:"snapshot_version" jsonschema:"the version at which the newest snapshot began; 0 when there is none"`
	SnapshotAt    time.Time `json:"snapshot_at,omitzero" jsonschema:"when the newest snapshot was taken, if there is one"`
	Trouble       string    `json:"trouble,omitempty" jsonschema:"why no changes are taken; absent while all is well"`
}

// BackupPart is a part of a backup: first how it begins, then the pieces of its files, then how it ends. The files, under
// their names, are a data directory.
type BackupPart struct {
	Event    string           `json:"event" jsonschema:"begin, part or end"`
	Position journal.Position `json:"position,omitzero" jsonschema:"of begin and end: everything up to here is in the backup"`
	Bytes    int64            `json:"bytes,omitempty" jsonschema:"of begin: about how many bytes will come; of end: how many came"`
	File     string           `json:"file,omitempty" jsonschema:"of part: the file's name, relative to the data directory"`
	Offset   int64            `json:"offset,omitempty" jsonschema:"of part: where in the file the piece belongs; pieces come in order, and so do files"`
	Data     value.Value      `json:"data,omitzero" jsonschema:"of part: the piece, at most 256 KiB"`
	SHA256   string           `json:"sha256,omitempty" jsonschema:"of end: the SHA-256 of all pieces, one after the other, in hexadecimal digits"`
}

const diskID = 8 // permanent

// maxBackups bounds how many backups are taken at once: each keeps files open that may have been removed. The next one is
// refused with Exhausted.
const maxBackups = 4

// disk declares the commands of those who look after the data on disk.
func (e *Engine) diskStructure() *command.Structure {
	backups := make(chan struct{}, maxBackups)
	return &command.Structure{
		Name: "persistence", ID: diskID,
		Summary: "The data on disk: snapshots, backups and how the log fares.",
		New:     func(command.Env) command.State { return &diskState{engine: e, backups: backups} },
		Commands: []*command.Command{
			command.Act(command.Info{
				Name: "persistence.snapshot", Op: 0x0801, Open: true, Access: auth.Admin, Hints: command.Idempotent,
				Summary: "Take a snapshot now, and answer when it is on disk.",
				Doc: "Writers go on meanwhile. Snapshots are taken by themselves, too; an extra one makes the next start faster and lets the log be " +
					"shortened. The newest two are kept, and the log back to the older one.",
			}, (*diskState).snapshot),
			command.Act(command.Info{
				Name: "persistence.status", Op: 0x0802, Open: true, Access: auth.Read, Hints: command.Idempotent,
				Summary: "Report how the log and the snapshots fare.",
			}, (*diskState).status),
			command.Watch(command.Info{
				Name: "persistence.backup", Op: 0x0803, Open: true, Access: auth.Admin,
				Summary: "Hand out a copy of the data directory, of all namespaces, while writers go on.",
				Doc: "It is a fresh snapshot and the log that goes on from it: everything that was answered before the backup began, and " +
					"nothing after the position that it begins with. `synap backup` writes it to disk and verifies it. A reader who is slow " +
					"slows it down, and nothing else; it cannot be resumed or asked for in portions.",
			}, (*diskState).backup),
		},
	}
}

type diskState struct {
	command.NoData
	engine  *Engine
	backups chan struct{} // holds a token for each backup that is being taken
}

// BackupRequest asks for a backup.
type BackupRequest struct{ command.Following }

// SnapshotRequest asks for nothing in particular.
type SnapshotRequest struct{}

// DiskStatusRequest asks for nothing in particular.
type DiskStatusRequest struct{}

func (s *diskState) disk() (Disk, error) {
	if s.engine.disk == nil {
		return nil, fault.New(fault.Unsupported, "this server keeps everything in memory: it has no data on disk")
	}
	return s.engine.disk, nil
}

func (s *diskState) snapshot(ctx context.Context, _ *SnapshotRequest) (Snapshot, error) {
	d, err := s.disk()
	if err != nil {
		return Snapshot{}, err
	}
	return d.Snapshot(ctx)
}

func (s *diskState) status(context.Context, *DiskStatusRequest) (DiskStatus, error) {
	d, err := s.disk()
	if err != nil {
		return DiskStatus{}, err
	}
	return d.Status(), nil
}

func (s *diskState) backup(ctx context.Context, r *BackupRequest, out *command.Stream[BackupPart]) error {
	d, err := s.disk()
	switch {
	case err != nil:
		return err
	case r.Limit > 0 || !r.From.IsZero():
		return fault.New(fault.Invalid, "a backup is followed from its beginning to its end, and not asked for in portions: use synap backup")
	}
	select {
	case s.backups <- struct{}{}:
		defer func() { <-s.backups }()
	default:
		return fault.New(fault.Exhausted, "%d backups are being taken, and no more may be at once", maxBackups).With("limit", maxBackups)
	}
	if err := out.Flush(journal.Position{}); err != nil { // so that the caller hears of it while the snapshot is taken
		return err
	}
	return d.Backup(ctx, func(part BackupPart) error { return out.Send(journal.Position{}, part) })
}

// DecodeOp reads back an op of any structure of the engine.
func (e *Engine) DecodeOp(structure, kind uint8, data []byte) (journal.Op, error) {
	for _, s := range e.table.Structures() {
		if s.ID == structure && s.DecodeOp != nil {
			return s.DecodeOp(kind, data)
		}
	}
	return nil, fault.New(fault.Corrupt, "there is an op of structure %d, which this program does not know", structure)
}
