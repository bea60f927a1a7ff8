package eval

import (
	"fmt"
	"strconv"
	"strings"
)

var queueSolvers = map[string]func(*Agent){
	"poison-message": func(a *Agent) {
		for {
			m := a.take("sums", 0)
			if m == nil {
				return
			}
			task := m.Get("message").Inside()
			sum, err := 0, error(nil)
			for _, n := range task.Get("add").List() {
				one, bad := strconv.Atoi(n.Text())
				if bad != nil {
					err = bad
				}
				sum += one
			}
			if err != nil {
				a.settle(*m, Args{"action": "reject", "reason": "what is to be added is no number: " + err.Error()})
				continue
			}
			a.call("synap_kv_set", Args{"key": "sum:" + task.Get("id").Text(), "value": strconv.Itoa(sum)})
			a.settle(*m, Args{})
		}
	},
	"expired-receipt": func(a *Agent) {
		a.call("synap_kv_set", Args{"key": "render:9", "value": "frame-9.png"})
		result := a.call("synap_queue_ack", Args{"receipts": []string{a.find(`receipt is\s+(\S+?)\. It`)}}).Get("results.0")
		if result.Get("ok").Is() {
			a.must(fmt.Errorf("the receipt was still good: %s", result.Text()))
		}
		// Stale, so the task is there again: take it, see that it is the one, and settle it without doing it again.
		m := a.take("renders", 0)
		if m == nil || m.Get("message").Inside().Get("render").Int() != 9 || m.Get("attempt").Int() < 2 {
			a.must(fmt.Errorf("it is not there again: %v", m))
		}
		a.settle(*m, Args{"action": "done"})
	},
	"redrive-dead-letters": func(a *Agent) {
		dead := a.call("synap_queue_peek", Args{"queue": "mails", "state": "dead"})
		if !strings.Contains(dead.Get("messages.0.died.reason").Text(), "mail server") {
			a.must(fmt.Errorf("they died of something else: %s", dead.Text()))
		}
		a.clear("synap://queue/mails", "redrive_dead", "dead", 4)
		for m := a.take("mails", 0); m != nil; m = a.take("mails", 0) {
			to := m.Get("message").Inside().Get("to").Text()
			a.call("synap_stream_append", Args{"room": "mail-log", "event": "mail.sent", "data": to, "dedupe_id": "mail-" + m.Get("message_id").Text()})
			a.settle(*m, Args{})
		}
	},
	"delay-a-message": func(a *Agent) {
		a.call("synap_queue_publish", Args{
			"queue": "chores", "message": map[string]any{"renew": "certificate"}, "delay_seconds": 12 * 60 * 60, "dedupe_id": "renew-certificate",
		})
		delayed := a.call("synap_queue_peek", Args{"queue": "chores", "state": "delayed"})
		if len(delayed.Get("messages").List()) != 1 {
			a.must(fmt.Errorf("it is not there: %s", delayed.Text()))
		}
	},
	"wait-for-delayed": func(a *Agent) {
		m := a.take("late", 20)
		if m == nil {
			a.must(fmt.Errorf("nothing came"))
		}
		a.call("synap_kv_set", Args{"key": "late:done", "value": m.Get("message").Inside().Get("word").Text()})
		a.settle(*m, Args{})
	},
	"publish-once": func(a *Agent) {
		for _, n := range []int{7, 8} {
			got := a.call("synap_queue_publish", Args{
				"queue": "invoices", "message": map[string]any{"invoice": n}, "dedupe_id": fmt.Sprint("invoice-", n),
			})
			if got.Get("duplicate").Is() != (n == 7) {
				a.must(fmt.Errorf("invoice %d: %s", n, got.Text()))
			}
		}
	},
	"urgent-first": func(a *Agent) {
		a.call("synap_queue_publish", Args{"queue": "ops", "message": map[string]any{"fix": "outage"}, "priority": 9, "dedupe_id": "outage"})
		first := a.call("synap_queue_peek", Args{"queue": "ops", "limit": 1})
		if !strings.Contains(first.Get("messages.0").Text(), "outage") {
			a.must(fmt.Errorf("another one is first: %s", first.Text()))
		}
	},
	"keep-a-lease": func(a *Agent) {
		kept := a.call("synap_queue_ack", Args{"receipts": []string{a.find(`receipt (\S+?)\.\s`)}, "action": "extend", "seconds": 1000})
		if !kept.Get("results.0.ok").Is() {
			a.must(fmt.Errorf("it is lost: %s", kept.Text()))
		}
		leased := a.call("synap_queue_peek", Args{"queue": "films", "state": "leased"})
		a.call("synap_kv_set", Args{"key": "films:busy", "value": leased.Get("messages.0.message_id").Text()})
	},
	"find-the-stuck-queue": func(a *Agent) {
		var stuck string
		a.pages("synap_browse", Args{"kind": "queues"}, func(page Answer) {
			for _, q := range page.Get("items").List() {
				if q.Get("counts.dead").Int() > 0 {
					stuck = q.Get("name").Text()
				}
			}
		})
		a.answer(stuck)
		dead := a.call("synap_queue_peek", Args{"queue": stuck, "state": "dead", "limit": 1})
		a.call("synap_kv_set", Args{"key": "reason", "value": dead.Get("messages.0.died.reason").Text()})
	},
	"ack-result-event-next": func(a *Agent) {
		m := a.take("thumbnails", 0)
		id := m.Get("message").Inside().Get("id").Text()
		a.execute("txn.exec", Args{"do": []Args{
			{"command": "queue.ack", "payload": Args{"receipts": []string{m.Get("receipt").Text()}}},
			{"command": "kv.set", "payload": Args{"key": "thumb:" + id, "value": "done"}},
			{"command": "stream.append", "payload": Args{"room": "log", "event": "thumb.done", "data": id}},
			{"command": "queue.publish", "payload": Args{"queue": "next", "message": map[string]any{"publish": id}}},
		}})
	},
}

// take receives a message; nil is none.
func (a *Agent) take(queue string, wait int) *Answer {
	args := Args{"queue": queue, "max_messages": 1, "lease_seconds": 120}
	if wait > 0 {
		args["wait_seconds"] = wait
	}
	for _, m := range a.call("synap_queue_receive", args).Get("messages").List() {
		return &m
	}
	return nil
}

// settle settles a message.
func (a *Agent) settle(m Answer, args Args) {
	args["receipts"] = []string{m.Get("receipt").Text()}
	if got := a.call("synap_queue_ack", args); !got.Get("results.0.ok").Is() {
		a.must(fmt.Errorf("it was not settled: %s", got.Text()))
	}
}
