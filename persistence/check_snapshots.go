package persistence

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/persistence/snapshot"
)

// snapshots reads all of them, the newest first.
func (k *checking) snapshots() error {
	dir := path.Join(k.Dir, snapshotName)
	files, err := snapshot.List(k.fs, dir)
	if err != nil {
		return err
	}
	for i, file := range files {
		err := k.snapshot(dir, file.Name, i == 0)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it was superseded
		case fault.CodeOf(err) == fault.Corrupt, fault.CodeOf(err) == fault.Unsupported:
			at, _ := fault.From(err).Details["offset"].(int64)
			why := strings.TrimPrefix(err.Error(), fmt.Sprintf("%s at offset %d: ", file.Name, at))
			k.damaged(Damage{File: path.Join(snapshotName, file.Name), Offset: at, Why: why})
		case err != nil:
			return err
		}
	}
	return nil
}

// snapshot reads one, and hands the newest on to the state.
func (k *checking) snapshot(dir, name string, newest bool) (err error) {
	r, err := snapshot.Open(k.fs, dir, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	h := r.Header()
	s := CheckedSnapshot{File: path.Join(snapshotName, name), Version: h.Seq, Until: h.End, Bytes: r.Bytes(), epoch: h.Epoch}
	sections := r.Sections()
	for _, i := range own(sections) {
		at := journal.Place{Namespace: sections[i].Namespace, Structure: sections[i].Structure, Part: sections[i].Part}
		err := r.Read(i, func(chunk []byte) error {
			if err := k.ctx.Err(); err != nil {
				return err
			}
			n, ok := entries(chunk)
			if s.Entries += n; !ok {
				return fault.New(fault.Corrupt, "a chunk of structure %d of namespace %d is no sequence of entries", at.Structure, at.Namespace)
			}
			if newest && k.State != nil {
				return k.State.Restore(at, chunk)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if newest {
		k.loaded = h.Seq
	}
	k.found.Snapshots = append(k.found.Snapshots, s)
	return nil
}

// own is the order in which sections are restored: those of the engine itself come first.
func own(sections []snapshot.Section) []int {
	order := make([]int, len(sections))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return min(int(sections[a].Namespace), 1) - min(int(sections[b].Namespace), 1)
	})
	return order
}

// entries counts the entries of a chunk; ok is false when they do not end where it ends.
func entries(chunk []byte) (n int64, ok bool) {
	for len(chunk) > 0 {
		if _, chunk, ok = journal.NextEntry(chunk); !ok {
			return n, false
		}
		n++
	}
	return n, true
}
