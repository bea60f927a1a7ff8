package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// filled starts a server process on a directory of its own, with something of every structure in it.
func filled(t *testing.T, dir string) (server *process, url string) {
	t.Helper()
	server = start(t, "serve", "--http", "127.0.0.1:0", "--data-dir", dir, "--fsync", "always")
	url = listening.FindString(server.line(t))
	for _, line := range []string{
		"kv set a 1", "kv set fleeting x --ttl 1h", "kv increment n --idempotency-key once", "queue publish jobs resize --priority 9",
		"queue publish jobs later --delay 1h", "stream append room hello --event joined", "stream group create room readers",
		"topic publish a.b hello --retain", "kv set elsewhere 1 --namespace other",
	} {
		if got := synap(t, "", append(strings.Fields(line), "--server", url)...); got.code != 0 {
			t.Fatalf("synap %s: %+v", line, got)
		}
	}
	return server, url
}

// halt stops a server cleanly.
func halt(t *testing.T, server *process) {
	t.Helper()
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Fatalf("the server ended with %v: %s", err, server.stderr.String())
	}
}

// digestOf is the fingerprint of what a directory holds.
func digestOf(t *testing.T, dir string) string {
	t.Helper()
	got := synap(t, "", "check", dir, "--deep", "-o", "json")
	var r report
	if err := json.Unmarshal([]byte(got.out), &r); err != nil || got.code != 0 || !r.Whole || r.Digest == "" {
		t.Fatalf("synap check %s: %+v, %v", dir, got, err)
	}
	return r.Digest
}

// segmentIn is the name of the newest file of a directory's log.
func segmentIn(t *testing.T, dir string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "log", "*.wal"))
	if err != nil || len(all) == 0 {
		t.Fatalf("%s has no log: %v", dir, err)
	}
	return slices.Max(all)
}

// TestToolsForDataOnDisk backs a running server up, restores that, and looks into all of it.
func TestToolsForDataOnDisk(t *testing.T) {
	work := t.TempDir()
	data, backup, again := filepath.Join(work, "data"), filepath.Join(work, "backup"), filepath.Join(work, "again")
	server, url := filled(t, data)

	if got := synap(t, "", "check", data); got.code != 0 || !strings.Contains(got.out, data+" is whole: ") || got.err != "" {
		t.Errorf("check of a running server's directory: %+v", got)
	}
	if got := synap(t, "", "backup", backup, "--server", url); got.code != 0 || !strings.Contains(got.out, "verified") || got.err != "" {
		t.Fatalf("backup: %+v", got)
	}
	if got := synap(t, "", "backup", backup, "--server", url); exitCode(got.code) != exitConflict || !strings.Contains(got.err, "exists, and is not empty") {
		t.Errorf("backup into a directory that exists: %+v", got)
	}
	if got := synap(t, "", "restore", data, again); exitCode(got.code) != exitUnavailable || !strings.Contains(got.err, "in use by process") || !strings.Contains(got.err, "synap backup") {
		t.Errorf("restore of a directory that is in use: %+v", got)
	}
	digest := digestOf(t, backup)
	if digestOf(t, data) != digest {
		t.Error("the backup holds something else than the server")
	}
	if got := synap(t, "", "restore", backup, again, "-o", "json"); got.code != 0 || !strings.HasPrefix(got.out, `{"directory":`) || digestOf(t, again) != digest {
		t.Errorf("restore: %+v", got)
	}
	if got := synap(t, "", "restore", backup, again); exitCode(got.code) != exitConflict {
		t.Errorf("restore into a directory that is not empty: %+v", got)
	}
	halt(t, server)
	copied := filepath.Join(work, "copied")
	if err := os.Mkdir(copied, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := synap(t, "", "restore", data, copied); got.code != 0 || digestOf(t, copied) != digest {
		t.Errorf("restore of a directory that nobody uses, into an empty one: %+v", got)
	}
	second := start(t, "serve", "--http", "127.0.0.1:0", "--data-dir", backup)
	if got := synap(t, "", "kv", "get", "a", "--server", listening.FindString(second.line(t))); got.out != "1\n" {
		t.Errorf("a server on the backup answers %+v", got)
	}
	if left, err := filepath.Glob(filepath.Join(work, "*.partial")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestServeSaysWhatMayBeDoneAboutDamage starts on a log whose first record is spoilt.
func TestServeSaysWhatMayBeDoneAboutDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	server, _ := filled(t, dir)
	halt(t, server)
	flip(t, segmentIn(t, dir), 90)
	got := synap(t, "", "serve", "--http", "127.0.0.1:0", "--data-dir", dir)
	for _, want := range []string{"record 1: its checksum is wrong", "Nothing was changed", "--accept-data-loss=1 starts without record 1"} {
		if got.code != int(exitDamaged) || !strings.Contains(got.err, want) {
			t.Errorf("serve: %+v, want exit code %d and %q", got, exitDamaged, want)
		}
	}
}

// TestDamageOnDisk spoils a directory in several places: each tool says what is wrong and where, and passes nothing on.
func TestDamageOnDisk(t *testing.T) {
	work := t.TempDir()
	data, backup := filepath.Join(work, "data"), filepath.Join(work, "backup")
	server, url := filled(t, data)
	if got := synap(t, "", "backup", backup, "--server", url); got.code != 0 {
		t.Fatalf("backup: %+v", got)
	}
	halt(t, server)
	tests := []struct {
		name  string
		spoil func(t *testing.T, dir string)
		code  exitCode
		says  string
	}{
		{"a record", func(t *testing.T, dir string) { flip(t, segmentIn(t, dir), 90) }, exitDamaged, "offset 64, record 1: its checksum is wrong"},
		{"a file's header", func(t *testing.T, dir string) { flip(t, segmentIn(t, dir), 20) }, exitDamaged, "offset 0, record 1: the checksum of the segment's header is wrong"},
		{"a snapshot", func(t *testing.T, dir string) {
			all, _ := filepath.Glob(filepath.Join(dir, "snapshots", "*"))
			flip(t, all[0], 100)
		}, exitDamaged, "the checksum of a block is wrong"},
		{"the log is gone", func(t *testing.T, dir string) { _ = os.Remove(segmentIn(t, dir)) }, exitDamaged, "the log is gone"},
		{"the last write was cut short", func(t *testing.T, dir string) {
			name := segmentIn(t, dir)
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			snapshots, _ := filepath.Glob(filepath.Join(dir, "snapshots", "*"))
			if os.Truncate(name, info.Size()-3) != nil || os.Remove(snapshots[0]) != nil {
				t.Fatal("the directory cannot be spoilt")
			}
		}, exitOK, "the last write was cut short"},
		{"no directory at all", func(_ *testing.T, dir string) { _ = os.RemoveAll(dir) }, exitNotFound, "no such file"},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(work, fmt.Sprint("spoilt", i))
			if err := os.CopyFS(dir, os.DirFS(backup)); err != nil {
				t.Fatal(err)
			}
			test.spoil(t, dir)
			got := synap(t, "", "check", dir)
			if exitCode(got.code) != test.code || !strings.Contains(got.out+got.err, test.says) {
				t.Errorf("check: %+v, want %q and exit code %d", got, test.says, test.code)
			}
			got = synap(t, "", "restore", dir, dir+"-restored")
			_, err := os.Stat(dir + "-restored")
			if exitCode(got.code) != test.code || os.IsNotExist(err) != (test.code != exitOK) {
				t.Errorf("restore: %+v, %v", got, err)
			}
		})
	}
	spoilt := filepath.Join(work, "spoilt0")
	got := synap(t, "", "wal", "dump", spoilt)
	if exitCode(got.code) != exitDamaged || !strings.Contains(got.err, "offset 64, record 1") {
		t.Errorf("dump of a damaged log: %+v", got)
	}
}

// flip changes a bit of a file.
func flip(t *testing.T, name string, at int) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	content[at] ^= 4
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDumpOfALog shows every kind of change as JSON.
func TestDumpOfALog(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	_, url := filled(t, data)
	synap(t, "\x80\xff", "kv", "set", "bytes", "-", "--server", url)
	synap(t, "", "kv", "clear", "by", "--confirm", "--server", url)
	for _, test := range []struct {
		args  []string
		lines int
		has   []string
	}{
		{nil, 12, []string{
			`"op":"put","target":"a","fields":{"key":"a","value":"1","expires":0}`, `"answer":{"caller":"local","key":"once","command":"kv.increment"`,
			`"structure":"stream","kind":3,"op":"append","target":"room"`, `"value":{"$base64":"gP8="}`, `"structure":"pubsub"`,
			`"op":"wipe","target":"by","prefix":true`, `"structure":"server","kind":1,"op":"namespace","target":"other"`,
		}},
		{[]string{"--limit", "2"}, 2, []string{`"seq":1`, `"seq":2`}},
		{[]string{"--from", "11"}, 2, []string{`"seq":11`, `"seq":12`}},
		{[]string{"--target", "jobs"}, 2, []string{`"op":"configure"`, `"message":`}[:1]},
		{[]string{"--key", "bytes"}, 2, []string{`"op":"wipe"`}},
		{[]string{"--key", "fl*"}, 1, []string{`"key":"fleeting"`}},
		{[]string{"--key", "nobody"}, 0, nil},
	} {
		got := synap(t, "", append([]string{"wal", "dump", data}, test.args...)...)
		if got.code != 0 || strings.Count(got.out, "\n") != test.lines {
			t.Errorf("dump %v: %d lines, want %d: %+v", test.args, strings.Count(got.out, "\n"), test.lines, got)
		}
		for _, want := range test.has {
			if !strings.Contains(got.out, want) {
				t.Errorf("dump %v lacks %s:\n%s", test.args, want, got.out)
			}
		}
	}
}

func TestBar(t *testing.T) {
	b := &bar{label: "copying"}
	if got := b.draw(1<<20, 2<<20, 2e9); !strings.HasPrefix(got, "copying [███████████████░░░░░░░░░░░░░░░]  50 %  1.0 MiB of 2.0 MiB  512.0 KiB/s") {
		t.Errorf("half is drawn as %q", got)
	}
	var none *bar
	none.show(1, 2)
	none.end()
}

// TestDumpOfAKey looks at the record of an API key: it holds no blank fields, of which JSON would have several.
func TestDumpOfAKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	server, url := filled(t, dir)
	if got := synap(t, "", "auth", "key", "create", "worker", "--server", url); got.code != 0 {
		t.Fatalf("auth key create: %+v", got)
	}
	halt(t, server)
	got := synap(t, "", "wal", "dump", dir)
	if got.code != 0 || !strings.Contains(got.out, `"structure":"auth"`) || !strings.Contains(got.out, `"used":0`) || strings.Contains(got.out, `"_"`) {
		t.Errorf("wal dump: %+v", got)
	}
}
