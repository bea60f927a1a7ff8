//go:build netbsd || openbsd

package vfs

import "errors"

func free(string) (uint64, error) { return 0, errors.ErrUnsupported }
