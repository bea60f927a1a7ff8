package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// synap is Synap over HTTP/1.1, one request after the other on each connection.
type synap struct{ address string }

func (synap) name() string { return "synap over HTTP" }

// httpConn is a connection that reads of an answer only what it must.
type httpConn struct {
	net.Conn
	host    string
	in      *bufio.Reader
	request []byte
	body    []byte
}

func (s synap) dial() (*httpConn, error) {
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		return nil, err
	}
	return &httpConn{Conn: c, host: s.address, in: bufio.NewReaderSize(c, 16<<10)}, nil
}

// send writes a request; headers end in a line break each.
func (c *httpConn) send(method, path, headers, body string) error {
	c.request = append(c.request[:0], method...)
	c.request = append(append(c.request, ' '), path...)
	c.request = append(append(c.request, " HTTP/1.1\r\nHost: "...), c.host...)
	c.request = append(append(c.request, "\r\n"...), headers...)
	if method != "GET" {
		c.request = append(c.request, "Content-Length: "...)
		c.request = append(strconv.AppendInt(c.request, int64(len(body)), 10), "\r\n"...)
	}
	c.request = append(append(c.request, "\r\n"...), body...)
	_, err := c.Write(c.request)
	return err
}

// ask sends a request and returns the body of its answer, until the next one.
func (c *httpConn) ask(method, path, headers, body string) ([]byte, error) {
	if err := c.send(method, path, headers, body); err != nil {
		return nil, err
	}
	return c.answer()
}

// answer reads an answer that is a success and says how long it is.
func (c *httpConn) answer() ([]byte, error) {
	status, err := c.in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	length := -1
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if len(line) <= 2 {
			break
		}
		if name, value, ok := bytes.Cut(line, []byte(": ")); ok && bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return nil, err
			}
		}
	}
	if length < 0 || length > 1<<20 {
		return nil, fmt.Errorf("%q, and not how long it is", status)
	}
	c.body = append(c.body[:0], make([]byte, length)...)
	if _, err := io.ReadFull(c.in, c.body); err != nil {
		return nil, err
	}
	if len(status) < 12 || status[9] != '2' {
		return nil, fmt.Errorf("%q: %s", status, c.body)
	}
	return c.body, nil
}

// field returns the text or number that a field of that name has where it first appears in an answer.
func field(answer []byte, name string) (string, error) {
	_, after, found := bytes.Cut(answer, []byte(`"`+name+`":`))
	end := bytes.IndexAny(after, ",}")
	if !found || end < 0 {
		return "", fmt.Errorf("there is no %s in %s", name, answer)
	}
	return string(bytes.Trim(after[:end], `"`)), nil
}

const (
	plain    = "Content-Type: text/plain\r\n"
	jsonBody = "Content-Type: application/json\r\n"
)

func (s synap) queue(int) (*client, error) {
	c, err := s.dial()
	if err != nil {
		return nil, err
	}
	return &client{c, func() error {
		if _, err := c.ask("POST", "/v1/queues/jobs/messages", plain, text); err != nil {
			return err
		}
		got, err := c.ask("GET", "/v1/queues/jobs/messages", "", "")
		if err != nil {
			return err
		}
		receipt, err := field(got, "receipt")
		if err != nil {
			return err
		}
		settled, err := c.ask("POST", "/v1/queue/ack", jsonBody, `{"receipts":["`+receipt+`"]}`)
		if err == nil && !bytes.Contains(settled, []byte(`"ok":true`)) {
			err = fmt.Errorf("not acknowledged: %s", settled)
		}
		return err
	}}, nil
}

func (s synap) appendRead(int) (*client, error) {
	c, err := s.dial()
	if err != nil {
		return nil, err
	}
	return &client{c, func() error {
		done, err := c.ask("POST", "/v1/streams/log/events", plain, text)
		if err != nil {
			return err
		}
		offset, err := field(done, "offset")
		if err != nil {
			return err
		}
		got, err := c.ask("GET", "/v1/streams/log/events?limit=1&from_offset="+offset, "", "")
		if err == nil && !bytes.Contains(got, []byte(text)) {
			err = fmt.Errorf("the event at %s is not there: %s", offset, got)
		}
		return err
	}}, nil
}

func (s synap) readMany(n int) (*client, error) {
	c, err := s.dial()
	if err != nil {
		return nil, err
	}
	path := fmt.Sprintf("/v1/streams/history-%d/events", n)
	for range 100 {
		if _, err := c.ask("POST", path, plain, text); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return &client{c, func() error {
		got, err := c.ask("GET", path+"?from_offset=0&limit=100", "", "")
		if err == nil && bytes.Count(got, []byte(text)) != 100 {
			err = fmt.Errorf("they are not 100 events: %s", got)
		}
		return err
	}}, nil
}

func (s synap) publish(_ int, topic string) (*client, error) {
	c, err := s.dial()
	if err != nil {
		return nil, err
	}
	return &client{c, func() error {
		_, err := c.ask("POST", "/v1/topics/"+topic, plain, text)
		return err
	}}, nil
}

// subscribe follows server-sent events.
func (s synap) subscribe(topic string, heard func()) (io.Closer, error) {
	c, err := s.dial()
	if err != nil {
		return nil, err
	}
	err = c.send("POST", "/v1/pubsub/subscribe", jsonBody+"Accept: text/event-stream\r\n", `{"patterns":["`+topic+`"]}`)
	for ready := false; err == nil && !ready; {
		var line []byte
		line, err = c.in.ReadSlice('\n')
		ready = bytes.HasPrefix(line, []byte(": ready"))
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	go func() { // ends when the connection is closed
		for {
			line, err := c.in.ReadSlice('\n')
			if err != nil {
				return
			}
			if bytes.HasPrefix(line, []byte("data: ")) {
				heard()
			}
		}
	}()
	return c, nil
}

func (s synap) wait(n int, got func()) (io.Closer, error) {
	c, err := s.dial()
	if err != nil {
		return nil, err
	}
	if err := c.send("GET", fmt.Sprintf("/v1/queues/idle-%d/messages?wait=25", n), "", ""); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	go func() { // ends when the connection is closed
		if body, err := c.answer(); err == nil && bytes.Contains(body, []byte(text)) {
			got()
		}
	}()
	return c, nil
}

func (s synap) wake(n int) error {
	c, err := s.dial()
	if err != nil {
		return err
	}
	_, err = c.ask("POST", fmt.Sprintf("/v1/queues/idle-%d/messages", n), plain, text)
	return errors.Join(err, c.Close())
}
