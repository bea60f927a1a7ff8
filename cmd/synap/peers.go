package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"github.com/hivellm/synap-go/core/fault"
)

// umicpAddress is where the server listens for UMICP over TCP; "" is nowhere.
func (c *Config) umicpAddress() (string, error) {
	switch c.UMICP {
	case "off":
		return "", nil
	case "":
	default:
		return c.UMICP, nil
	}
	host, port, err := net.SplitHostPort(c.HTTP)
	if err != nil {
		return "", fault.New(fault.Invalid, "http: %q is not an address like %s", c.HTTP, defaultAddress)
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 0 || n > 65533 {
		return "", fault.New(fault.Invalid, "umicp: there is no port two above that of %s: choose an address with --umicp, or off", c.HTTP)
	}
	if n != 0 { // 0 is any free port
		n += 2
	}
	return net.JoinHostPort(host, strconv.Itoa(n)), nil
}

// listenForPeers opens the socket for UMICP over TCP, if there is to be one. It is as open as the one for HTTP: the same
// is asked of its address, and with a certificate it takes nothing in the clear.
func (s *server) listenForPeers(c *Config) error {
	address, err := c.umicpAddress()
	if err != nil || address == "" {
		return err
	}
	if err := checkExposure(address, !c.authOff(), c.secured()); err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is taken: another program listens there, perhaps another synap; choose another address with --umicp, or off", address)
	case err != nil:
		return fmt.Errorf("cannot listen on %s: %w", address, err)
	}
	if s.certs != nil {
		l = tls.NewListener(l, s.certs.Config())
	}
	s.peers = append(s.peers, l)
	return nil
}

// alsoOn says, for people, where else the server listens.
func (s *server) alsoOn() string {
	switch {
	case len(s.peers) == 0:
		return ""
	case s.certs != nil:
		return " and umicps://" + s.peers[0].Addr().String()
	}
	return " and umicp://" + s.peers[0].Addr().String()
}
