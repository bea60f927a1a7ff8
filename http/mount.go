package http

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
)

// mounted serves another door's handler: with the caller in the context, at home in the namespace that the
// header selects. Its streams may stay open, so deadlines end with the request's body; a GET, which on every
// mounted door is a stream, ends when the door stops.
func (d *Door) mounted(h http.Handler) handler {
	return func(x *exchange) error {
		caller, err := x.caller.In(x.namespace)
		if err != nil {
			return err
		}
		ctx := auth.NewContext(x.r.Context(), caller)
		if x.r.Method == http.MethodGet {
			var done context.CancelFunc
			ctx, done = d.untilStop(ctx)
			defer done()
			defer caller.OnEnd(func(error) { done() })() // a stream ends with the key that it was opened with
		}
		r := x.r.WithContext(ctx)
		control := http.NewResponseController(x.w)
		ignoreUnsupported(control.SetWriteDeadline(time.Time{}))
		if r.Body == nil || r.ContentLength == 0 {
			ignoreUnsupported(control.SetReadDeadline(time.Time{}))
			h.ServeHTTP(x.w, r)
			return nil
		}
		body, err := d.openBody(r)
		if err != nil {
			return err
		}
		defer body.free()
		if body.inflates {
			r.Header = r.Header.Clone()
			r.Header.Del("Content-Encoding")
			r.Header.Del("Content-Length")
			r.ContentLength = -1
		}
		r.Body = &mountedBody{bounded: body, Closer: x.r.Body, control: control}
		h.ServeHTTP(x.w, r)
		return nil
	}
}

// mountedBody is the body of a mounted door's request: when all of it has been read, nothing more is awaited
// of the caller and its connection may be silent.
type mountedBody struct {
	*bounded
	io.Closer
	control *http.ResponseController
}

// Read implements io.Reader. A body over the limit is an http.MaxBytesError, which handlers know.
func (b *mountedBody) Read(p []byte) (int, error) {
	n, err := b.bounded.Read(p)
	switch {
	case err == io.EOF: //nolint:errorlint // a Reader returns it bare
		ignoreUnsupported(b.control.SetReadDeadline(time.Time{}))
	case fault.CodeOf(err) == fault.TooLarge:
		err = &http.MaxBytesError{Limit: b.limit}
	}
	return n, err
}
