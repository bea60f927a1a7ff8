package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestBackupOfABusyServer takes backups while writers write: what was answered before one began is in it.
func TestBackupOfABusyServer(t *testing.T) {
	work := t.TempDir()
	server, url := startServer(t)
	var over atomic.Bool
	var answered [4]atomic.Int64
	var all sync.WaitGroup
	for i := range answered {
		all.Go(func() {
			for !over.Load() {
				got := synap(t, "", "kv", "increment", fmt.Sprint("writer", i), "--server", url)
				if got.code != 0 {
					t.Errorf("writer %d: %+v", i, got)
					return
				}
				answered[i].Add(1)
			}
		})
	}
	for round := range 3 {
		var before [4]int64
		for i := range before {
			before[i] = answered[i].Load()
		}
		dir := filepath.Join(work, fmt.Sprint("backup", round))
		if got := synap(t, "", "backup", dir, "--server", url); got.code != 0 {
			t.Fatalf("backup: %+v", got)
		}
		second := start(t, "serve", "--http", "127.0.0.1:0", "--data-dir", dir)
		from := listening.FindString(second.line(t))
		for i := range before {
			got := synap(t, "", "kv", "get", fmt.Sprint("writer", i), "--server", from)
			var n int64
			if _, err := fmt.Sscan(got.out, &n); (err != nil && before[i] > 0) || n < before[i] || n > answered[i].Load()+1 {
				t.Errorf("writer %d was answered %d increments before the backup, which has %q", i, before[i], got.out)
			}
		}
		halt(t, second)
	}
	over.Store(true)
	all.Wait()
	halt(t, server)
}

func TestBackupOfNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "backup")
	c := start(t, "serve", "--http", "127.0.0.1:0", "--memory")
	url := listening.FindString(c.line(t))
	if got := synap(t, "", "backup", dir, "--server", url); exitCode(got.code) != exitFailed || !strings.Contains(got.err, "no data on disk") {
		t.Errorf("a server in memory: %+v", got)
	}
	if got := synap(t, "", "backup", dir, "--server", "http://127.0.0.1:1"); exitCode(got.code) != exitUnavailable {
		t.Errorf("no server: %+v", got)
	}
	if left, err := filepath.Glob(dir + "*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if got := synap(t, "", "persistence", "backup", "--limit", "3", "--server", url); got.code == 0 {
		t.Errorf("a backup in portions: %+v", got)
	}
}

// TestALyingServer refuses names that lead elsewhere.
func TestALyingServer(t *testing.T) {
	for _, name := range []string{"log/x.wal", "snapshots/y"} {
		if err := checkName(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "x", "LOCK", "log/", "log/..", "log/.", "../log/x", "/log/x", "log/../x", "log/a/b", "log//x", "snapshots/../../x"} {
		if checkName(name) == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

// TestABackupThatGoesWrong is given by servers that break off, or send what is no backup: nothing of it stays.
func TestABackupThatGoesWrong(t *testing.T) {
	event := func(fields string, args ...any) string {
		return `{"type":"event","payload":{` + fmt.Sprintf(fields, args...) + "}}\n"
	}
	part := func(file string, offset int, data string) string {
		return event(`"event":"part","file":%q,"offset":%d,"data":{"$base64":%q}`, file, offset, base64.StdEncoding.EncodeToString([]byte(data)))
	}
	const (
		end      = `{"type":"end"}` + "\n"
		shaOfABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	)
	begin := event(`"event":"begin","position":"7-3","bytes":3`)
	last := func(bytes int, sum string) string {
		return event(`"event":"end","position":"7-3","bytes":%d,"sha256":%q`, bytes, sum) + end
	}
	tests := []struct {
		name, body string
		code       exitCode
		says       string
	}{
		{"it breaks off", begin + part("log/a", 0, "abc"), exitUnavailable, "ended its answer in the middle"},
		{"it ends too early", begin + part("log/a", 0, "abc") + end, exitUnavailable, "ended the backup in the middle"},
		{"it says why it ends", begin + `{"type":"end","error":{"code":"exhausted","message":"the disk is full"}}` + "\n", exitExhausted, "the disk is full"},
		{"a byte changed on the way", begin + part("log/a", 0, "abd") + last(3, shaOfABC), exitDamaged, "is not what the server sent"},
		{"a piece is missing", begin + part("log/a", 0, "ab") + last(3, shaOfABC), exitDamaged, "is not what the server sent"},
		{"a piece is in the wrong place", begin + part("log/a", 0, "a") + part("log/a", 2, "c"), exitDamaged, "a piece for offset 2 comes after 1 bytes"},
		{"a file comes twice", begin + part("log/a", 0, "a") + part("log/b", 0, "b") + part("log/a", 0, "c"), exitDamaged, "log/a comes twice"},
		{"a name that leads elsewhere", begin + part("log/../../stolen", 0, "abc"), exitDamaged, "belongs into no data directory"},
		{"whole, and no data directory", begin + part("log/a", 0, "abc") + last(3, shaOfABC), exitDamaged, "ends with version 0, and should with 3"},
		{"a log that is none", begin + part("log/00000000000000000001-0000000000000007.wal", 0, "abc") + last(3, shaOfABC), exitDamaged, "too short for a segment's header"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = fmt.Fprint(w, `{"type":"ready"}`+"\n"+test.body)
			}))
			defer server.Close()
			work := t.TempDir()
			got := synap(t, "", "backup", filepath.Join(work, "in", "backup"), "--server", server.URL)
			if exitCode(got.code) != test.code || !strings.Contains(got.err, test.says) {
				t.Errorf("backup: %+v, want exit code %d and %q", got, test.code, test.says)
			}
			left, err := filepath.Glob(filepath.Join(work, "in", "*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
			if _, err := os.Stat(filepath.Join(work, "stolen")); err == nil {
				t.Error("a file was written elsewhere")
			}
		})
	}
}
