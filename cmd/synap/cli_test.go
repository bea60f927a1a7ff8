package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/synaptest"
)

// TestCommandLines is a session: the lines run one after the other against one server.
func TestCommandLines(t *testing.T) {
	t.Setenv("SYNAP_SERVER", serve(t))
	blob := filepath.Join(t.TempDir(), "blob")
	if err := os.WriteFile(blob, []byte("\x00\xff\x01"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		args  string // split at spaces
		stdin string
		code  exitCode
		out   string // the whole output; with * at the end, how it begins
		err   string // a part of what is said on standard error
	}{
		{name: "a set answers with its receipt", args: "kv set a 1", out: "version     1\ndurability  memory\ncreated     true\n"},
		{name: "a value is printed as it is", args: "kv get a", out: "1\n"},
		{name: "raw adds nothing", args: "kv get a -o raw", out: "1"},
		{name: "json is the whole answer", args: "kv get a --output json", out: `{"found":true,"value":"1","version":1}` + "\n"},
		{name: "a missing key", args: "kv get nope", code: exitNotFound, err: "synap: not found"},
		{name: "a missing key as json", args: "kv get nope --output json", code: exitNotFound, out: "{\"found\":false}\n"},
		{name: "a missing key raw", args: "kv get nope --output raw", code: exitNotFound},
		{name: "a key that was not there before is no failure", args: "kv getset fresh 1 --output json", out: `{"version":2,"durability":"memory","found":false}` + "\n"},
		{name: "an empty text is a value", args: "kv set empty -", out: "version*"},
		{name: "an empty text comes back", args: "kv get empty", out: "\n"},
		{name: "JSON", args: `kv set j --json {"b":[1,2.50],"a":"<&>"}`, out: "version*"},
		{name: "JSON comes back as it went in", args: "kv get j", out: `{"b":[1,2.50],"a":"<&>"}` + "\n"},
		{name: "what is no JSON", args: "kv set j --json {", code: exitUsage, err: `"{" is not valid JSON`},
		{name: "a file's bytes", args: "kv set blob @" + blob, out: "version*"},
		{name: "bytes survive, for people too", args: "kv get blob", out: "\x00\xff\x01"},
		{name: "standard input", args: "kv set in -", stdin: "\x80 piped\n", out: "version*"},
		{name: "standard input survives", args: "kv get in --output raw", out: "\x80 piped\n"},
		{name: "an @ that is one", args: "kv set at @@home", out: "version*"},
		{name: "an @ that was one", args: "kv get at", out: "@home\n"},
		{name: "a file that is not there", args: "kv set at @" + blob + ".not", code: exitUsage, err: "no such file"},
		{name: "numbers by place", args: "kv increment n 5", out: "5\n"},
		{name: "a negative number by place", args: "kv increment n -- -7", out: "-2\n"},
		{name: "a negative number that is no flag", args: "kv increment n -7", code: exitUsage, err: "put -- before"},
		{name: "a number that is none", args: "kv increment n five", code: exitUsage, err: "by: "},
		{name: "pairs", args: `kv mset x=1 y=a=b {"key":"z","value":[3]}`, out: "version*"},
		{name: "a list as a table", args: "kv mget x y z q", out: "KEY  FOUND  VALUE  VERSION*"},
		{name: "a list as json", args: "kv exists x y q --output json", out: `{"existing":["x","y"],"missing":["q"]}` + "\n"},
		{name: "deleting says what was there", args: "kv delete x q", out: "version     *"},
		{name: "a condition that fails", args: "kv set a 2 --if-version 99", code: exitConflict, err: "version 99"},
		{name: "a key that exists", args: "kv set a 2 --if-absent", code: exitConflict, err: "exists"},
		{name: "a key that does not", args: "kv set b 2 --if-present", code: exitNotFound, err: `"b"`},
		{name: "a flag with = false", args: "kv set a 2 --if-absent=false", out: "version*"},
		{name: "a flag of the wrong type", args: "kv set a 1 --ttl soon", code: exitUsage, err: `ttl: "soon" is not a duration: write it like 10s`},
		{name: "a flag that is no number", args: "kv list --limit few", code: exitUsage, err: `limit: "few" is not an integer`},
		{name: "a duration", args: "kv set lock me --ttl 1h30m", out: "version*"},
		{name: "a duration by place", args: "kv expire lock 2m", out: "version*"},
		{name: "a wait", args: "queue receive jobs --wait 10ms -o json", out: `{"messages":[],"ready":0}` + "\n"},
		{name: "a duration that is too fine", args: "kv set lock me --ttl-ms 10us", code: exitUsage, err: `ttl_ms: "10us" is finer than a millisecond`},
		{name: "a unit that there is not", args: "kv set lock me --ttl 7d", code: exitUsage, err: `ttl: "7d" is not a duration: write it like 10s, 1m30s, 500ms or 24h, or as a number of seconds`},
		{name: "a fraction without a unit", args: "kv set lock me --ttl 1.5", code: exitUsage, err: `ttl: "1.5" is not a duration`},
		{name: "a time that is given twice", args: "kv set lock me --ttl 1500ms --ttl-ms 10", code: exitUsage, err: "ttl_ms says the same as another argument"},
		{name: "a time that the server does not take", args: "queue receive jobs --wait 1m", code: exitUsage, err: `"wait" is between 0 and 25 seconds`},
		{name: "a time beside one that may be a time", args: "kv set lock me --expires-at 10s", code: exitUsage, err: `expires_at: "10s" is not an integer`},
		{name: "a list, element by element", args: `kv mset {"key":"m1","value":1} {"key":"m2","value":2} -o json`, out: `{"version":15,"durability":"memory","created":2,"replaced":0}` + "\n"},
		{name: "a list in one piece", args: `kv mset [{"key":"m1","value":3},{"key":"m3","value":4}] -o json`, out: `{"version":16,"durability":"memory","created":1,"replaced":1}` + "\n"},
		{name: "a list in one piece with something else in it", args: `kv mset [{"key":"m1","value":3},4]`, code: exitUsage, err: `"entries": a number was given, an object is wanted`},
		{name: "a time as tables show it", args: "kv set dated x --expires-at 2099-01-02T03:04:05.678Z -o json", out: `{"version":*`},
		{name: "the same time", args: "kv watch dated --from 1 --limit 1 -o json", out: `{"event":"set","key":"dated","value":"x","expires_at":4071006245678,*`},
		{name: "a namespace to delete", args: "namespace create lab", out: "name *"},
		{name: "deleting it without a word", args: "namespace delete lab", code: exitUsage, out: "name     *", err: "nothing was done yet, this is what would go; to do it, run it again with --confirm lab\n"},
		{name: "as JSON, too", args: "namespace delete lab -o json", code: exitUsage, out: `{"name":"lab","done":false,*`, err: "--confirm lab"},
		{name: "deleting it", args: "namespace delete lab --confirm lab", out: "name *"},
		{name: "emptying in two steps", args: "server clear synap://kv/zz: empty", code: exitUsage, out: "target *", err: "run it again with --confirm "},
		{name: "an unknown flag", args: "kv set a 1 --tll 5", code: exitUsage, err: "unknown flag: --tll; did you mean --ttl?"},
		{name: "too few arguments", args: "kv set a", code: exitUsage, err: "value is missing: synap kv set <key> <value>"},
		{name: "too many arguments", args: "kv get a b", code: exitUsage, err: `"b" is one argument too many`},
		{name: "an unknown command", args: "kv gett a", code: exitUsage, err: "did you mean synap kv get?"},
		{name: "an unknown structure", args: "kw get a", code: exitUsage, err: `unknown command "kw"`},
		{name: "the server refuses", args: "kv clear", code: exitUsage, err: "confirm"},
		{name: "the server agrees", args: "kv clear --prefix z --confirm", code: exitUsage, err: "unknown flag: --prefix: it is given by its place: synap kv clear [prefix]"},
		{name: "a prefix by place", args: "kv clear z --confirm --output json", out: `{"version":*`},
		{name: "durability that is not to be had", args: "kv set a 1 --durability fsynced", code: exitFailed, err: `"fsynced"`},
		{name: "durability that is none", args: "kv set a 1 --durability paper", code: exitUsage, err: "none of memory"},
		{name: "another namespace", args: "kv get a --namespace other", code: exitNotFound, err: "not found"},
		{name: "a namespace that cannot be", args: "kv get a --namespace NO", code: exitUsage, err: "namespace"},
		{name: "a watch that answers once", args: "kv watch a --wait-ms 0 --output json", out: `{"events":[],"position":*`},
		{name: "a watch that resumes, as json lines", args: "kv watch a --from 1 --limit 1 --output json", out: `{"event":"set","key":"a"*`},
		{name: "a watch that resumes, for people", args: "kv watch a --from 1 --limit 1", out: "event=set  key=a*"},
		{name: "a watch from the future", args: "kv watch a --from 999999", code: exitUsage, err: "outside the backlog"},
		{name: "publishing to a queue", args: "queue publish jobs resize --priority 9 -o json", out: `{"message_id":"1"*`},
		{name: "receiving with a wait, as one would write it", args: "queue receive jobs --wait 10s --lease 1m30s", out: "RECEIPT *"},
		{name: "receiving what is not there", args: "queue receive jobs --wait 1ms", out: "messages\nready     0\n"},
		{name: "what is to be made first", args: "stream group join nowhere g", code: exitNotFound, err: "or synap stream create"},
		{name: "topics are listed", args: "topic list", out: "*"},
		{name: "following a room", args: "stream append room hello --event joined", out: "room  *"},
		{name: "a line for each event", args: "stream watch room --start earliest --limit 1", out: "kind=event  generation=*"},
		{name: "a JSON line for each event", args: "stream watch room --start earliest --limit 1 -o json", out: `{"kind":"event","generation":*`},
		{name: "a topic is of pubsub", args: "topic publish a.b hello --retain -o json", out: `{"subscribers":0*`},
		{name: "listening begins with what is retained", args: "topic listen a.# --limit 1", out: "event=message  topic=a.b  message=hello  *"},
		{name: "listening as JSON lines", args: "topic listen a.# --limit 1 -o json", out: `{"event":"message","topic":"a.b","message":"hello",*`},
		{name: "listening by the name of the structure", args: "pubsub subscribe a.# --limit 1", out: "event=message  *"},
		{name: "polling with a handle", args: "topic poll a.#", out: "subscription  *"},
		{name: "a topic's unknown verb", args: "topic listn a", code: exitUsage, err: "there is no synap pubsub listn; did you mean synap pubsub listen?"},
		{name: "a verb that is like none", args: "topic frobnicate", code: exitUsage, err: "there is no synap pubsub frobnicate; synap pubsub --help lists what there is"},
		{name: "a verb of a group that is none", args: "auth key creat x", code: exitUsage, err: "there is no synap auth key creat; did you mean synap auth key create?"},
		{name: "a group by itself", args: "auth key", out: "Commands of key*"},
		{name: "a verb of config that is none", args: "config chek", code: exitUsage, err: "did you mean synap config check?"},
		{name: "a pattern that is none", args: "topic listen a.#.b", code: exitUsage, err: "#"},
		{name: "what is missing, with the whole path", args: "stream group join room", code: exitUsage, err: "group is missing: synap stream group join <room> <group> [member]"},
		{name: "objects as dotted rows", args: "server status", out: "principal*"},
		{name: "a payload by place", args: `server query kv.length {"key":"blob"} --output json`, out: `{"command":"kv.length","result":{"found":true,"length":3*`},
		{name: "a payload that is none", args: "server query kv.length blob", code: exitUsage, err: "payload: "},
		{name: "an output that is none", args: "kv get a --output xml", code: exitUsage, err: `output: "xml" is not one of table, json, raw`},
		{name: "a server that is no URL", args: "kv get a --server localhost", code: exitUsage, err: "is not a URL"},
		{name: "a server that is not there", args: "kv get a --server http://127.0.0.1:1", code: exitUnavailable, err: "start one with `synap serve`"},
		{name: "a verb's missing argument", args: "restore a", code: exitUsage, err: "something is missing: synap restore <backup> <directory>"},
		{name: "a verb's argument too many", args: "restore a b c", code: exitUsage, err: `"c" is one argument too many`},
		{name: "a verb's stray argument", args: "version now", code: exitUsage, err: "now"},
		{name: "the version", args: "version", out: "synap " + version + "\n"},
		{name: "the exit codes", args: "help exit-codes", out: "Every command ends with one of these exit codes:*"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := synap(t, test.stdin, strings.Fields(test.args)...)
			begins, open := strings.CutSuffix(test.out, "*")
			if got.out != test.out && (!open || !strings.HasPrefix(got.out, begins)) {
				t.Errorf("synap %s\nprints %q\nwant   %q", test.args, got.out, test.out)
			}
			if exitCode(got.code) != test.code || !strings.Contains(got.err, test.err) || (test.err == "") != (got.err == "") {
				t.Errorf("synap %s: exit code %d, %q; want %d, %q", test.args, got.code, got.err, test.code, test.err)
			}
		})
	}
}

func TestIdempotencyKey(t *testing.T) {
	t.Setenv("SYNAP_SERVER", serve(t))
	for range 2 {
		if got := synap(t, "", "kv", "increment", "n", "--idempotency-key", "once"); got.out != "1\n" {
			t.Errorf("increment = %+v, want 1 both times", got)
		}
	}
}

// TestEveryRowIsASubcommand wants every command of the table, and every field of its request, on the command line.
func TestEveryRowIsASubcommand(t *testing.T) {
	a := &app{}
	root, err := a.root()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range a.table.Commands() {
		path, _ := pathOf(c)
		cmd, rest, err := root.Find(path)
		if err != nil || len(rest) > 0 {
			t.Errorf("synap %s: %v", strings.Join(path, " "), err)
			continue
		}
		for _, f := range newArguments(c.Request, c.RequestSchema()) {
			name := strings.ReplaceAll(f.name, "_", "-")
			if cmd.Flags().Lookup(name) == nil && !strings.Contains(cmd.Use, "<"+name+">") && !strings.Contains(cmd.Use, "["+name+"]") {
				t.Errorf("synap %s does not take %s", strings.Join(path, " "), name)
			}
		}
	}
}

func TestHelpComesFromTheTable(t *testing.T) {
	got := synap(t, "", "kv", "set", "--help")
	for _, want := range []string{"Usage:\n  synap kv set <key> <value> [flags]", "--ttl duration", "seconds until the key expires", "--json", "- is standard input", "A duration is written like 10s"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("help for kv set lacks %q:\n%s", want, got.out)
		}
	}
}

func TestCompletion(t *testing.T) {
	for args, want := range map[string]string{
		"kv get --output ":         "table\njson\nraw\n",
		"kv set a 1 --durabi":      "--durability",
		"kv set --durability ":     "memory\nbuffered\nfsynced\nreplicated\n",
		"kv se":                    "set\t",
		"kv set a 1 --ttl ":        "a duration such as 10s, 1m30s or 500ms, or a number of seconds\n:4\n",
		"queue receive --wait-ms ": "or a number of milliseconds",
		"kv expire a ":             "a duration such as 10s",
		"topic lis":                "listen\t",
		"serve --log-level ":       "error\nwarn\ninfo\ndebug\n",
	} {
		got := synap(t, "", append([]string{"__complete"}, strings.Split(args, " ")...)...)
		if !strings.Contains(got.out, want) {
			t.Errorf("completing %q gives %q, want %q", args, got.out, want)
		}
	}
}

func TestInterrupted(t *testing.T) {
	url := serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	watching := &signalWriter{seen: make(chan struct{})}
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"kv", "watch", "k", "--server", url, "--output", "json"}, strings.NewReader(""), watching, watching)
	}()
	// Whether the watch is in place shows in its first event.
	for waiting := true; waiting; {
		synap(t, "", "kv", "set", "k", "v", "--server", url)
		select {
		case <-watching.seen:
			waiting = false
		default:
		}
	}
	cancel()
	if code := <-done; exitCode(code) != exitInterrupted {
		t.Errorf("an interrupted watch ends with %d, want %d", code, exitInterrupted)
	}
}

// TestCanceledElsewhere is about what the server cancelled, or somebody on the way: whoever did not interrupt it is told.
func TestCanceledElsewhere(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(499)
		_, _ = io.WriteString(w, `{"error":{"code":"canceled","message":"the request was cancelled"}}`)
	}))
	defer server.Close()
	if got := synap(t, "", "kv", "get", "a", "--server", server.URL); exitCode(got.code) != exitInterrupted || got.err != "synap: the request was cancelled\n" {
		t.Errorf("what was cancelled elsewhere: %+v", got)
	}
}

// signalWriter closes seen at the first write.
type signalWriter struct {
	seen chan struct{}
	once bool
}

func (w *signalWriter) Write(p []byte) (int, error) {
	if !w.once {
		w.once = true
		close(w.seen)
	}
	return len(p), nil
}

func TestExitCodesAreComplete(t *testing.T) {
	for _, code := range fault.Codes() {
		count := 0
		for _, e := range exits {
			for _, c := range e.codes {
				if c == code {
					count++
				}
			}
		}
		if count != 1 {
			t.Errorf("%s has %d exit codes, want 1", code, count)
		}
	}
}

// TestStoriesFromAfar plays the stories through the executors that the subcommands use.
func TestStoriesFromAfar(t *testing.T) {
	t.Run("over HTTP", func(t *testing.T) { playFromAfar(t, serve) })
	t.Run("over UMICP", func(t *testing.T) {
		playFromAfar(t, func(t *testing.T) string { return "umicp://" + wholeServer(t).peers })
	})
}

func playFromAfar(t *testing.T, serve func(*testing.T) string) {
	synaptest.Play(t, func(t *testing.T) synaptest.Door {
		a := &app{}
		if _, err := a.root(); err != nil {
			t.Fatal(err)
		}
		server := newAsker(&Config{Server: serve(t), DataDir: "data"}, a.table)
		t.Cleanup(server.close)
		return synaptest.Shared(synaptest.PlayerFunc(func(ctx context.Context, name string, request []byte) ([]byte, error) {
			c, err := a.table.Find(name)
			if err != nil {
				return nil, err
			}
			r := &command.Request{Caller: auth.Local(), Command: c, Payload: command.JSON(request)}
			var answer any
			if c.Kind == command.KindWatch {
				answer, err = command.Collect(ctx, server, r)
			} else {
				answer, err = server.Do(ctx, r)
			}
			if err != nil {
				return nil, err
			}
			return json.Marshal(answer)
		}))
	})
}
