package umx

import (
	"io"
	"sync"
)

// What a Reader holds: as little as an idle connection needs at first, and no more than pays on a busy one. A frame
// that does not fit has memory of its own, into which it is read directly.
const (
	firstBuffer = 4 << 10
	fullBuffer  = 64 << 10
)

// Reader reads frames off a connection: as many at a time as have come, without copying them. An error of the connection that
// passes, as that nothing has come yet, loses nothing: the next call of Next goes on where the last one stopped.
type Reader struct {
	src    io.Reader
	limits Limits
	buf    []byte
	r, w   int // buf[r:w] has been read and not returned
	frame  Frame
	body   []byte // of a frame with memory of its own, as far as there is room for it; nil while none is under way
	have   int    // of body
	shares bool   // it rests now and then: its buffer is one of those that such readers share
}

// shared are the buffers of readers that rest, each of fullBuffer bytes.
var shared = sync.Pool{New: func() any { return new([fullBuffer]byte) }}

// NewReader returns a reader of frames within the limits.
func NewReader(src io.Reader, l Limits) *Reader {
	return &Reader{src: src, limits: l.OrDefault()}
}

// SetLimits changes what is accepted from the next frame on, when two peers have agreed.
func (r *Reader) SetLimits(l Limits) { r.limits = l.OrDefault() }

// Rest gives the buffer back until something comes again; what has come of a frame is kept. It is for who reads many
// connections by turns, most of which have nothing to say.
func (r *Reader) Rest() {
	r.shares = true
	have := r.w - r.r
	switch {
	case len(r.buf) != fullBuffer: // it is the reader's own
		if have > 0 {
			return
		}
		r.buf = nil
	case have < fullBuffer/4:
		buf := (*[fullBuffer]byte)(r.buf)
		r.buf = nil
		if have > 0 {
			r.buf = make([]byte, fullBuffer/4)
			copy(r.buf, buf[r.r:r.w])
		}
		shared.Put(buf)
	default:
		return
	}
	r.r, r.w = 0, have
}

// Ready reports whether Next will return without reading.
func (r *Reader) Ready() bool {
	have := r.w - r.r
	if have < HeaderBytes {
		return false
	}
	length := FrameLength(r.buf[r.r:])
	return uint64(have) >= length || length > uint64(r.limits.MaxFrame) //nolint:gosec // the latter is an error at once
}

// Large reports whether a frame is under way that has memory of its own.
func (r *Reader) Large() bool { return r.body != nil }

// Next returns the next frame. The frame is the same one every time; what it holds is valid until the next call,
// except for the body of one larger than 64 KiB, which is its receiver's. io.EOF means that the connection ended between
// frames.
func (r *Reader) Next() (*Frame, error) {
	if r.body != nil {
		return r.large()
	}
	if err := r.fill(HeaderBytes); err != nil {
		return nil, err
	}
	f := &r.frame
	if err := f.ParseHeader(r.buf[r.r:], r.limits.MaxFrame); err != nil {
		return nil, err
	}
	whole := HeaderBytes + f.BodyLen
	if whole > fullBuffer {
		r.body = enlarge(nil, 0, f.BodyLen)
		r.have = copy(r.body, r.buf[r.r+HeaderBytes:r.w])
		r.r, r.w = 0, 0
		return r.large()
	}
	if err := r.fill(whole); err != nil {
		return nil, err
	}
	body := r.buf[r.r+HeaderBytes : r.r+whole : r.r+whole]
	r.r += whole
	return f, f.DecodeBody(body, r.limits)
}

// large reads a body into memory of its own.
func (r *Reader) large() (*Frame, error) {
	f := &r.frame
	for {
		n, err := io.ReadFull(r.src, r.body[r.have:])
		r.have += n
		switch {
		case err != nil && r.have < len(r.body):
			return nil, unexpected(err)
		case r.have == f.BodyLen:
			body := r.body
			r.body = nil
			return f, f.DecodeBody(body, r.limits)
		}
		r.body = enlarge(r.body, 0, f.BodyLen)
	}
}

// firstLarge is how much memory is taken for a body on the word of its header alone.
const firstLarge = 1 << 20

// enlarge returns a body with room for more, at least for what is needed and four times what there was: what has not come
// costs nobody memory, and all in all a third of a body is copied. It is never longer than the whole.
func enlarge(body []byte, need, whole int) []byte {
	larger := make([]byte, min(whole, max(4*len(body), need, firstLarge)))
	copy(larger, body)
	return larger
}

// fill reads until n bytes are there.
func (r *Reader) fill(n int) error {
	if r.w-r.r >= n {
		return nil
	}
	if r.r == r.w {
		r.r, r.w = 0, 0
	}
	switch {
	case r.buf != nil:
	case r.shares:
		r.buf = shared.Get().(*[fullBuffer]byte)[:]
	default:
		r.buf = make([]byte, firstBuffer)
	}
	if len(r.buf)-r.r < n {
		r.grow(n)
	}
	for r.w-r.r < n {
		got, err := r.src.Read(r.buf[r.w:])
		r.w += got
		if err != nil && r.w-r.r < n {
			if r.w > r.r {
				err = unexpected(err)
			}
			return err
		}
	}
	if r.w == len(r.buf) && len(r.buf) < fullBuffer {
		r.grow(2 * len(r.buf)) // more has come than fits: read more at a time
	}
	return nil
}

// grow makes room for n bytes from r.r on, moving what is there to the front.
func (r *Reader) grow(n int) {
	size := len(r.buf)
	for size < n {
		size *= 2
	}
	into := r.buf
	if size > len(r.buf) {
		into = make([]byte, size)
	}
	r.w = copy(into, r.buf[r.r:r.w])
	r.r, r.buf = 0, into
}

func unexpected(err error) error {
	if err == io.EOF { //nolint:errorlint // readers return it as it is
		return io.ErrUnexpectedEOF
	}
	return err
}
