package eval

import (
	"fmt"
	"regexp"
	"strings"
)

// promptSolvers follow the text of a prompt step by step. says holds each to what the text still says, and the agent lets it call no tool
// that the text does not name.
var promptSolvers = map[string]func(*Agent){
	"prompt-remember": func(a *Agent) {
		a.says("1. Call synap_memory_search", "limit 5", "3. If a result is about the same thing but says otherwise", "synap_memory_update")
		fact := a.quoted("fact")
		found := a.call("synap_memory_search", Args{"query": "day on which releases of atlas are cut", "limit": 5}).Get("results.0")
		if !strings.Contains(found.Get("text").Text(), "Mondays") {
			a.must(fmt.Errorf("what is known was not found: %s", found.Text()))
		}
		a.call("synap_memory_update", Args{"id": found.Get("id").Text(), "text": fact})
	},
	"prompt-remember-keys": func(a *Agent) {
		a.says(`1. Call synap_kv_list with prefix "memory:atlas:" and limit 50`, "next_cursor", "4. Call synap_kv_set once", "if_absent true")
		fact := a.quoted("fact")
		a.pages("synap_kv_list", Args{"prefix": "memory:atlas:", "limit": 50}, func(page Answer) {
			for _, item := range page.Get("items").List() {
				if strings.Contains(item.Get("preview").Text(), "otter") {
					a.must(fmt.Errorf("it is known: %s", item.Text()))
				}
			}
		})
		a.call("synap_kv_set", Args{"key": "memory:atlas:mascot-otter", "value": fact, "if_absent": true})
	},
	"prompt-recall": func(a *Agent) {
		a.says("1. Call synap_memory_search with query set to the topic and limit 8", `filter {"project": "house"}`)
		found := a.call("synap_memory_search", Args{"query": a.quoted("topic"), "limit": 8, "filter": map[string]any{"project": "house"}})
		a.answer(found.Get("results.0.id").Text())
	},
	"prompt-recall-keys": func(a *Agent) {
		a.says(`1. Call synap_kv_list with prefix "memory:house:" and limit 50`, "five pages at most", "3. Call synap_kv_get once")
		var about []string
		a.pages("synap_kv_list", Args{"prefix": "memory:house:", "limit": 50}, func(page Answer) {
			for _, item := range page.Get("items").List() {
				if strings.Contains(item.Get("key").Text(), "wifi") {
					about = append(about, item.Get("key").Text())
				}
			}
		})
		found := a.call("synap_kv_get", Args{"keys": about})
		a.answer(found.Get("items.0.key").Text())
	},
	"prompt-handoff-task": func(a *Agent) {
		a.says("fields task", "done_when", "context", "from", "3. Call synap_queue_publish once", "dedupe_id", "4. duplicate=true")
		a.call("synap_queue_publish", Args{"queue": "reviews", "dedupe_id": "review-parser", "message": map[string]any{
			"task": a.quoted("task"), "context": a.quoted("context"), "done_when": "the review is written",
			"from": a.call("synap_status", nil).Get("principal").Text(),
		}})
	},
	"prompt-work-queue": workQueue,
	"prompt-catch-up": func(a *Agent) {
		a.says("1. Call synap_status for your principal, then synap_kv_get", `"catch_up:news:" followed by your principal`,
			"from_offset set to next_offset", "Stop reading when an answer has no events", "5. Call synap_kv_set")
		key := "catch_up:news:" + a.call("synap_status", nil).Get("principal").Text()
		args := Args{"room": "news", "limit": 50}
		if kept := a.call("synap_kv_get", Args{"keys": []string{key}}).Get("items.0"); kept.Get("found").Is() {
			args["from_offset"] = kept.Get("value").Int()
		} else {
			args["start"] = "earliest"
		}
		for range 20 {
			got := a.call("synap_stream_read", args)
			delete(args, "start")
			args["from_offset"] = got.Get("next_offset").Int()
			if len(got.Get("events").List()) == 0 {
				break
			}
		}
		a.call("synap_kv_set", Args{"key": key, "value": fmt.Sprint(args["from_offset"])})
	},
	"prompt-coordinate": coordinate,
	"prompt-debug-queue": func(a *Agent) {
		a.says(`1. Call synap_browse with kind "queues" and prefix "uploads"`, `2. Call synap_queue_peek`, `state "dead" and limit 10`, `3. Call synap_queue_peek`,
			`6. If trying again makes sense`, `call synap_clear with target "synap://queue/uploads" and mode "redrive_dead"`)
		if got := a.call("synap_browse", Args{"kind": "queues", "prefix": "uploads"}); got.Get("items.0.name").Text() != "uploads" {
			a.must(fmt.Errorf("it is not there: %s", got.Text()))
		}
		for state, limit := range map[string]int{"dead": 10, "leased": 5, "ready": 5} {
			a.call("synap_queue_peek", Args{"queue": "uploads", "state": state, "limit": limit})
		}
		a.call("synap_queue_peek", Args{"queue": "uploads", "state": "dead", "full": true, "limit": 1})
		a.clear("synap://queue/uploads", "redrive_dead", "dead", 3)
	},
}

// quoted is what stands between <name> and </name> in the prompt.
func (a *Agent) quoted(name string) string {
	m := regexp.MustCompile(`(?s)<` + name + `>\n(.*?)\n</` + name + `>`).FindStringSubmatch(a.Say)
	if m == nil {
		a.must(fmt.Errorf("the prompt quotes no %s: %s", name, a.Say))
	}
	return m[1]
}

func workQueue(a *Agent) {
	a.says("1. Call synap_queue_receive", "max_messages 1, wait_seconds 20 and lease_seconds 300", `"done"`, `"retry", seconds 60, and reason`,
		`"reject", and reason`, "6. If you have settled 4 tasks")
	set := regexp.MustCompile(`^set the key (\S+) to (\S+)$`)
	copied := regexp.MustCompile(`^copy the value of the key (\S+) to the key (\S+)$`)
	for range 4 {
		m := a.call("synap_queue_receive", Args{"queue": "chores", "max_messages": 1, "wait_seconds": 20, "lease_seconds": 300}).Get("messages.0")
		task := m.Get("message").Inside().Get("task").Text()
		how := Args{"action": "done"}
		if s := set.FindStringSubmatch(task); s != nil {
			a.call("synap_kv_set", Args{"key": s[1], "value": s[2]})
		} else if c := copied.FindStringSubmatch(task); c != nil {
			from := a.call("synap_kv_get", Args{"keys": []string{c[1]}}).Get("items.0")
			if !from.Get("found").Is() {
				how = Args{"action": "retry", "seconds": 60, "reason": "the key " + c[1] + " is not there yet"}
			} else {
				a.call("synap_kv_set", Args{"key": c[2], "value": from.Get("value").Text()})
			}
		} else {
			how = Args{"action": "reject", "reason": "it asks for what is not allowed: " + task}
		}
		a.settle(m, how)
	}
}

func coordinate(a *Agent) {
	a.says("1. Call synap_agent_inbox once", `2. Call synap_browse with kind "agents"`, "3. Split the goal", "thread set to two words", "dedupe_id",
		`key "lock:" and the name of the thing`, "if_absent true, ttl_seconds 120", "if_version set to the version",
		"5. Call synap_agent_inbox with that thread and wait_seconds 20", "saying that it is over", "Hold no lock when you end")
	const thread = "letters-count"
	bob := a.find(`; (\S+) does sundial`)
	me := a.call("synap_agent_inbox", nil).Get("agent").Text()
	a.call("synap_browse", Args{"kind": "agents"})
	a.call("synap_agent_send", Args{"to": bob, "message": "How many letters has sundial? Done means a number.", "thread": thread, "dedupe_id": thread + "-1"})
	number := regexp.MustCompile(`sundial: (\d+)`)
	var sundial int
	for range 10 {
		for _, m := range a.call("synap_agent_inbox", Args{"thread": thread, "wait_seconds": 20}).Get("messages").List() {
			if n := number.FindStringSubmatch(m.Get("message").Text()); n != nil {
				_, err := fmt.Sscan(n[1], &sundial)
				a.must(err)
			}
		}
		if sundial > 0 {
			break
		}
	}
	version := a.call("synap_kv_set", Args{"key": "lock:letters", "value": me, "if_absent": true, "ttl_seconds": 120}).Get("version").Int()
	a.call("synap_kv_set", Args{"key": "letters", "value": fmt.Sprint(len("harbour") + sundial)})
	a.call("synap_kv_delete", Args{"keys": []string{"lock:letters"}, "if_version": version})
	a.call("synap_agent_send", Args{"to": bob, "message": "It is over: 14.", "thread": thread, "dedupe_id": thread + "-2"})
}
