package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/hivellm/synap-go/core/fault"
)

// ReadAll returns the content of a file of at most limit bytes; fault.TooLarge when there are more.
func ReadAll(fsys FS, name string, limit int64) (content []byte, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()

	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fault.New(fault.TooLarge, "%s has %d bytes, the limit is %d", filepath.Base(name), size, limit)
	}
	content = make([]byte, size)
	n, err := f.ReadAt(content, 0)
	if errors.Is(err, io.EOF) {
		err = nil // the file ends where it should, or has become shorter meanwhile
	}
	return content[:n], err
}

// TemporarySuffix ends the names of files that are being written, and mean nothing when found after a crash.
const TemporarySuffix = ".tmp"

// Publish gives a file new content in one step: whoever looks, even after a crash, finds all of the old or all
// of the new. When it returns nil the new content is durable. It is for one writer of a name at a time.
func Publish(fsys FS, name string, data []byte) error {
	temporary := name + TemporarySuffix
	if err := fsys.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeSynced(fsys, temporary, data); err != nil {
		_ = fsys.Remove(temporary) // it means nothing, and the next Publish removes it
		return err
	}
	if err := fsys.Rename(temporary, name); err != nil {
		_ = fsys.Remove(temporary)
		return err
	}
	return fsys.SyncDir(filepath.Dir(name))
}

func writeSynced(fsys FS, name string, data []byte) error {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(data, 0); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
