package peer

// SmallSaves makes the bounds of one call of Save small, until what it returns is called.
func SmallSaves(bytes, items int) (restore func()) {
	b, i := saveBytes, saveItems
	saveBytes, saveItems = bytes, items
	return func() { saveBytes, saveItems = b, i }
}
