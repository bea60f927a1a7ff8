package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/umicp/umx"
)

// poster makes each call a request over HTTP.
type poster struct {
	url    string
	o      Options
	client *http.Client
}

// maxAnswerBytes bounds an answer over HTTP.
const maxAnswerBytes = 512 << 20

func newPoster(u *url.URL, o Options) *poster {
	at := *u
	if at.Path == "" || at.Path == "/" {
		at.Path = "/umicp"
	}
	return &poster{at.String(), o, httpClient(o)}
}

// greet sees that somebody is there.
func (p *poster) greet(ctx context.Context) error {
	hello := umx.Message{Kind: umx.KindPing, Request: 1}
	frames, err := p.post(ctx, hello.Bare(nil))
	if err == nil && (len(frames) != umx.HeaderBytes || umx.Sniff(frames) != 'X') {
		err = badAnswer("%d bytes that are no PONG", len(frames))
	}
	return err
}

func (p *poster) post(ctx context.Context, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/umicp+binary")
	if key := keyOf(p.o); key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := p.client.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fault.From(ctx.Err())
		}
		return nil, noServer(p.url, err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	if err != nil {
		return nil, lost(err)
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/umicp+binary") {
		return nil, refusedBy(resp.StatusCode, answer)
	}
	return answer, nil
}

// refusedBy is the error of an answer that is not in frames.
func refusedBy(status int, answer []byte) error {
	var refusal struct {
		Error *fault.Error `json:"error"`
	}
	if json.Unmarshal(answer, &refusal) == nil && refusal.Error != nil {
		return refusal.Error
	}
	return badAnswer("HTTP status %d: %.200q", status, answer)
}

func (p *poster) call(ctx context.Context, r *request, response any) error {
	meta, err := r.appendMeta(nil)
	if err != nil {
		return err
	}
	m := r.message(meta)
	m.Request = 1
	body, err := m.Append(nil)
	if err != nil {
		return umx.AsFault(err)
	}
	answer, err := p.post(ctx, body)
	if err != nil {
		return err
	}
	in := umx.NewInbound(false, p.o.Limits)
	for len(answer) > 0 {
		var f umx.Frame
		n, err := f.Decode(answer, p.o.Limits)
		if err != nil {
			return umx.AsFault(err)
		}
		answer = answer[n:]
		whole, err := in.Accept(&f)
		if err != nil {
			return umx.AsFault(err)
		}
		if whole == nil {
			continue
		}
		a, err := parseAnswer(whole)
		if err != nil {
			return err
		}
		return a.fill(whole, response, r.apart)
	}
	return badAnswer("it is empty")
}

// pollMS is how long a watch over HTTP waits for something each time.
const pollMS = 20_000

// watch asks once for what there is, waiting for it.
func (p *poster) watch(ctx context.Context, operation string, args Raw, opts []Option, yield func(Event[Raw], error) bool,
) (from string, on, again bool, err error) {
	for {
		asked := with(args, "wait_ms", pack.AppendUint(nil, pollMS))
		if from != "" {
			asked = with(asked, "from", pack.AppendString(nil, from))
		}
		r := &request{operation: operation, args: asked}
		for _, o := range opts {
			o(r)
		}
		var found struct {
			Events []struct {
				Position string          `json:"position"`
				Event    json.RawMessage `json:"event"`
			} `json:"events"`
			Position string `json:"position"`
		}
		if err := p.call(ctx, r, &found); err != nil {
			return from, true, fault.CodeOf(err) == fault.Unavailable, err
		}
		for _, e := range found.Events {
			value, err := FromJSON(e.Event)
			if err != nil {
				return from, true, false, err
			}
			from = e.Position
			if !yield(Event[Raw]{e.Position, value}, nil) {
				return from, false, false, nil
			}
		}
		from = found.Position
		if ctx.Err() != nil {
			return from, true, false, nil
		}
	}
}
