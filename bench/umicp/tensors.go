package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hivellm/synap-go/bench/process"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/umicp/client"
	"github.com/hivellm/synap-go/umicp/umx"
)

// dimension is how many numbers a vector has.
const dimension = 768

func numbers(n int) []float32 {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a benchmark's
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// tensors measures what vectors cost on their way.
func tensors(ctx context.Context, synap *process.Process, last time.Duration) error {
	if err := oneVector(); err != nil {
		return err
	}
	for _, batch := range []int{1_000, 10_000} {
		if err := manyVectors(ctx, synap, batch, last); err != nil {
			return err
		}
	}
	return nil
}

// oneVector compares the two encodings of one vector.
func oneVector() error {
	v := numbers(dimension)
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	m := umx.Message{Op: umx.OpRequest, Ext: umx.Compact, MetaEncoding: umx.MessagePack, Meta: []byte{0x91, 1}}
	m.Tensors = []umx.Tensor{umx.NewTensor(umx.Float32, umx.Bytes(v), dimension)}
	frame, err := m.Append(nil)
	if err != nil {
		return err
	}
	var back []float32
	var f umx.Frame
	fmt.Printf("\n| %d float32 | bytes | write | read |\n| --- | --- | --- | --- |\n", dimension)
	fmt.Printf("| JSON | %d | %v | %v |\n", len(text), each(func() error { _, err := json.Marshal(v); return err }),
		each(func() error { back = back[:0]; return json.Unmarshal(text, &back) }))
	buf := make([]byte, 0, len(frame))
	fmt.Printf("| UMX1, a frame | %d | %v | %v |\n", len(frame), each(func() error { _, err := m.Append(buf); return err }),
		each(func() error {
			_, err := f.Decode(frame, umx.Limits{})
			_ = umx.View[float32](f.Tensors[0].Data)
			return err
		}))
	return nil
}

// each is how long f takes.
func each(f func() error) time.Duration {
	const enough = 200 * time.Millisecond
	start, n := time.Now(), 0
	for ; time.Since(start) < enough; n++ {
		if f() != nil {
			return 0
		}
	}
	return (time.Since(start) / time.Duration(n)).Round(10 * time.Nanosecond)
}

// manyVectors sends batches: to a collection that is not there, which is refused when everything but the indexing has been
// done, and to one that is.
func manyVectors(ctx context.Context, synap *process.Process, batch int, last time.Duration) error {
	c, err := client.DialConn(ctx, "umicp://"+synap.Peers, client.Options{})
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // it was only a load
	into := fmt.Sprint("flat-", batch)
	ids := make([]uint64, batch)
	for i := range ids {
		ids[i] = uint64(i) //nolint:gosec // not negative
	}
	rows := numbers(batch * dimension)
	size := len(rows) * 4
	send := func(collection string) error {
		err := c.SendTensors("vector.upsert", map[string]any{"collection": collection},
			client.Tensor("ids", umx.NewTensor(umx.Uint64, umx.Bytes(ids), uint64(batch))), client.Tensor("rows", umx.NewTensor(umx.Float32, umx.Bytes(rows), uint64(batch), dimension)))
		if err == nil {
			_, err = c.Receive()
		}
		return err
	}
	cpu, start, n := synap.CPU(), time.Now(), 0
	for ; time.Since(start) < last; n++ {
		if err := send("nowhere"); fault.CodeOf(err) != fault.NotFound {
			return fmt.Errorf("an upsert to nowhere: %w", err)
		}
	}
	took := time.Since(start)
	fmt.Printf("\n%d x %d float32, refused when all but the indexing is done: %.2f GB/s, %v each, %v of the server's processor\n", batch, dimension,
		float64(n)*float64(size)/took.Seconds()/1e9, (took / time.Duration(n)).Round(time.Microsecond), ((synap.CPU() - cpu) / time.Duration(n)).Round(time.Microsecond))
	if err := c.SendTensors("vector.collection.create", map[string]any{"collection": into, "dimension": dimension, "index": "flat"}); err != nil {
		return err
	}
	if _, err := c.Receive(); err != nil {
		return err
	}
	start, n = time.Now(), 0
	for ; time.Since(start) < last; n++ {
		if err := send(into); err != nil {
			return err
		}
	}
	took = time.Since(start)
	fmt.Printf("%d x %d float32 into a flat collection: %.2f GB/s, %.0f points/s\n", batch, dimension,
		float64(n)*float64(size)/took.Seconds()/1e9, float64(n*batch)/took.Seconds())
	return nil
}
