package memory

// SmallSaves makes calls of Save end early, until the function returned is called.
func SmallSaves(bytes, items int) (restore func()) {
	b, i := saveBytes, saveItems
	saveBytes, saveItems = bytes, items
	return func() { saveBytes, saveItems = b, i }
}
