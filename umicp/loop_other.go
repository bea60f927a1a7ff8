//go:build !linux

package umicp

import (
	"context"
	"net"
)

// loops are for Linux. Elsewhere every connection has a goroutine of its own.
type loops struct{}

func (*loops) adopt(context.Context, *Server, net.Conn) bool { return false }
func (*loops) stop()                                         {}
