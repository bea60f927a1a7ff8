package core

import (
	"context"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// Disk is what keeps the engine's data, seen by those who administer it.
type Disk interface {
	// Snapshot takes a snapshot and returns when it is on disk.
	Snapshot(ctx context.Context) (Snapshot, error)
	// Status says how the disk fares.
	Status() DiskStatus
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

const diskID = 8 // permanent

// disk declares the commands of those who look after the data on disk.
func (e *Engine) diskStructure() *command.Structure {
	return &command.Structure{
		Name: "persistence", ID: diskID,
		Summary: "The data on disk: snapshots and how the log fares.",
		New:     func(command.Env) command.State { return &diskState{engine: e} },
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
		},
	}
}

type diskState struct {
	command.NoData
	engine *Engine
}

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

// DecodeOp reads back an op of any structure of the engine.
func (e *Engine) DecodeOp(structure, kind uint8, data []byte) (journal.Op, error) {
	for _, s := range e.table.Structures() {
		if s.ID == structure && s.DecodeOp != nil {
			return s.DecodeOp(kind, data)
		}
	}
	return nil, fault.New(fault.Corrupt, "there is an op of structure %d, which this program does not know", structure)
}
