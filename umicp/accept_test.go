package umicp_test

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/umicp"
)

// exhausted is a listener of a process that is out of file descriptors for a while.
type exhausted struct {
	*listener
	cause error
	left  atomic.Int64 // how often it fails yet
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.left.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", l.cause)}
	}
	return l.listener.Accept()
}

// TestOutOfDescriptors: a server that can take no connection goes on, says so once a minute, and takes some again when it can.
func TestOutOfDescriptors(t *testing.T) {
	for _, cause := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ECONNABORTED} {
		synctest.Test(t, func(t *testing.T) {
			var said strings.Builder
			log := logrus.New()
			log.SetOutput(&said)
			door, _ := openWith(t, umicp.Options{Log: log})
			l := &exhausted{listener: newListener(), cause: cause}
			l.left.Store(100)
			stop := serveOn(t, door, l)
			time.Sleep(3 * time.Minute) // of the bubble: it has tried all that
			p := greeted(t, l.listener, nil)
			go func() { _, _ = io.Copy(io.Discard, p.conn) }() // it hears the goodbye
			stop()
			if told := strings.Count(said.String(), "no connection can be taken now"); told != 2 {
				t.Errorf("%v: it said so %d times in a hundred seconds: %s", cause, told, said.String())
			}
		})
	}
}

// TestAListenerThatBroke ends what cannot go on.
func TestAListenerThatBroke(t *testing.T) {
	door, _ := openWith(t, umicp.Options{})
	l := &exhausted{listener: newListener(), cause: syscall.EBADF}
	l.left.Store(1)
	if err := door.Serve(t.Context(), l); !errors.Is(err, syscall.EBADF) {
		t.Errorf("Serve = %v", err)
	}
}
