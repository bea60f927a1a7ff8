package eval

import (
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var keySolvers = map[string]func(*Agent){
	"fix-wrong-key": func(a *Agent) {
		digits := regexp.MustCompile(`^\d+$`)
		a.pages("synap_kv_list", Args{"prefix": "shop:config:"}, func(page Answer) {
			for _, item := range page.Get("items").List() {
				if digits.MatchString(item.Get("preview").Text()) {
					continue
				}
				key := item.Get("key").Text()
				version := a.call("synap_kv_get", Args{"keys": []string{key}}).Get("items.0.version").Int()
				a.call("synap_kv_set", Args{"key": key, "value": "8080", "if_version": version})
			}
		})
	},
	"page-500-keys": func(a *Agent) {
		lost := 0
		a.pages("synap_kv_list", Args{"prefix": "order:", "limit": 200}, func(page Answer) {
			for _, item := range page.Get("items").List() {
				if item.Get("preview").Text() == "lost" {
					lost++
				}
			}
		})
		a.answer(strconv.Itoa(lost))
	},
	"delete-prefix": func(a *Agent) {
		a.clear("synap://kv/build:17:", "empty", "count", 120)
	},
	"compare-and-set": func(a *Agent) {
		stale, _ := strconv.Atoi(a.find(`version (\d+)`))
		a.fails("conflict", "synap_kv_set", Args{
			"key": "plan", "if_version": stale, "value": map[string]any{"steps": []string{"design", "build", "test"}, "owner": "ann"},
		})
		for { // somebody may come in between again
			now := a.call("synap_kv_get", Args{"keys": []string{"plan"}}).Get("items.0")
			plan, _ := now.Get("value").Inside().v.(map[string]any)
			plan = maps.Clone(plan)
			steps, _ := plan["steps"].([]any)
			plan["steps"] = append(steps, "test")
			if _, err := a.try("synap_kv_set", Args{"key": "plan", "value": plan, "if_version": now.Get("version").Int()}); err == nil {
				return
			} else if !strings.HasPrefix(err.Error(), "conflict") {
				a.must(err)
			}
		}
	},
	"hold-lock": func(a *Agent) {
		token := a.lock("lock:ledger")
		ledger := a.call("synap_kv_get", Args{"keys": []string{"ledger"}}).Get("items.0")
		balance := ledger.Get("value").Inside().Get("balance").Int()
		a.call("synap_kv_set", Args{
			"key": "ledger", "value": map[string]any{"balance": balance + 25, "token": token}, "if_version": ledger.Get("version").Int(),
		})
		a.call("synap_kv_delete", Args{"keys": []string{"lock:ledger"}, "if_version": token})
	},
	"count-together": func(a *Agent) {
		seen := a.call("synap_kv_increment", Args{"key": "parcels", "by": 3}).Get("value").Text()
		a.call("synap_kv_set", Args{"key": "parcels:seen", "value": seen})
	},
	"read-long-value": func(a *Agent) {
		size := a.call("synap_kv_list", Args{"prefix": "log:build"}).Get("items.0.size").Int()
		tail := a.call("synap_kv_get", Args{"keys": []string{"log:build"}, "offset": size - 200}).Get("items.0.value").Text()
		a.answer(regexp.MustCompile(`FAILED: (\w+)`).FindStringSubmatch(tail)[1])
	},
	"give-a-deadline": func(a *Agent) {
		a.pages("synap_kv_list", Args{"prefix": "draft:"}, func(page Answer) {
			for _, item := range page.Get("items").List() {
				if !item.Get("ttl").Is() {
					a.execute("kv.expire", Args{"key": item.Get("key").Text(), "ttl": 3600})
				}
			}
		})
	},
	"rename-keys": func(a *Agent) {
		a.pages("synap_kv_list", Args{"prefix": "user:"}, func(page Answer) {
			for _, item := range page.Get("items").List() {
				from := item.Get("key").Text()
				to := strings.Replace(from, "user:", "member:", 1)
				_, err := a.try("synap_execute", Args{"command": "kv.rename", "payload": Args{"key": from, "to": to, "if_absent": true}})
				if err != nil && !strings.HasPrefix(err.Error(), "already_exists") {
					a.must(err)
				}
			}
		})
	},
	"find-your-limits": func(a *Agent) {
		report := map[string]any{"report_keys": false, "orders_queue": false}
		// A tool that is not shown may not be called; the status says why, for an agent that wants to tell its user.
		a.call("synap_status", nil)
		_, report["orders_queue"] = a.tools["synap_queue_publish"]
		_, err := a.try("synap_kv_set", Args{"key": "report:access", "value": "trying"})
		report["report_keys"] = err == nil
		a.call("synap_kv_set", Args{"key": "report:access", "value": report})
		a.fails("denied", "synap_kv_set", Args{"key": "elsewhere", "value": "x"})
	},
	"full-namespace": func(a *Agent) {
		told := a.fails("exhausted", "synap_kv_set", Args{"key": "invoice:2031", "value": "paid"})
		if !strings.Contains(told, "keys") || strings.Contains(told, "wait a few") {
			a.must(fmt.Errorf("a model is not told that keys are full, or is told to wait: %s", told))
		}
		key := a.call("synap_kv_list", Args{"prefix": "cache:", "limit": 1}).Get("items.0.key").Text()
		a.call("synap_kv_delete", Args{"keys": []string{key}})
		a.call("synap_kv_set", Args{"key": "invoice:2031", "value": "paid"})
	},
	"slow-down": func(a *Agent) {
		wait := regexp.MustCompile(`retry_after_ms (\d+)`)
		for i := 1; i <= 25; {
			_, err := a.try("synap_kv_set", Args{"key": fmt.Sprint("tile:", i), "value": "drawn"})
			if err == nil {
				i++
				continue
			}
			m := wait.FindStringSubmatch(err.Error())
			if m == nil {
				a.must(err)
			}
			ms, _ := strconv.Atoi(m[1])
			a.pause(time.Duration(ms) * time.Millisecond)
		}
	},
}

// answer sets the key that most tasks ask for.
func (a *Agent) answer(text string) { a.call("synap_kv_set", Args{"key": "answer", "value": text}) }

// find finds a part of the task's text.
func (a *Agent) find(pattern string) string {
	m := regexp.MustCompile(pattern).FindStringSubmatch(a.world.Text())
	if m == nil {
		a.must(fmt.Errorf("the task does not say %s", pattern))
	}
	return m[1]
}

// clear does a deletion in two steps, and goes on only if the preview counts what was expected.
func (a *Agent) clear(target, mode, what string, want int) {
	preview := a.call("synap_clear", Args{"target": target, "mode": mode})
	if got := preview.Get("counts." + what).Int(); got != want || preview.Get("done").Is() {
		a.must(fmt.Errorf("the preview is %s", preview.Text()))
	}
	done := a.call("synap_clear", Args{"target": target, "mode": mode, "confirm": preview.Get("confirm").Text()})
	if !done.Get("done").Is() {
		a.must(fmt.Errorf("it was not done: %s", done.Text()))
	}
}

// execute runs a command that has no tool, after reading what it takes.
func (a *Agent) execute(command string, payload Args) Answer {
	fields := a.call("synap_help", Args{"name": command}).Get("command.request_schema.properties")
	for name := range payload {
		if fields.Get(name).v == nil {
			a.must(fmt.Errorf("%s takes no %s, but %s", command, name, fields.Text()))
		}
	}
	return a.call("synap_execute", Args{"command": command, "payload": payload}).Get("result")
}

// lock takes a lock, waits while somebody else has it, and returns its version.
func (a *Agent) lock(key string) int {
	for {
		got, err := a.try("synap_kv_set", Args{"key": key, "value": a.Me, "if_absent": true, "ttl_seconds": 60})
		if err == nil {
			return got.Get("version").Int()
		}
		if !strings.HasPrefix(err.Error(), "already_exists") {
			a.must(err)
		}
		a.pause(300 * time.Millisecond)
	}
}
