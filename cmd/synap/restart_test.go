package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/synaptest"
	"github.com/hivellm/synap-go/memory"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// TestStoriesOverRestarts plays every story on a server that is stopped and started again after every step.
func TestStoriesOverRestarts(t *testing.T) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	c := &Config{DataDir: "data"}
	c.Persistence.Enabled, c.Persistence.WAL.FsyncMode, c.Persistence.WAL.FsyncIntervalMS, c.Persistence.WAL.SegmentBytes = true, "periodic", 1000, 64<<10
	untold := map[string]string{
		"persistence":  "it is about a server in memory",
		"transactions": "what is put together call by call is kept in memory",
		"topics":       "subscriptions are of one process",
		"browse":       "the codes that confirm a preview are of one process",
	}
	for _, story := range synaptest.Stories(t) {
		if untold[story.Name] != "" || story.Waits() { // nobody waits for a server that is gone
			continue
		}
		t.Run(story.Name, func(t *testing.T) {
			fs := vfs.NewMem()
			var engine *core.Engine
			var store *persistence.Store
			open := func() {
				var err error
				if engine, store, err = openDurable(c, fs, log, memory.Options{}, nil); err == nil {
					err = c.recoverDurable(t.Context(), engine, store)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			open()
			player := synaptest.PlayerFunc(func(ctx context.Context, name string, request []byte) ([]byte, error) {
				running, stop := context.WithCancel(ctx)
				ended := make(chan struct{})
				go func() { defer close(ended); _ = engine.Run(running) }()
				answer, err := direct(t, engine.Dispatcher()).Play(ctx, name, request)
				stop()
				<-ended
				before := engine.Digest()
				if err := store.Close(); err != nil {
					t.Fatal(err)
				}
				open()
				if engine.Digest() != before {
					t.Errorf("after %s %s a restart changes what there is", name, request)
				}
				// On disk what is in memory elsewhere, the stories say.
				for _, level := range []string{"buffered", "fsynced"} {
					answer = []byte(strings.ReplaceAll(string(answer), `"durability":"`+level+`"`, `"durability":"memory"`))
				}
				return answer, err
			})
			story.Play(t, synaptest.Shared(player))
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestKilledAtAnyMoment kills a real server with kill -9 again and again while eight writers write through HTTP, each repeating what was not
// answered, and eight over UMICP, each with up to thirty-two requests under way: nothing that was answered is lost, and nothing happens twice.
// SYNAP_TORTURE makes it last.
func TestKilledAtAnyMoment(t *testing.T) {
	rounds := 50
	if os.Getenv("SYNAP_TORTURE") != "" {
		rounds = 2000
	}
	t.Setenv("SYNAP_PERSISTENCE_WAL_SEGMENT_BYTES", "65536")            // so that segments change all the time
	t.Setenv("GOMAXPROCS", strconv.Itoa(max(4, runtime.GOMAXPROCS(0)))) // so that several loops read the connections of UMICP
	dir := t.TempDir()
	const writers = 8
	var answered [writers]int64
	overUMICP := tellers(8)
	for round := range rounds {
		server := start(t, "serve", "--http", "127.0.0.1:0", "--umicp", "127.0.0.1:0", "--data-dir", dir, "--fsync", "always")
		line := server.line(t)
		url, peers := listening.FindString(line), peering.FindString(line)
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: writers}}
		var over atomic.Bool
		var answers atomic.Int64
		last, enough := 1+rand.Int64N(300), make(chan struct{})
		var busy sync.WaitGroup
		for i := range writers {
			busy.Go(func() {
				for !over.Load() {
					next := answered[i] + 1
					text, err := ask(client, url+"/v1/kv/increment", fmt.Sprintf(`{"key":"writer%d"}`, i), fmt.Sprintf("writer %d, %d", i, next))
					if err != nil {
						return // the server was killed, or there is something wrong, which the next round shows
					}
					if !strings.Contains(text, fmt.Sprintf(`"value":%d,`, next)) {
						t.Errorf("round %d: writer %d was answered %s, want %d", round, i, text, next)
						return
					}
					answered[i] = next
					if answers.Add(1) == last {
						close(enough)
					}
				}
			})
		}
		busy.Go(func() {
			for !over.Load() {
				if _, err := ask(client, url+"/v1/persistence/snapshot", "{}", ""); err != nil {
					return
				}
			}
		})
		var alive atomic.Bool // always false: whatever is told is told by a server that lives
		for _, w := range overUMICP {
			busy.Go(func() {
				if err := w.run(t.Context(), peers, overUMICP, &alive); errors.Is(err, errLied) {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		if !goesOn(enough, &answers) {
			t.Fatalf("round %d: the server answered %d of %d calls and no more: %s", round, answers.Load(), last, server.stderr.String())
		}
		if err := server.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		over.Store(true)
		_ = server.Wait() // it was killed
		busy.Wait()
		client.CloseIdleConnections()
		if (round+1)%100 == 0 {
			t.Logf("%d kills", round+1) // said as it goes, should the whole be cut off
		}
	}
	url := listening.FindString(start(t, "serve", "--http", "127.0.0.1:0", "--data-dir", dir).line(t))
	for i := range writers {
		// What was not answered may have happened.
		text, err := ask(http.DefaultClient, url+"/v1/kv/increment", fmt.Sprintf(`{"key":"writer%d"}`, i), fmt.Sprintf("writer %d, %d", i, answered[i]+1))
		if err != nil || !strings.Contains(text, fmt.Sprintf(`"value":%d,`, answered[i]+1)) {
			t.Errorf("writer %d was answered %d increments, and the next says %s, %v", i, answered[i], text, err)
		}
		if answered[i] == 0 {
			t.Errorf("writer %d was never answered", i)
		}
	}
	number := func(name, payload, pattern string) int64 {
		text, err := ask(http.DefaultClient, url+"/v1/"+name, payload, "")
		found := regexp.MustCompile(pattern).FindStringSubmatch(text)
		if err != nil || found == nil {
			t.Errorf("%s %s: %q, %v", name, payload, text, err)
			return 0
		}
		n, _ := strconv.ParseInt(found[1], 10, 64) // it is of digits
		return n
	}
	holdAgainst(t, "after the last kill", overUMICP,
		func(name string) int64 { return number("kv/get", `{"key":"`+name+`"}`, `"value":"?(\d+)`) },
		func(name string) int64 { return number("stream/stats", `{"room":"`+name+`"}`, `"next_offset":(\d+)`) })
	t.Logf("%d writes over HTTP and %d increments over UMICP were answered", sum(answered[:]), toldOf(overUMICP))
}

// goesOn waits until there are enough answers, as long as there are more of them from time to time. It counts looks and not seconds: on a busy
// machine all may stand still for a minute, and this with it.
func goesOn(enough <-chan struct{}, answers *atomic.Int64) bool {
	look := time.NewTicker(5 * time.Second)
	defer look.Stop()
	for seen, still := int64(0), 0; still < 12; still++ {
		select {
		case <-enough:
			return true
		case <-look.C:
		}
		if now := answers.Load(); now > seen {
			seen, still = now, -1
		}
	}
	return false
}

// TestASlowServerGoesOn has one be waited for that is slow, and not one that stands still.
func TestASlowServerGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answers atomic.Int64
		enough := make(chan struct{})
		go func() {
			for range 10 {
				time.Sleep(40 * time.Second) // of the test's own clock
				answers.Add(1)
			}
			close(enough)
		}()
		if !goesOn(enough, &answers) {
			t.Error("a slow one is given up")
		}
		if goesOn(nil, &answers) {
			t.Error("one that stands still is not")
		}
	})
}

func sum(all []int64) (n int64) {
	for _, one := range all {
		n += one
	}
	return n
}

// ask posts, with an idempotency key if it is not empty, and returns the answer.
func ask(client *http.Client, url, body, key string) (string, error) {
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	resp, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	return string(text), err
}
