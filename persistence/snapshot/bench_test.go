package snapshot_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/hivellm/synap-go/persistence/snapshot"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// entries returns chunks of 64 KiB as a key-value store makes them: keys, versions and values of about 150 bytes.
func entries(chunks int) [][]byte {
	rng := rand.New(rand.NewPCG(7, 8))
	all := make([][]byte, chunks)
	for i := range all {
		var b []byte
		for len(b) < 64<<10 {
			key := fmt.Sprintf("user:%08d:session", rng.IntN(100_000_000))
			value := fmt.Sprintf(`{"id":"%016x","name":"customer %d","country":"%c%c","visits":%d,"active":%t,"token":"%016x"}`,
				rng.Uint64(), rng.IntN(1_000_000), 'A'+rng.IntN(26), 'A'+rng.IntN(26), rng.IntN(5000), rng.IntN(2) == 0, rng.Uint64())
			b = append(binary.AppendUvarint(b, uint64(len(key))), key...)
			b = binary.LittleEndian.AppendUint64(b, rng.Uint64N(1<<30))
			b = append(binary.AppendUvarint(b, uint64(len(value))), value...)
		}
		all[i] = b[:64<<10]
	}
	return all
}

const (
	benchSections = 16
	benchBytes    = 64 << 20
)

// fill writes 64 MiB of entries on the real disk.
func fill(b *testing.B, at string, chunks [][]byte) snapshot.Summary {
	w, err := snapshot.Create(vfs.OS, at, header)
	must(b, err)
	each := benchBytes / benchSections / len(chunks[0])
	for section := range uint16(benchSections) {
		for i := range each {
			must(b, w.Put(1, 1, section, chunks[i%len(chunks)]))
		}
	}
	done, err := w.Commit(50)
	must(b, err)
	return done
}

// BenchmarkWrite is all of it: compressing, writing, forcing to the disk and reading back. MB are those of the chunks.
func BenchmarkWrite(b *testing.B) {
	chunks, at := entries(64), b.TempDir()
	b.SetBytes(benchBytes)
	var done snapshot.Summary
	for b.Loop() {
		done = fill(b, at, chunks)
	}
	b.ReportMetric(100*float64(done.Bytes)/float64(done.RawBytes), "%size")
}

func BenchmarkRead(b *testing.B) {
	at := b.TempDir()
	done := fill(b, at, entries(64))
	run := func(name string, read func(r *snapshot.Reader)) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(benchBytes)
			for b.Loop() {
				r, err := snapshot.Open(vfs.OS, at, done.Name)
				must(b, err)
				read(r)
				must(b, r.Close())
			}
		})
	}
	one := func(r *snapshot.Reader, i int) {
		if err := r.Read(i, func([]byte) error { return nil }); err != nil {
			b.Error(err)
		}
	}
	run("verified", func(r *snapshot.Reader) { must(b, r.Verify()) })
	run("one after the other", func(r *snapshot.Reader) {
		for i := range r.Sections() {
			one(r, i)
		}
	})
	run("side by side", func(r *snapshot.Reader) {
		var readers sync.WaitGroup
		for half := range 2 {
			readers.Go(func() {
				for i := half; i < benchSections; i += 2 {
					one(r, i)
				}
			})
		}
		readers.Wait()
	})
}
