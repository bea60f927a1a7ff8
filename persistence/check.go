package persistence

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// Check reads all of a data directory, or a backup, and says what is wrong with it. It changes nothing, and takes no
// lock: a server may use the directory meanwhile, and what it writes after Run began is no damage, whether it is seen or
// not. FS, Dir and Decode must be set.
type Check struct {
	FS     vfs.FS
	Dir    string
	Decode DecodeOp

	// State, if it is set, is given everything, as recovery would: it is empty at first, and holds what the directory holds
	// when nothing is damaged.
	State State
	// Progress hears how much was read of about how much, in bytes; nil is nobody.
	Progress func(done, total int64)
}

// Damage is something that is wrong.
type Damage struct {
	File     string `json:"file"`               // relative to the directory
	Offset   int64  `json:"offset"`             // in bytes; of a compressed file of the log, in what it was before
	Sequence uint64 `json:"sequence,omitempty"` // of the record; 0 when it is about none
	Why      string `json:"why"`
}

// Error says where it is, and what.
func (d Damage) Error() string {
	if d.Sequence == 0 {
		return fmt.Sprintf("%s, offset %d: %s", d.File, d.Offset, d.Why)
	}
	return fmt.Sprintf("%s, offset %d, record %d: %s", d.File, d.Offset, d.Sequence, d.Why)
}

// Checked is what a Check found.
type Checked struct {
	Bytes     int64             `json:"bytes"`    // that were read
	Segments  int               `json:"segments"` // of the log
	Records   uint64            `json:"records"`  // of the log that are whole
	Changes   uint64            `json:"changes"`  // in them
	First     uint64            `json:"first"`    // the oldest version that the log has, or would have
	Last      uint64            `json:"last"`     // the newest version there is
	Epoch     uint64            `json:"epoch"`    // of the newest version
	Snapshots []CheckedSnapshot `json:"snapshots"`
	Torn      *Tail             `json:"torn,omitempty"`
	Damage    []Damage          `json:"damage"` // what is wrong; empty when everything is whole
}

// CheckedSnapshot is a snapshot that was read.
type CheckedSnapshot struct {
	File    string `json:"file"`
	Version uint64 `json:"version"` // everything up to it is in the snapshot
	Until   uint64 `json:"until"`   // and nothing after this one
	Bytes   int64  `json:"bytes"`
	Entries int64  `json:"entries"`
	epoch   uint64
}

// Tail is a last write that was cut short, or is under way. The next start cuts it off: nobody was told that it is safe.
type Tail struct {
	File    string `json:"file"`
	Offset  int64  `json:"offset"`
	Version uint64 `json:"version"` // that the record there would have
	Bytes   int64  `json:"bytes"`   // after the last whole record
	Records int    `json:"records"` // among them that are whole themselves, and follow one that is not
	Why     string `json:"why"`
}

// checking is a Check under way.
type checking struct {
	*Check
	ctx    context.Context
	fs     vfs.FS
	found  Checked
	total  int64
	loaded uint64 // State holds everything up to this record
	missed bool   // the log goes on later than that
}

// Run checks. What is damaged is found, and no error; what cannot be read is one.
func (c *Check) Run(ctx context.Context) (Checked, error) {
	k := &checking{Check: c, ctx: ctx, found: Checked{Damage: []Damage{}, Snapshots: []CheckedSnapshot{}}}
	k.fs = looking{c.FS, k.count}
	if _, err := c.FS.List(c.Dir); err != nil {
		return k.found, err
	}
	err := k.measure()
	if err == nil {
		err = k.snapshots()
	}
	if err == nil {
		err = k.log()
	}
	k.found.Bytes = min(k.found.Bytes, k.total) // some were read twice
	return k.found, err
}

// measure finds out how much there is to read, and that there is anything at all.
func (k *checking) measure() error {
	for _, dir := range [...]string{snapshotName, logName} {
		names, err := k.FS.List(path.Join(k.Dir, dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, name := range names {
			if info, err := k.FS.Stat(path.Join(k.Dir, dir, name)); err == nil { // else it is gone
				k.total += info.Size
			}
		}
	}
	if k.total == 0 {
		return fault.New(fault.NotFound, "%s is no data directory: it has neither a log nor snapshots", k.Dir)
	}
	return nil
}

func (k *checking) count(bytes int) {
	k.found.Bytes += int64(bytes)
	if k.Progress != nil {
		k.Progress(min(k.found.Bytes, k.total), k.total)
	}
}

func (k *checking) damaged(d Damage) { k.found.Damage = append(k.found.Damage, d) }
