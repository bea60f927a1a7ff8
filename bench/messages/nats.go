package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// nats is NATS without its streams: publish and subscribe. It is asked to answer every message, as the others do.
type nats struct{ address string }

func (nats) name() string { return "nats" }

func (nats) queue(int) (*client, error)          { return nil, errNone }
func (nats) appendRead(int) (*client, error)     { return nil, errNone }
func (nats) readMany(int) (*client, error)       { return nil, errNone }
func (nats) wait(int, func()) (io.Closer, error) { return nil, errNone }
func (nats) wake(int) error                      { return errNone }

type natsConn struct {
	net.Conn
	in *bufio.Reader
}

// dial connects, and says that every command is to be answered.
func (s nats) dial() (*natsConn, error) {
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		return nil, err
	}
	c := &natsConn{conn, bufio.NewReaderSize(conn, 16<<10)}
	if _, err := c.in.ReadString('\n'); err != nil { // INFO, which the server begins with
		return nil, errors.Join(err, c.Close())
	}
	if err := c.ask("CONNECT {\"verbose\":true,\"pedantic\":false}\r\n"); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// ask sends a command and waits until it is taken.
func (c *natsConn) ask(line string) error {
	if _, err := io.WriteString(c, line); err != nil {
		return err
	}
	for {
		answer, err := c.in.ReadString('\n')
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(answer, "PING"):
			if _, err := io.WriteString(c, "PONG\r\n"); err != nil {
				return err
			}
		case strings.HasPrefix(answer, "+OK"):
			return nil
		default:
			return fmt.Errorf("nats: %q", answer)
		}
	}
}

func (s nats) publish(_ int, topic string) (*client, error) {
	c, err := s.dial()
	if err != nil {
		return nil, err
	}
	line := fmt.Sprintf("PUB %s %d\r\n%s\r\n", topic, len(text), text)
	return &client{c, func() error { return c.ask(line) }}, nil
}

func (s nats) subscribe(topic string, heard func()) (io.Closer, error) {
	c, err := s.dial()
	if err != nil {
		return nil, err
	}
	if err := c.ask("SUB " + topic + " 1\r\n"); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	go func() { // ends when the connection is closed
		for {
			line, err := c.in.ReadSlice('\n')
			switch {
			case err != nil:
				return
			case strings.HasPrefix(string(line), "MSG "):
				heard()
			case strings.HasPrefix(string(line), "PING"):
				if _, err := io.WriteString(c, "PONG\r\n"); err != nil {
					return
				}
			}
		}
	}()
	return c, nil
}
