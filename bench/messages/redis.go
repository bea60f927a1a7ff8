package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// redis is Redis: lists for queues, with a second list for what is being worked on, streams for streams, and its
// publish and subscribe.
type redis struct{ address string }

func (redis) name() string { return "redis over RESP" }

// respConn speaks RESP, as much of it as is needed here.
type respConn struct {
	net.Conn
	in  *bufio.Reader
	out []byte
}

// reply is an answer: a text, number or error in text, or a list. What is absent is nil.
type reply struct {
	text []byte
	list []reply
}

// Bounds of a reply, so that a stray byte does not take all memory.
const (
	maxReplyBytes = 1 << 20
	maxReplyItems = 10_000
	maxReplyDepth = 8
)

func (r redis) dial() (*respConn, error) {
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		return nil, err
	}
	return &respConn{Conn: c, in: bufio.NewReaderSize(c, 16<<10)}, nil
}

// send writes a command as an array of bulk strings.
func (c *respConn) send(args ...string) error {
	c.out = append(strconv.AppendInt(append(c.out[:0], '*'), int64(len(args)), 10), "\r\n"...)
	for _, a := range args {
		c.out = append(strconv.AppendInt(append(c.out, '$'), int64(len(a)), 10), "\r\n"...)
		c.out = append(append(c.out, a...), "\r\n"...)
	}
	_, err := c.Write(c.out)
	return err
}

func (c *respConn) ask(args ...string) (reply, error) {
	if err := c.send(args...); err != nil {
		return reply{}, err
	}
	return readReply(c.in, maxReplyDepth)
}

// readReply reads one answer, with lists as deep as that.
func readReply(in *bufio.Reader, depth int) (reply, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return reply{}, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return reply{}, fmt.Errorf("%q is no reply", line)
	}
	kind, rest := line[0], line[1:len(line)-2]
	switch kind {
	case '+', ':':
		return reply{text: append([]byte{}, rest...)}, nil
	case '-':
		return reply{}, fmt.Errorf("redis: %s", rest)
	}
	n, err := strconv.Atoi(string(rest))
	switch {
	case err != nil:
		return reply{}, err
	case n == -1:
		return reply{}, nil
	case kind == '$' && n >= 0 && n <= maxReplyBytes:
		text := make([]byte, n+2)
		_, err := io.ReadFull(in, text)
		return reply{text: text[:n:n]}, err
	case kind == '*' && n >= 0 && n <= maxReplyItems && depth > 0:
		list := make([]reply, n)
		for i := range list {
			if list[i], err = readReply(in, depth-1); err != nil {
				return reply{}, err
			}
		}
		return reply{list: list}, nil
	}
	return reply{}, fmt.Errorf("%c%d is no reply", kind, n)
}

func (r redis) queue(n int) (*client, error) {
	c, err := r.dial()
	if err != nil {
		return nil, err
	}
	count := 0
	return &client{c, func() error {
		count++
		message := fmt.Sprintf("%06d%026d", n, count) // as long as text; no two are the same
		if _, err := c.ask("LPUSH", "jobs", message); err != nil {
			return err
		}
		got, err := c.ask("RPOPLPUSH", "jobs", "doing")
		if err != nil || got.text == nil {
			return errors.Join(err, errNothing(got))
		}
		removed, err := c.ask("LREM", "doing", "1", string(got.text))
		if err == nil && string(removed.text) != "1" {
			err = fmt.Errorf("%s was not on the list", got.text)
		}
		return err
	}}, nil
}

func errNothing(r reply) error {
	if r.text == nil {
		return errors.New("there is no message")
	}
	return nil
}

func (r redis) appendRead(int) (*client, error) {
	c, err := r.dial()
	if err != nil {
		return nil, err
	}
	return &client{c, func() error {
		id, err := c.ask("XADD", "log", "MAXLEN", "~", "10000", "*", "data", text)
		if err != nil {
			return err
		}
		got, err := c.ask("XRANGE", "log", string(id.text), "+", "COUNT", "1")
		if err == nil && len(got.list) != 1 {
			err = fmt.Errorf("the event %s is not there", id.text)
		}
		return err
	}}, nil
}

func (r redis) readMany(n int) (*client, error) {
	c, err := r.dial()
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("history-%d", n)
	for range 100 {
		if _, err := c.ask("XADD", key, "MAXLEN", "100", "*", "data", text); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return &client{c, func() error {
		got, err := c.ask("XREAD", "COUNT", "100", "STREAMS", key, "0")
		if err == nil && (len(got.list) != 1 || len(got.list[0].list) != 2 || len(got.list[0].list[1].list) != 100) {
			err = errors.New("they are not 100 events")
		}
		return err
	}}, nil
}

func (r redis) publish(_ int, topic string) (*client, error) {
	c, err := r.dial()
	if err != nil {
		return nil, err
	}
	return &client{c, func() error {
		_, err := c.ask("PUBLISH", topic, text)
		return err
	}}, nil
}

func (r redis) subscribe(topic string, heard func()) (io.Closer, error) {
	c, err := r.dial()
	if err != nil {
		return nil, err
	}
	if _, err := c.ask("SUBSCRIBE", topic); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	go func() { // ends when the connection is closed
		for {
			if _, err := readReply(c.in, maxReplyDepth); err != nil {
				return
			}
			heard()
		}
	}()
	return c, nil
}

func (r redis) wait(n int, got func()) (io.Closer, error) {
	c, err := r.dial()
	if err != nil {
		return nil, err
	}
	if err := c.send("BRPOPLPUSH", fmt.Sprintf("idle-%d", n), "doing", "0"); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	go func() { // ends when the connection is closed
		if message, err := readReply(c.in, maxReplyDepth); err == nil && string(message.text) == text {
			got()
		}
	}()
	return c, nil
}

func (r redis) wake(n int) error {
	c, err := r.dial()
	if err != nil {
		return err
	}
	_, err = c.ask("LPUSH", fmt.Sprintf("idle-%d", n), text)
	return errors.Join(err, c.Close())
}
