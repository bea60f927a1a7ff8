package snapshot_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/persistence/snapshot"
	"github.com/hivellm/synap-go/persistence/vfs"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What is in testdata/v1.synap: blocks of both kinds, a section of several, one that comes again, and empty chunks.
var (
	goldenHeader = snapshot.Header{Epoch: 0x1122334455667788, Seq: 1234567, End: 1234599, Created: 1_700_000_000_123, Version: "1.2.3-golden"}
	goldenChunks = []chunk{
		{0, 0, 0, []byte(`{"namespaces":["default","ünïcode"]}`)},
		{1, 1, 0, bytes.Repeat([]byte("session:"), 20_000)}, {1, 1, 0, nil}, {1, 1, 0, bytes.Repeat([]byte("cart:"), 30_000)},
		{1, 1, 65535, noise(500)},
		{4294967295, 255, 7, []byte(strings.Repeat("stream ", 100))}, {4294967295, 255, 7, noise(20)},
		{1, 1, 0, nil},
	}
)

// TestVersion1IsReadable must hold for ever: whoever changes the format writes another file beside this one.
func TestVersion1IsReadable(t *testing.T) {
	const name = "v1.synap"
	if *update {
		h := goldenHeader
		h.End = 0
		m := newMem(t)
		w, err := snapshot.Create(m, dir, h)
		must(t, err)
		for _, c := range goldenChunks {
			must(t, w.Put(c.namespace, c.structure, c.part, c.data))
		}
		done, err := w.Commit(goldenHeader.End)
		must(t, err)
		content, err := vfs.ReadAll(m, filepath.Join(dir, done.Name), 1<<20)
		must(t, err)
		must(t, os.WriteFile(filepath.Join("testdata", name), content, 0o644))
	}
	content, err := os.ReadFile(filepath.Join("testdata", name))
	must(t, err)
	m := only(t, content)
	r, err := snapshot.Open(m, dir, "x")
	must(t, err)
	if r.Header() != goldenHeader {
		t.Errorf("the header is %+v, want %+v", r.Header(), goldenHeader)
	}
	want := []snapshot.Section{
		{Chunks: 1, Bytes: 38}, {Namespace: 1, Structure: 1, Chunks: 3, Bytes: 310_000},
		{Namespace: 1, Structure: 1, Part: 65535, Chunks: 1, Bytes: 500},
		{Namespace: 4294967295, Structure: 255, Part: 7, Chunks: 2, Bytes: 720}, {Namespace: 1, Structure: 1, Chunks: 1},
	}
	if !slices.Equal(r.Sections(), want) {
		t.Errorf("the sections are %+v, want %+v", r.Sections(), want)
	}
	must(t, r.Close())
	if got, err := load(m, "x"); err != nil || !same(got, goldenChunks) {
		t.Errorf("it holds %v, %v; want %v", got, err, goldenChunks)
	}
}
