package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// world is something of every kind that a namespace can hold.
const world = `
{"command":"kv.set","payload":{"key":"text","value":"{\"looks\":\"like JSON\"}"}}
{"command":"kv.set","payload":{"key":"json","value":{"$base64":"AP8=","b":[1,2.50,12345678901234567890,null]}}}
{"command":"kv.set","payload":{"key":"null","value":null}}
{"command":"kv.set","payload":{"key":"bytes","value":{"$base64":"gP8="}}}
{"command":"kv.set","payload":{"key":"<&>é\n","value":""}}
{"command":"kv.set","payload":{"key":"fleeting","value":"x","ttl":3600}}

{"command":"queue.create","payload":{"queue":"q","max_attempts":0,"prefetch":3,"max_dead":0,"dedupe_ms":0,"max_bytes":1099511627776,"dead_letter_queue":"graves"}}
{"command":"queue.publish","payload":{"queue":"q","message":"low","priority":1,"headers":{"h":"1"},"group":"g","ttl":3600}}
{"command":"queue.publish","payload":{"queue":"q","message":{"n":1},"priority":9}}
{"command":"queue.publish","payload":{"queue":"q","message":{"$base64":"AA=="},"priority":9,"delay":3600}}
{"command":"queue.publish","payload":{"queue":"taken","message":"first"}}
{"command":"queue.publish","payload":{"queue":"taken","message":"second"}}
{"command":"queue.receive","payload":{"queue":"taken"}}
{"command":"queue.pause","payload":{"queue":"taken"}}
{"command":"stream.create","payload":{"room":"r","partitions":3,"max_events":4,"max_age_ms":86400000,"dedupe_window_ms":0}}
{"command":"stream.append","payload":{"room":"r","events":[{"event":"a","data":"1","key":"k"},{"event":"b","data":{"x":1},"headers":{"h":"1"}},{"event":"c","data":{"$base64":"gP8="}},{"event":"a","data":"4","key":"k"},{"event":"a","data":"5","key":"k"},{"event":"a","data":"6","key":"k"},{"event":"a","data":"7","key":"k"}]}}
{"command":"stream.group.create","payload":{"room":"r","group":"g","assignment":"sticky","session_ms":60000}}
{"command":"stream.group.join","payload":{"room":"r","group":"g","member":"m"}}
{"command":"stream.group.commit","payload":{"room":"r","group":"g","member":"m","offsets":[{"partition":1,"offset":1}]},"from_answer":{"generation":"generation"}}
{"command":"stream.append","payload":{"room":"plain","event":"e","data":"d"}}
{"command":"pubsub.publish","payload":{"topic":"a.b","message":{"x":1},"retain":true,"headers":{"z":"1"},"reply_to":"c"}}
{"command":"pubsub.publish","payload":{"topic":"gone","message":"nobody keeps this"}}
`

// exported is what a namespace exports.
func exported(t *testing.T, url, namespace string) string {
	t.Helper()
	got := synap(t, "", "export", "--server", url, "--namespace", namespace)
	if got.code != 0 || got.err != "" {
		t.Fatalf("export: %+v", got)
	}
	return got.out
}

// spans are ends that are told as spans, which takes a moment.
var spans = regexp.MustCompile(`"until":\{"(\w+)":\d+\}`)

// TestExportAndImport takes everything that a namespace holds into another one and to another server: there it exports the
// same.
func TestExportAndImport(t *testing.T) {
	url := serve(t)
	_, elsewhere := startServer(t)
	if got := synap(t, world, "import", "--server", url); got.code != 0 || got.out != "22 lines: 22 done, 0 failed, 0 expired meanwhile\n" {
		t.Fatalf("import: %+v", got)
	}
	first := exported(t, url, "default")
	for _, want := range []string{
		`{"command":"kv.set","payload":{"key":"json","value":{"$base64":"AP8=","b":[1,2.50,12345678901234567890,null]}}}`,
		`{"command":"kv.set","payload":{"key":"bytes","value":{"$base64":"gP8="}}}`,
		`{"command":"kv.set","payload":{"key":"text","value":"{\"looks\":\"like JSON\"}"}}`,
		`{"command":"kv.set","payload":{"expires_at":`, `"dead_letter_queue":"graves","dedupe_ms":0,`, `"max_attempts":0,"max_bytes":1099511627776`,
		`{"group":"g","headers":{"h":"1"},"message":"low","priority":1,"queue":"q"},"until":{"ttl_ms":`, `"until":{"delay_ms":`,
		`"message":"first","priority":5,"queue":"taken"}}` + "\n" + `{"command":"queue.publish","payload":{"message":"second"`,
		`{"command":"queue.pause","payload":{"queue":"taken"}}`, `"partitions":3,"room":"r"`,
		`{"data":"7","event":"a","key":"k","partition":2,"room":"r"}`, `{"offset":1,"partition":1}`,
		`{"headers":{"z":"1"},"message":{"x":1},"reply_to":"c","retain":true,"topic":"a.b"}`,
	} {
		if !strings.Contains(first, want) {
			t.Errorf("the export lacks %s", want)
		}
	}
	for _, not := range []string{"nobody keeps this", `"data":"1"`} {
		if strings.Contains(first, not) {
			t.Errorf("the export has %s, which is gone", not)
		}
	}
	for _, to := range []struct{ url, namespace string }{{url, "lab"}, {elsewhere, "default"}} {
		if got := synap(t, first, "import", "--server", to.url, "--namespace", to.namespace); got.code != 0 || got.err != "" {
			t.Fatalf("import of an export: %+v", got)
		}
		again := exported(t, to.url, to.namespace)
		if spans.ReplaceAllString(again, "$1") != spans.ReplaceAllString(first, "$1") {
			t.Errorf("what was imported exports as\n%s, and it was\n%s", again, first)
		}
	}
	for _, read := range []struct{ args, want string }{
		{"stream group stats r g -o json", `"partition":1,"committed":1`},
		{"queue stats q", "max_attempts"},
		{"kv get bytes -o raw", "\x80\xff"},
	} {
		if got := synap(t, "", append(strings.Fields(read.args), "--server", elsewhere)...); got.code != 0 || !strings.Contains(got.out, read.want) {
			t.Errorf("%s on the other server: %+v", read.args, got)
		}
	}
}

// TestImportSaysWhoCalls imports into a server that asks who calls, with the key that is found and with one that is given.
func TestImportSaysWhoCalls(t *testing.T) {
	a := serveAsking(t)
	const line = `{"command":"kv.set","payload":{"key":"a","value":"1"}}` + "\n"
	for name, args := range map[string][]string{"found": nil, "given": {"--key", a.admin}} {
		if got := synap(t, line, append([]string{"import", "--server", a.url}, args...)...); got.code != 0 || got.out != "1 lines: 1 done, 0 failed, 0 expired meanwhile\n" {
			t.Errorf("import with the key that is %s: %+v", name, got)
		}
	}
	if got := synap(t, "", "export", "--server", a.url); got.out != line {
		t.Errorf("export: %+v, want %s", got, line)
	}
	got := synap(t, line, "import", "--server", a.url, "--key", "sk_none")
	if got.code != int(exitDenied) || !strings.Contains(got.out, "0 done") || !strings.Contains(got.err, "; nothing was run\n") {
		t.Errorf("import with a key that is none: %+v", got)
	}
}

// TestImportThatIsBrokenOff imports from a second portion on which is not answered, or is refused as a whole.
func TestImportThatIsBrokenOff(t *testing.T) {
	line := `{"command":"kv.set","payload":{"key":"a","value":"1"}}` + "\n"
	for _, test := range []struct {
		name   string
		second func(w http.ResponseWriter)
		code   exitCode
		says   string
	}{
		{"in the middle", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, exitUnavailable, "of the lines 201 to 202 it is not known which were run\n"},
		{"by a refusal", func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"type":"response","status":"error","error":{"code":"unauthenticated","message":"revoked"}}`)
		}, exitDenied, "revoked; nothing was run from line 201 on; when that is mended go on with --from-line 201\n"},
		{"by a bug", func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"type":"response","status":"error","error":{"code":"internal","message":"oh"}}`)
		}, exitFailed, "of the lines 201 to 202 it is not known which were run\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if asked++; asked > 1 {
					test.second(w)
					return
				}
				results := strings.TrimSuffix(strings.Repeat(`{"type":"response","payload":{}},`, importLines), ",")
				_, _ = io.WriteString(w, `{"type":"batch_response","results":[`+results+`]}`)
			}))
			defer server.Close()
			got := synap(t, strings.Repeat(line, importLines+2), "import", "--server", server.URL)
			if exitCode(got.code) != test.code || !strings.Contains(got.out, "200 done") || !strings.Contains(got.err, test.says) {
				t.Errorf("import: %+v, want exit code %d and %q", got, test.code, test.says)
			}
		})
	}
}

// TestExportOfMuch walks through more than a page of everything, and imports it in more than one portion.
func TestExportOfMuch(t *testing.T) {
	const many = 2100
	url := serve(t)
	var lines bytes.Buffer
	for i := range many {
		tell(&lines, `{"command":"kv.set","payload":{"key":"k%04d","value":%d,"ttl":%d}}`+"\n", i, i, 3600+i)
		tell(&lines, `{"command":"queue.publish","payload":{"queue":"q","message":%d}}`+"\n", i)
		tell(&lines, `{"command":"stream.append","payload":{"room":"r","event":"e","data":%d}}`+"\n", i)
		tell(&lines, `{"command":"pubsub.publish","payload":{"topic":"t.%d","message":%d,"retain":true}}`+"\n", i, i)
	}
	for i := range 1100 {
		tell(&lines, `{"command":"queue.create","payload":{"queue":"q%04d"}}`+"\n", i)
		tell(&lines, `{"command":"stream.create","payload":{"room":"r%04d"}}`+"\n", i)
	}
	if got := synap(t, lines.String(), "import", "--server", url); got.code != 0 {
		t.Fatalf("import: %+v", got)
	}
	first := exported(t, url, "default")
	if n, want := strings.Count(first, "\n"), 4*many+2*1100+2; n != want { // and the queue and the room themselves
		t.Errorf("the export has %d lines, want %d", n, want)
	}
	if got := synap(t, first, "import", "--server", url, "--namespace", "lab"); got.code != 0 {
		t.Fatalf("import: %+v", got)
	}
	if again := exported(t, url, "lab"); again != first {
		t.Errorf("it exports %d bytes again, and had %d", len(again), len(first))
	}
}

// TestExportIntoAFile overwrites nothing and leaves nothing half done.
func TestExportIntoAFile(t *testing.T) {
	url, dir := serve(t), t.TempDir()
	file := filepath.Join(dir, "all.ndjson")
	synap(t, "", "kv", "set", "a", "1", "--server", url)
	if got := synap(t, "", "export", "--file", file, "--server", url); got.code != 0 || got.out != "" {
		t.Fatalf("export: %+v", got)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != exported(t, url, "default") {
		t.Errorf("the file holds %q, %v", text, err)
	}
	if got := synap(t, "", "export", "--file", file, "--server", url); exitCode(got.code) != exitConflict {
		t.Errorf("export over a file: %+v", got)
	}
	if got := synap(t, "", "export", "--file", file+"2", "--server", "http://127.0.0.1:1"); exitCode(got.code) != exitUnavailable {
		t.Errorf("export of no server: %+v", got)
	}
	if got := synap(t, "", "import", file, "--server", url); got.code != 0 || !strings.HasPrefix(got.out, "1 lines: 1 done") {
		t.Errorf("import of a file: %+v", got)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestExportSaysWhatItLacks tells of dead letters.
func TestExportSaysWhatItLacks(t *testing.T) {
	url := serve(t)
	for _, line := range []string{"queue create q --max-attempts 1", "queue publish q poison", "queue receive q --lease-ms 1"} {
		synap(t, "", append(strings.Fields(line), "--server", url)...)
	}
	eventually(t, "the lease is over", func() bool {
		return strings.Contains(synap(t, "", "queue", "stats", "q", "--server", url, "-o", "json").out, `"dead":1`)
	})
	if got := synap(t, "", "export", "--server", url); got.code != 0 || !strings.Contains(got.err, "1 dead letters of the queue q are not in the export") {
		t.Errorf("export: %+v", got)
	}
}

// TestImportOfWhatFails tells every failure with its line, runs what stands before it, and goes on only if it is told to.
func TestImportOfWhatFails(t *testing.T) {
	url := serve(t)
	set := func(key string) string { return `{"command":"kv.set","payload":{"key":"` + key + `","value":"1"}}` }
	long := `{"command":"kv.set","payload":{"key":"long","value":"` + strings.Repeat("x", 17<<20) + `"}}`
	tests := []struct {
		name  string
		lines []string
		args  []string
		code  exitCode
		out   string
		says  []string
	}{
		{"a line that is no JSON", []string{set("a"), "nonsense", set("b")}, nil, exitUsage, "2 lines: 1 done, 1 failed", []string{"line 2: it is no command", "before line 3 was run", "--from-line 3"}},
		{"going on by hand", []string{set("a"), "nonsense", set("b")}, []string{"--from-line", "3"}, exitOK, "1 lines: 1 done, 0 failed", nil},
		{"going on", []string{"{}", "", set("a"), `{"command":"kv.none"}`, set("b")}, []string{"--keep-going"}, exitFailed, "4 lines: 2 done, 2 failed", []string{"line 1: ", "line 4: kv.none: there is no command"}},
		{"a field that is none", []string{set("a"), `{"command":"kv.set","payload":{"key":"a","valu":1}}`}, nil, exitUsage, "2 lines: 1 done, 1 failed", []string{"line 2: kv.set: ", "value"}},
		{"more than a command on a line", []string{set("a") + set("b")}, nil, exitUsage, "0 done, 1 failed", []string{"line 1"}},
		{"an answer that was none", []string{"{}", `{"command":"kv.get","from_answer":{"key":"key"}}`}, []string{"--keep-going"}, exitFailed, "2 failed", []string{"line 2: kv.get: it needs the answer to the line before"}},
		{"an answer without the field", []string{set("a"), `{"command":"kv.get","from_answer":{"key":"nothing"}}`}, nil, exitUsage, "1 done, 1 failed", []string{`no field "nothing"`}},
		{"what expired meanwhile", []string{
			`{"command":"kv.set","payload":{"key":"old","value":1,"expires_at":1000}}`,
			`{"command":"queue.publish","payload":{"queue":"q","message":1},"until":{"ttl_ms":1000}}`,
			`{"command":"queue.publish","payload":{"queue":"q","message":1},"until":{"delay_ms":1000}}`,
		}, nil, exitOK, "3 lines: 1 done, 0 failed, 2 expired meanwhile", nil},
		{"more than the server takes", []string{set("a"), long, set("b")}, []string{"--keep-going"}, exitFailed, "2 done, 1 failed", []string{"line 2: kv.set: the body is longer"}},
		{"as JSON", []string{set("a")}, []string{"-o", "json"}, exitOK, `{"lines":1,"done":1,"failed":0,"expired":0}`, nil},
		{"no server", []string{set("a")}, []string{"--server", "http://127.0.0.1:1"}, exitUnavailable, "0 done", []string{"no server answers at http://127.0.0.1:1; nothing was run\n"}},
		{"no file", nil, []string{"nowhere.ndjson"}, exitNotFound, "", []string{"nowhere.ndjson"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := synap(t, strings.Join(test.lines, "\n"), append([]string{"import", "--server", url}, test.args...)...)
			if exitCode(got.code) != test.code || !strings.Contains(got.out, test.out) {
				t.Errorf("import: %+v, want exit code %d and %q", got, test.code, test.out)
			}
			for _, want := range test.says {
				if !strings.Contains(got.err, want) {
					t.Errorf("it says %q, and not %q", got.err, want)
				}
			}
		})
	}
}
