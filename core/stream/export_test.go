package stream

// SmallSaves makes entries, calls of Save, and what they look at, so small; what it returns takes that back.
func SmallSaves(entry, call, looks int) (restore func()) {
	e, c, l := entryBytes, saveBytes, saveLooks
	entryBytes, saveBytes, saveLooks = entry, call, looks
	return func() { entryBytes, saveBytes, saveLooks = e, c, l }
}
