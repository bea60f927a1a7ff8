package vfs

import "errors"

// faultyFile is an open file of a faulty file system.
type faultyFile struct {
	fs    *faulty
	name  string
	inner File
}

func (f *faultyFile) ReadAt(p []byte, offset int64) (int, error) {
	op := Op{Kind: OpRead, Name: f.name, Offset: offset, Length: int64(len(p))}
	if err := f.fs.fault(op).Err; err != nil {
		return 0, err
	}
	return f.inner.ReadAt(p, offset)
}

func (f *faultyFile) WriteAt(p []byte, offset int64) (int, error) {
	fault := f.fs.fault(Op{Kind: OpWrite, Name: f.name, Offset: offset, Length: int64(len(p))})
	if fault.Err == nil {
		return f.inner.WriteAt(p, offset)
	}
	n, err := f.inner.WriteAt(p[:min(fault.Short, len(p))], offset)
	return n, errors.Join(fault.Err, err)
}

func (f *faultyFile) Truncate(size int64) error {
	if err := f.fs.fault(Op{Kind: OpTruncate, Name: f.name, Length: size}).Err; err != nil {
		return err
	}
	return f.inner.Truncate(size)
}

func (f *faultyFile) Allocate(size int64) error {
	if err := f.fs.fault(Op{Kind: OpAllocate, Name: f.name, Length: size}).Err; err != nil {
		return err
	}
	return f.inner.Allocate(size)
}

func (f *faultyFile) Sync() error {
	if err := f.fs.fault(Op{Kind: OpSync, Name: f.name}).Err; err != nil {
		return err
	}
	return f.inner.Sync()
}

func (f *faultyFile) Size() (int64, error) {
	if err := f.fs.fault(Op{Kind: OpSize, Name: f.name}).Err; err != nil {
		return 0, err
	}
	return f.inner.Size()
}

func (f *faultyFile) Close() error {
	fault := f.fs.fault(Op{Kind: OpClose, Name: f.name})
	return errors.Join(fault.Err, f.inner.Close())
}

// faultyLock is a lock that is held on a faulty file system.
type faultyLock struct {
	fs    *faulty
	name  string
	inner Lock
}

func (l *faultyLock) Write(text []byte) error {
	if err := l.fs.fault(Op{Kind: OpWrite, Name: l.name, Length: int64(len(text))}).Err; err != nil {
		return err
	}
	return l.inner.Write(text)
}

func (l *faultyLock) Close() error {
	fault := l.fs.fault(Op{Kind: OpClose, Name: l.name})
	return errors.Join(fault.Err, l.inner.Close())
}
