package vfs

import (
	"fmt"
	"sync/atomic"
)

// OpKind says what an operation on a file system does.
type OpKind uint8

// The kinds of operations: first those of FS, then those of File. What a Lock does is OpWrite and OpClose.
const (
	OpCreate OpKind = iota + 1
	OpOpen
	OpRename
	OpRemove
	OpMkdirAll
	OpList
	OpStat
	OpSyncDir
	OpLock
	OpFree
	OpRead
	OpWrite
	OpTruncate
	OpAllocate
	OpSync
	OpSize
	OpClose
)

var opNames = [...]string{
	OpCreate: "create", OpOpen: "open", OpRename: "rename", OpRemove: "remove", OpMkdirAll: "mkdirall",
	OpList: "list", OpStat: "stat", OpSyncDir: "syncdir", OpLock: "lock", OpFree: "free", OpRead: "read",
	OpWrite: "write", OpTruncate: "truncate", OpAllocate: "allocate", OpSync: "sync", OpSize: "size", OpClose: "close",
}

// String returns the kind's name.
func (k OpKind) String() string {
	if int(k) < len(opNames) && k > 0 {
		return opNames[k]
	}
	return fmt.Sprintf("op(%d)", uint8(k))
}

// Changes reports whether operations of this kind change what a crash may leave, so that a test can fail or
// crash at each of those alone.
func (k OpKind) Changes() bool {
	switch k {
	case OpCreate, OpRename, OpRemove, OpMkdirAll, OpSyncDir, OpLock, OpWrite, OpTruncate, OpAllocate, OpSync:
		return true
	}
	return false
}

// Op is an operation that is about to happen.
type Op struct {
	Kind   OpKind
	N      int64  // it is the so-many-th operation on this file system, from 1
	Name   string // the file's name as it was given when it was opened, or the directory's
	To     string // of a rename: the new name
	Offset int64  // of a read or write
	Length int64  // of a read or write: how many bytes; of a truncate or allocate: the new size
}

// String describes the operation for a test's output.
func (o Op) String() string {
	text := fmt.Sprintf("#%d %s %s", o.N, o.Kind, o.Name)
	switch o.Kind {
	case OpRename:
		return text + " to " + o.To
	case OpRead, OpWrite:
		return text + fmt.Sprintf(" %d bytes at %d", o.Length, o.Offset)
	case OpTruncate, OpAllocate:
		return text + fmt.Sprintf(" to %d bytes", o.Length)
	}
	return text
}

// Fault is what becomes of an operation; the zero Fault is that it happens as it should.
type Fault struct {
	Err   error // what it fails with, instead of happening; a file or lock is closed all the same
	Short int   // of a write that fails: so many bytes of it are written first
}

// NewFaulty returns a file system that does what inner does, except where decide says otherwise.
//
// decide is called before each operation, by whoever does it: it may block, look at the inner file system, take a
// Crash of it, and must be safe for concurrent use if the file system is used so. Operations on files and locks
// count like those on the file system.
func NewFaulty(inner FS, decide func(Op) Fault) FS {
	return &faulty{inner: inner, decide: decide}
}

type faulty struct {
	inner  FS
	decide func(Op) Fault
	count  atomic.Int64
}

func (f *faulty) fault(op Op) Fault {
	op.N = f.count.Add(1)
	return f.decide(op)
}

func (f *faulty) Create(name string) (File, error) {
	if err := f.fault(Op{Kind: OpCreate, Name: name}).Err; err != nil {
		return nil, err
	}
	return f.wrap(name)(f.inner.Create(name))
}

func (f *faulty) Open(name string) (File, error) {
	if err := f.fault(Op{Kind: OpOpen, Name: name}).Err; err != nil {
		return nil, err
	}
	return f.wrap(name)(f.inner.Open(name))
}

// wrap returns a function that makes a faulty file of an opened one.
func (f *faulty) wrap(name string) func(File, error) (File, error) {
	return func(inner File, err error) (File, error) {
		if err != nil {
			return nil, err
		}
		return &faultyFile{fs: f, name: name, inner: inner}, nil
	}
}

func (f *faulty) Rename(from, to string) error {
	if err := f.fault(Op{Kind: OpRename, Name: from, To: to}).Err; err != nil {
		return err
	}
	return f.inner.Rename(from, to)
}

func (f *faulty) Remove(name string) error {
	if err := f.fault(Op{Kind: OpRemove, Name: name}).Err; err != nil {
		return err
	}
	return f.inner.Remove(name)
}

func (f *faulty) MkdirAll(dir string) error {
	if err := f.fault(Op{Kind: OpMkdirAll, Name: dir}).Err; err != nil {
		return err
	}
	return f.inner.MkdirAll(dir)
}

func (f *faulty) List(dir string) ([]string, error) {
	if err := f.fault(Op{Kind: OpList, Name: dir}).Err; err != nil {
		return nil, err
	}
	return f.inner.List(dir)
}

func (f *faulty) Stat(name string) (Info, error) {
	if err := f.fault(Op{Kind: OpStat, Name: name}).Err; err != nil {
		return Info{}, err
	}
	return f.inner.Stat(name)
}

func (f *faulty) SyncDir(dir string) error {
	if err := f.fault(Op{Kind: OpSyncDir, Name: dir}).Err; err != nil {
		return err
	}
	return f.inner.SyncDir(dir)
}

func (f *faulty) Lock(name string) (Lock, error) {
	if err := f.fault(Op{Kind: OpLock, Name: name}).Err; err != nil {
		return nil, err
	}
	inner, err := f.inner.Lock(name)
	if err != nil {
		return nil, err
	}
	return &faultyLock{fs: f, name: name, inner: inner}, nil
}

func (f *faulty) Free(dir string) (uint64, error) {
	if err := f.fault(Op{Kind: OpFree, Name: dir}).Err; err != nil {
		return 0, err
	}
	return f.inner.Free(dir)
}
