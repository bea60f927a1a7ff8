package snapshot_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/snapshot"
	"github.com/hivellm/synap-go/persistence/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const dir = "/data/snapshots"

var header = snapshot.Header{Epoch: 0x18f, Seq: 42, Created: 1_700_000_000_000, Version: "1.2.3"}

// chunk is one call of Put.
type chunk struct {
	namespace uint32
	structure uint8
	part      uint16
	data      []byte
}

func (c chunk) String() string {
	return fmt.Sprintf("%d/%d/%d %d bytes", c.namespace, c.structure, c.part, len(c.data))
}

func newMem(t testing.TB) *vfs.Mem {
	t.Helper()
	m := vfs.NewMem()
	must(t, m.MkdirAll(dir))
	return m
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write takes a snapshot that ends at record 50.
func write(fsys vfs.FS, h snapshot.Header, chunks []chunk) (snapshot.Summary, error) {
	w, err := snapshot.Create(fsys, dir, h)
	if err != nil {
		return snapshot.Summary{}, err
	}
	for _, c := range chunks {
		if err := w.Put(c.namespace, c.structure, c.part, c.data); err != nil {
			return snapshot.Summary{}, errors.Join(err, w.Abort())
		}
	}
	return w.Commit(50)
}

// load opens a snapshot, verifies it and returns all that is in it.
func load(fsys vfs.FS, name string) (chunks []chunk, err error) {
	r, err := snapshot.Open(fsys, dir, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := r.Verify(); err != nil {
		return nil, err
	}
	for i, s := range r.Sections() {
		err := r.Read(i, func(data []byte) error {
			chunks = append(chunks, chunk{s.Namespace, s.Structure, s.Part, bytes.Clone(data)})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return chunks, nil
}

func same(a, b []chunk) bool {
	return slices.EqualFunc(a, b, func(a, b chunk) bool {
		return a.namespace == b.namespace && a.structure == b.structure && a.part == b.part && bytes.Equal(a.data, b.data)
	})
}

// noise is data that does not compress.
func noise(n int) []byte {
	rng := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	_, _ = rng.Read(b) // it never fails
	return b
}

func TestWhatIsPutIsRead(t *testing.T) {
	text := []byte(strings.Repeat("all work and no play ", 100))
	tests := []struct {
		name     string
		chunks   []chunk
		sections int
	}{
		{"nothing at all", nil, 0},
		{"one empty chunk", []chunk{{1, 1, 0, nil}}, 1},
		{"one chunk", []chunk{{1, 1, 0, text}}, 1},
		{"chunks of one place are one section", []chunk{{1, 1, 0, text}, {1, 1, 0, nil}, {1, 1, 0, text[:7]}}, 1},
		{"every part of a place counts", []chunk{{1, 1, 1, text}, {1, 1, 2, text}, {1, 2, 2, text}, {2, 2, 2, text}}, 4},
		{"the largest numbers", []chunk{{1<<32 - 1, 255, 65535, text}}, 1},
		{"a place that comes again is another section", []chunk{{1, 1, 0, text}, {2, 1, 0, text}, {1, 1, 0, text}}, 3},
		{"what does not compress", []chunk{{1, 1, 0, noise(100_000)}}, 1},
		{"many blocks", slices.Repeat([]chunk{{1, 1, 0, noise(1000)}, {1, 1, 0, text}}, 1000), 1},
		{"a chunk as large as a block", []chunk{{1, 1, 0, noise(256 << 10)}, {1, 1, 0, text}}, 1},
		{"a chunk larger than a block, between small ones", []chunk{{1, 1, 0, text}, {1, 1, 0, noise(3 << 20)}, {1, 1, 0, text}}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMem(t)
			done, err := write(m, header, test.chunks)
			must(t, err)
			got, err := load(m, done.Name)
			if err != nil || !same(got, test.chunks) {
				t.Errorf("read %v, %v; want %v", got, err, test.chunks)
			}
			raw := 0
			for _, c := range test.chunks {
				raw += len(c.data)
			}
			info, err := m.Stat(filepath.Join(dir, done.Name))
			must(t, err)
			wantHeader := header
			wantHeader.End = 50
			want := snapshot.Summary{
				Name: "snapshot-00000000000000000042-000000000000018f.synap", Bytes: info.Size, RawBytes: int64(raw),
				Chunks: int64(len(test.chunks)), Sections: test.sections, Header: wantHeader,
			}
			if done != want {
				t.Errorf("summary %+v, want %+v", done, want)
			}
		})
	}
}

func TestALargeChunk(t *testing.T) {
	m := newMem(t)
	w, err := snapshot.Create(m, dir, header)
	must(t, err)
	large := make([]byte, snapshot.MaxChunk+1)
	copy(large, "the beginning")
	if err := w.Put(1, 1, 0, large); fault.CodeOf(err) != fault.TooLarge {
		t.Errorf("a chunk over the limit: %v", err)
	}
	large = large[:often(8<<20, snapshot.MaxChunk)]
	must(t, w.Put(1, 1, 0, large))
	done, err := w.Commit(50)
	must(t, err)
	if done.Bytes > 1<<20 {
		t.Errorf("zeros take %d bytes", done.Bytes)
	}
	r, err := snapshot.Open(m, dir, done.Name)
	must(t, err)
	must(t, r.Read(0, func(data []byte) error {
		if len(data) != len(large) || !bytes.HasPrefix(data, []byte("the beginning\x00")) {
			t.Errorf("read %d bytes, %q…, that are not those that were written", len(data), data[:20])
		}
		return nil
	}))
	must(t, r.Close())
}

func TestReaderSaysWhatThereIs(t *testing.T) {
	m := newMem(t)
	h := header
	h.Version = strings.Repeat("v", 300)
	done, err := write(m, h, []chunk{{1, 2, 3, []byte("ab")}, {1, 2, 3, []byte("c")}, {0, 0, 0, nil}})
	must(t, err)
	r, err := snapshot.Open(m, dir, done.Name)
	must(t, err)
	h.Version, h.End = h.Version[:255], 50
	if r.Header() != h || r.Bytes() != done.Bytes {
		t.Errorf("%+v with %d bytes, want %+v with %d", r.Header(), r.Bytes(), h, done.Bytes)
	}
	want := []snapshot.Section{{Namespace: 1, Structure: 2, Part: 3, Chunks: 2, Bytes: 3}, {Chunks: 1}}
	if !slices.Equal(r.Sections(), want) {
		t.Errorf("sections %+v, want %+v", r.Sections(), want)
	}
	for _, i := range []int{-1, 2} {
		if err := r.Read(i, nil); fault.CodeOf(err) != fault.OutOfRange {
			t.Errorf("section %d: %v", i, err)
		}
	}
	stop, calls := errors.New("enough"), 0
	if err := r.Read(0, func([]byte) error { calls++; return stop }); !errors.Is(err, stop) || calls != 1 {
		t.Errorf("a function that fails was called %d times, and Read says %v", calls, err)
	}
	must(t, r.Close())
}

func TestSectionsAreReadSideBySide(t *testing.T) {
	m := newMem(t)
	var chunks []chunk
	for part := range uint16(4) {
		for i := range 200 {
			chunks = append(chunks, chunk{1, 1, part, bytes.Repeat([]byte{byte(part), byte(i)}, 3000)})
		}
	}
	done, err := write(m, header, chunks)
	must(t, err)
	r, err := snapshot.Open(m, dir, done.Name)
	must(t, err)
	var readers sync.WaitGroup
	for i := range r.Sections() {
		readers.Go(func() {
			next := 0
			err := r.Read(i, func(data []byte) error {
				if !bytes.Equal(data, chunks[i*200+next].data) {
					t.Errorf("section %d: chunk %d is another", i, next)
				}
				next++
				return nil
			})
			if err != nil || next != 200 {
				t.Errorf("section %d: %d chunks, %v", i, next, err)
			}
		})
		readers.Go(func() {
			if err := r.Verify(); err != nil {
				t.Error(err)
			}
		})
	}
	readers.Wait()
	must(t, r.Close())
}

func TestRandomChunks(t *testing.T) {
	m := newMem(t)
	place := rapid.Custom(func(t *rapid.T) chunk {
		c := chunk{
			rapid.Uint32Range(0, 1).Draw(t, "namespace"), rapid.Uint8Range(0, 1).Draw(t, "structure"),
			rapid.Uint16Range(0, 1).Draw(t, "part"), nil,
		}
		if n := rapid.SampledFrom([]int{0, 1, 100, 127, 128, 16_384, 100_000, 300_000}).Draw(t, "length"); rapid.Bool().Draw(t, "noise") {
			c.data = noise(n)
		} else {
			c.data = make([]byte, n)
		}
		return c
	})
	rapid.Check(t, func(t *rapid.T) {
		chunks := rapid.SliceOfN(place, 0, 30).Draw(t, "chunks")
		done, err := write(m, header, chunks)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := load(m, done.Name); err != nil || !same(got, chunks) {
			t.Fatalf("read %v, %v; want %v", got, err, chunks)
		}
	})
}
