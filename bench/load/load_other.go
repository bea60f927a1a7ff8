//go:build !linux

package load

import "errors"

// Run is there on Linux alone.
func (l Load) Run() (*Result, error) {
	return nil, errors.New("the load needs epoll, which is Linux's")
}
