package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/core/synaptest"
	"github.com/hivellm/synap-go/umicp/client"
	"github.com/hivellm/synap-go/umicp/umx"
)

// umicpClient plays through the client.
func umicpClient(t *testing.T, url string) synaptest.Player { return umicpClientOf(t, url, "") }

// umicpClientOf plays through the client of whoever has the key.
func umicpClientOf(t *testing.T, url, key string) synaptest.Player {
	c, err := client.Dial(t.Context(), url, client.Options{APIKey: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	table := tableForTests(t)
	return synaptest.PlayerFunc(func(ctx context.Context, name string, request []byte) ([]byte, error) {
		args, err := msgpack.Marshal(native(mustTree(request)))
		if err != nil {
			return nil, err
		}
		var opts []client.Option
		if found, err := table.Find(name); err == nil && found.Kind == command.KindWatch {
			opts = append(opts, client.Once())
		}
		var answer client.Raw
		if err := c.Call(ctx, name, client.Raw(args), &answer, opts...); err != nil {
			return nil, err
		}
		return answer.JSON()
	})
}

// mustTree reads JSON without losing digits.
func mustTree(text []byte) (tree any) {
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		panic(err)
	}
	return tree
}

// umicpFrames plays with envelopes in frames.
func umicpFrames(url string, encoding umx.Encoding) synaptest.Player {
	return synaptest.PlayerFunc(func(ctx context.Context, name string, request []byte) ([]byte, error) {
		var capabilities map[string]json.RawMessage
		if err := json.Unmarshal(request, &capabilities); err != nil {
			return nil, err
		}
		capabilities["operation"] = fmt.Appendf(nil, "%q", name)
		envelope, err := json.Marshal(map[string]any{
			"v": "1.0", "msg_id": "m1", "ts": "2025-09-10T03:00:00.000Z", "from": "tester", "to": "synap", "op": "request",
			"capabilities": capabilities,
		})
		if err != nil {
			return nil, err
		}
		if encoding == umx.MessagePack {
			if envelope, err = msgpack.Marshal(native(mustTree(envelope))); err != nil {
				return nil, err
			}
		}
		m := umx.Message{Op: umx.OpRequest, MetaEncoding: encoding, Meta: envelope, Request: 9}
		frame, err := m.Append(nil)
		if err != nil {
			return nil, err
		}
		status, answer, err := post(ctx, url+"/umicp", "application/umicp+binary", frame)
		if err != nil {
			return nil, err
		}
		var f umx.Frame
		if _, err := f.Decode(answer, umx.Limits{}); err != nil || status != http.StatusOK || f.Request != 9 {
			return nil, fmt.Errorf("%d %w: %x", status, err, answer)
		}
		meta := f.Meta
		if encoding == umx.MessagePack {
			meta, _ = pack.ToJSON(nil, meta)
		}
		var back struct {
			Capabilities struct {
				Status  string          `json:"status"`
				Result  json.RawMessage `json:"result"`
				Message string          `json:"message"`
				Code    umx.Code        `json:"code"`
			} `json:"capabilities"`
		}
		if err := json.Unmarshal(meta, &back); err != nil {
			return nil, fmt.Errorf("%w: %s", err, meta)
		}
		if back.Capabilities.Status != "success" {
			return nil, fault.New(back.Capabilities.Code.Fault(), "%s", back.Capabilities.Message)
		}
		return back.Capabilities.Result, nil
	})
}
