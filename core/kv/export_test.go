package kv

// SmallSaves makes the bounds of one call of Save small, and of one step of putting keys in order, until what it returns
// is called.
func SmallSaves(bytes, items int) (restore func()) {
	b, i, n := saveBytes, saveItems, settleItems
	saveBytes, saveItems, settleItems = bytes, items, items
	return func() { saveBytes, saveItems, settleItems = b, i, n }
}
