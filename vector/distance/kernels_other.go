//go:build !amd64

package distance

// supported returns nothing: elsewhere the kernels in Go are all there is.
func supported() []kernelSet { return nil }
