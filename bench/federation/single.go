package main

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/hivellm/synap-go/umicp/client"
)

// singles are what is measured of one alone: from before it is written at the one server until it is heard at the other.
var singles = []thing{
	{"a message of a topic", oneMessage},
	{"an event of a room", oneEvent},
	{"a point", onePoint},
}

// errEnd is that a watch ended.
var errEnd = errors.New("the watch ended")

// timed writes one after the other at the one server, and hears each at the other before the next.
func (p *pair) timed(ctx context.Context, n int, watch string, args any, write func() error) (f figure, err error) {
	next, end := iter.Pull2(p.to.client.Watch(ctx, watch, args, client.Marks()))
	defer end()
	hear := func(mark bool) error {
		for {
			e, err, ok := next()
			if err != nil || !ok {
				return errors.Join(err, errEnd)
			}
			if (e.Value == nil) == mark {
				return nil
			}
		}
	}
	if err := hear(true); err != nil { // it is in place
		return f, err
	}
	for range n {
		began := time.Now()
		if err := write(); err != nil {
			return f, err
		}
		if err := hear(false); err != nil {
			return f, err
		}
		f.times = append(f.times, time.Since(began))
	}
	return f, ctx.Err()
}

func oneMessage(ctx context.Context, o *options, p *pair) (f figure, err error) {
	if _, err := p.listens(ctx); err != nil {
		return f, err
	}
	write := func() error {
		_, err := p.from.client.PubsubPublish(ctx, &client.PubsubPublishRequest{Topic: "t.one", Message: text})
		return err
	}
	return p.timed(ctx, o.ones, "pubsub.subscribe", &client.PubsubSubscribeRequest{Patterns: []string{"t.one"}}, write)
}

func oneEvent(ctx context.Context, o *options, p *pair) (f figure, err error) {
	if err := p.link(ctx, "rooms", "log"); err != nil {
		return f, err
	}
	write := func() error {
		_, err := p.from.client.StreamAppend(ctx, &client.StreamAppendRequest{Room: "log", Data: text})
		return err
	}
	if err := p.begun(ctx, 1, write); err != nil {
		return f, err
	}
	first := uint64(1)
	return p.timed(ctx, o.ones, "stream.watch", &client.StreamWatchRequest{Room: "log", FromOffset: &first}, write)
}

func onePoint(ctx context.Context, o *options, p *pair) (f figure, err error) {
	if err := o.collection(ctx, p.from, "flat"); err != nil {
		return f, err
	}
	if err := p.link(ctx, "collections", "docs"); err != nil {
		return f, err
	}
	write := func() error { return o.point(ctx, p.from, "one") }
	if err := p.begun(ctx, 1, write); err != nil {
		return f, err
	}
	return p.timed(ctx, o.ones, "vector.watch", &client.VectorWatchRequest{Collections: []string{"docs"}}, write)
}
