package http

import (
	"net/http"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// serveDerived serves POST /v1/{structure}/{verb}: the command with its request as the body.
func (d *Door) serveDerived(c *command.Command) handler {
	return func(x *exchange) error {
		if x.r.URL.RawQuery != "" {
			return fault.New(fault.Invalid, "this route takes its request from the body, not from the query")
		}
		in, err := requestCodec(x.r)
		if err != nil {
			return err
		}
		body, err := d.readBody(x.r)
		if err != nil {
			return err
		}
		r := x.request(c)
		r.Payload = in.decoder(body)
		if c.Kind == command.KindWatch && streamOf(x.r) != noStream {
			return d.follow(x, r)
		}
		resp, err := d.run(x.r.Context(), r)
		if err != nil {
			return err
		}
		return x.answer(http.StatusOK, answerCodec(x.r), resp)
	}
}
