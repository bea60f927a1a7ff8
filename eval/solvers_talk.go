package eval

import (
	"fmt"
	"regexp"
	"strings"
)

var talkSolvers = map[string]func(*Agent){
	"summarise-a-room": func(a *Agent) {
		count := map[string]int{}
		next, last := 20, 0
		for {
			got := a.call("synap_stream_read", Args{"room": "deploys", "from_offset": next, "limit": 50})
			for _, e := range got.Get("events").List() {
				count[e.Get("event").Text()]++
				if e.Get("event").Text() == "deploy.failed" {
					last = e.Get("offset").Int()
				}
			}
			next = got.Get("next_offset").Int()
			if len(got.Get("events").List()) == 0 {
				break
			}
		}
		a.call("synap_kv_set", Args{"key": "summary", "value": map[string]any{
			"ok": count["deploy.ok"], "failed": count["deploy.failed"], "last_failed": last, "next_offset": next,
		}})
	},
	"events-were-lost": func(a *Agent) {
		got := a.call("synap_stream_read", Args{"room": "ticker", "from_offset": 10, "limit": 1})
		a.call("synap_kv_set", Args{"key": "gap", "value": got.Get("lost").Text()})
		a.call("synap_kv_set", Args{"key": "first", "value": got.Get("events.0.offset").Text()})
	},
	"listen-to-a-topic": func(a *Agent) {
		subscription := a.call("synap_topic_listen", Args{"patterns": []string{"radio.#"}}).Get("subscription").Text()
		a.call("synap_queue_publish", Args{"queue": "go", "message": "ready"})
		heard := a.call("synap_topic_listen", Args{"subscription": subscription, "wait_seconds": 20})
		a.call("synap_kv_set", Args{"key": "heard", "value": heard.Get("messages.0.message").Text()})
		a.call("synap_topic_listen", Args{"subscription": subscription, "close": true})
	},
	"follow-a-resource": func(a *Agent) {
		const uri = "synap://kv/build:status"
		a.follow(uri)
		a.call("synap_queue_publish", Args{"queue": "go", "message": "ready"})
		if told := a.hear(); told != uri {
			a.must(fmt.Errorf("%s changed", told))
		}
		a.call("synap_kv_set", Args{"key": "seen", "value": a.read(uri)})
	},
	"hand-over": func(a *Agent) {
		a.call("synap_kv_set", Args{"key": "notes:manual", "value": "Use the formal address."})
		a.call("synap_agent_send", Args{
			"to": a.find(`Tell the agent (\S+),`), "thread": "manual", "dedupe_id": "manual-4",
			"message": map[string]any{"task": "Translate manual.md from chapter 4 on.", "notes": "the key notes:manual"},
		})
	},
	"answer-a-colleague": func(a *Agent) {
		for _, m := range a.call("synap_agent_inbox", nil).Get("messages").List() {
			key := regexp.MustCompile(`the key (\S+)\?`).FindStringSubmatch(m.Get("message").Text())
			if key == nil {
				continue
			}
			value := a.call("synap_kv_get", Args{"keys": []string{key[1]}}).Get("items.0.value").Text()
			a.call("synap_agent_send", Args{
				"to": m.Get("from").Text(), "message": value, "thread": m.Get("thread").Text(), "reply_to": m.Get("message_id").Text(),
			})
		}
	},
	"tell-everybody": func(a *Agent) {
		a.call("synap_agent_send", Args{"to": "*", "message": "The database is read-only from noon on.", "dedupe_id": "read-only"})
	},
	"search-vectors": func(a *Agent) {
		a.call("synap_help", Args{"name": "vector"})
		a.call("synap_help", Args{"name": "vector.search"})
		search := Args{"collection": "wines", "vector": []float64{0.9, 0.1, 0.3}, "limit": 1, "filter": map[string]any{"year": map[string]any{"gte": 2015}}}
		told := a.fails("invalid", "synap_query", Args{"command": "vector.search", "payload": search}) // memories are filtered so, vectors are not
		if !strings.Contains(told, `{"key":"year","range":{"gte":2015}}`) {
			a.must(fmt.Errorf("it does not say how a filter is written: %s", told))
		}
		search["filter"] = map[string]any{"must": []any{map[string]any{"key": "year", "range": map[string]any{"gte": 2015}}}}
		got := a.call("synap_query", Args{"command": "vector.search", "payload": search})
		a.answer(got.Get("result.hits.0.id").Text())
	},
}
