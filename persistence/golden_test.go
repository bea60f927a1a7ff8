package persistence_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is a data directory as version 1 of the formats wrote it: a snapshot, compressed and plain segments, an
// unfinished last one. It is never written anew, only others beside it: whoever has such a directory must be able
// to read it with every later version.
const golden = "testdata/v1"

// asked is what is in the golden directory, as commands tell it.
var asked = []struct{ command, request string }{
	{"kv.list", `{"values":"full"}`},
	{"kv.get", `{"key":"once"}`},
	{"queue.peek", `{"queue":"mail","full":true,"limit":1000}`},
	{"queue.stats", `{"queue":"mail"}`},
	{"stream.read", `{"room":"log","start":"earliest","limit":1000}`},
	{"stream.list", `{}`},
	{"stream.group.list", `{"room":"log"}`},
	{"pubsub.topics", `{}`},
	{"server.status", `{}`},
}

// TestGoldenDirectory reads what version 1 wrote.
func TestGoldenDirectory(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	fs := vfs.NewMem()
	for _, dir := range []string{"log", "snapshots"} {
		if err := fs.MkdirAll(filepath.Join("data", dir)); err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir(filepath.Join(golden, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			content, err := os.ReadFile(filepath.Join(golden, dir, file.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if err := vfs.Publish(fs, filepath.Join("data", dir, file.Name()), content); err != nil {
				t.Fatal(err)
			}
		}
	}
	w := mustOpen(t, fs, persistence.Options{})
	text, err := os.ReadFile(filepath.Join(golden, "answers.json"))
	if err != nil {
		t.Fatal(err)
	}
	if got := answers(t, w); !bytes.Equal(got, text) {
		t.Errorf("what version 1 wrote is read as\n%s\nwant\n%s", got, text)
	}
}

// answers asks everything, one line each, without what is not data.
func answers(t *testing.T, w *world) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, q := range asked {
		var answer map[string]any
		decoder := json.NewDecoder(bytes.NewReader([]byte(w.do(t, q.command, q.request))))
		decoder.UseNumber()
		if err := decoder.Decode(&answer); err != nil {
			t.Fatal(err)
		}
		if q.command == "server.status" {
			answer = map[string]any{"namespaces": answer["namespaces"]}
		}
		forget(answer)
		line, err := json.Marshal(map[string]any{q.command: answer})
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	return b.Bytes()
}

// forget removes what depends on when or by which version it is asked.
func forget(tree any) {
	switch tree := tree.(type) {
	case []any:
		for _, v := range tree {
			forget(v)
		}
	case map[string]any:
		for _, name := range []string{"oldest_ready_ms", "waiting", "bytes", "dead_bytes"} {
			delete(tree, name)
		}
		for _, v := range tree {
			forget(v)
		}
	}
}

// writeGolden makes the directory, with the real file system.
func writeGolden(t *testing.T) {
	t.Helper()
	work := t.TempDir()
	t.Chdir(work)
	w := mustOpen(t, vfs.OS, persistence.Options{Mode: persistence.Always, SegmentBytes: 3000, Compress: true})
	for i := range 90 {
		if i%14 == 7 {
			continue // what expires is gone when this is read
		}
		if err := w.play(i); err != nil {
			t.Fatal(err)
		}
		if i == 30 {
			if _, err := w.store.Snapshot(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.store.Compress()
	told := answers(t, w)
	w.close(t)
	here := filepath.Join(home, golden)
	for _, dir := range []string{"log", "snapshots"} {
		if err := os.MkdirAll(filepath.Join(here, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir(filepath.Join("data", dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if err := os.Rename(filepath.Join("data", dir, file.Name()), filepath.Join(here, dir, file.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(here, "answers.json"), told, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(home)
}

// home is where the tests began.
var home, _ = os.Getwd()
