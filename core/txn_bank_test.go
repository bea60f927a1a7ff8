package core_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/vector"
)

// The bank keeps its money in keys (accounts), in messages of a queue (envelopes on their way) and in events of a
// room (payments into a vault, negative when something is taken out), and in points of a collection (bonds). Every transfer is a transaction; whoever
// looks, in a transaction too, sees all the money there ever was.
const (
	bankAccounts = 3
	bankMoney    = 1000
	bankTellers  = 4
)

// transfer is one thing that a teller does.
type transfer struct {
	How    int // an index into transfers
	From   int // an account
	To     int
	Amount int
	Fail   bool // at the end, so that all of it is undone
}

var transfers = []func(w *world, x transfer, spoil string) error{
	func(w *world, x transfer, spoil string) error { // from account to account
		return w.transfer("", spoil, add(x.From, -x.Amount), add(x.To, x.Amount))
	},
	func(w *world, x transfer, spoil string) error { // from an account into an envelope
		return w.transfer("", spoil, add(x.From, -x.Amount),
			fmt.Sprintf(`{"command":"queue.publish","payload":{"queue":"envelopes","message":%d}}`, x.Amount))
	},
	func(w *world, x transfer, spoil string) error { // from an envelope to an account
		var got queue.ReceiveResponse
		w.into(&got, "queue.receive", `{"queue":"envelopes"}`)
		if len(got.Messages) == 0 {
			return nil
		}
		var amount int
		if err := json.Unmarshal([]byte(got.Messages[0].Message.Data()), &amount); err != nil {
			return err
		}
		err := w.transfer("", spoil, fmt.Sprintf(`{"command":"queue.ack","payload":{"receipts":[%q]}}`, got.Messages[0].Receipt), add(x.To, amount))
		if err != nil {
			w.do("queue.ack", fmt.Sprintf(`{"receipts":[%q],"action":"retry"}`, got.Messages[0].Receipt))
		}
		return err
	},
	func(w *world, x transfer, spoil string) error { // from an account to the vault, if nobody else pays in meanwhile
		var at stream.CheckResponse
		w.into(&at, "stream.check", `{"room":"vault"}`)
		return w.transfer(fmt.Sprintf(`{"room":"vault","next_offset":%d}`, at.NextOffset), spoil, add(x.From, -x.Amount),
			fmt.Sprintf(`{"command":"stream.append","payload":{"room":"vault","event":"in","data":%d}}`, x.Amount))
	},
	func(w *world, x transfer, spoil string) error { // from the vault to an account that nobody changes meanwhile
		var at kv.CheckResponse
		w.into(&at, "kv.check", fmt.Sprintf(`{"key":"account%d"}`, x.To))
		return w.transfer(fmt.Sprintf(`{"key":"account%d","version":%d}`, x.To, at.Version), spoil, add(x.To, x.Amount),
			fmt.Sprintf(`{"command":"stream.append","payload":{"room":"vault","event":"out","data":%d}}`, -x.Amount))
	},
	func(w *world, x transfer, spoil string) error { // from an account into a bond, if there is none of that name
		return w.transfer("", spoil, add(x.From, -x.Amount), fmt.Sprintf(`{"command":"vector.upsert","payload":{"collection":"bonds",
			"id":"%d of %d","vector":[%d,1],"payload":{"amount":%d},"if_version":0}}`, x.Amount, x.From, x.To, x.Amount))
	},
	func(w *world, x transfer, spoil string) error { // from a bond that nobody changes meanwhile to an account
		var got vector.ScrollResponse
		w.into(&got, "vector.scroll", `{"collection":"bonds","limit":1}`)
		if len(got.Points) == 0 {
			return nil
		}
		var bond struct{ Amount int }
		if err := json.Unmarshal([]byte(got.Points[0].Payload), &bond); err != nil {
			return err
		}
		return w.transfer(fmt.Sprintf(`{"collection":"bonds","point":%q,"version":%d}`, got.Points[0].ID, got.Points[0].Version), spoil,
			fmt.Sprintf(`{"command":"vector.delete","payload":{"collection":"bonds","ids":[%q]}}`, got.Points[0].ID), add(x.To, bond.Amount))
	},
}

func add(account, amount int) string {
	return fmt.Sprintf(`{"command":"kv.increment","payload":{"key":"account%d","by":%d}}`, account, amount)
}

// transfer runs the commands as one.
func (w *world) transfer(condition, spoil, from, to string) error {
	_, err := w.try("txn.exec", fmt.Sprintf(`{"if":[%s],"do":[%s,%s%s]}`, condition, from, to, spoil))
	return err
}

// money is all there is, seen at one moment.
func (w *world) money() (sum int) {
	const look = `{"do":[
		{"command":"kv.mget","payload":{"keys":["account0","account1","account2"]}},
		{"command":"queue.peek","payload":{"queue":"envelopes","limit":100,"full":true}},
		{"command":"queue.peek","payload":{"queue":"envelopes","state":"leased","limit":100,"full":true}},
		{"command":"stream.read","payload":{"room":"vault","start":"earliest","limit":10000}},
		{"command":"vector.scroll","payload":{"collection":"bonds","limit":1000}}]}`
	var seen struct {
		Results []struct {
			Items    []struct{ Value int }
			Messages []struct{ Message int }
			Events   []struct{ Data int }
			Points   []struct{ Payload struct{ Amount int } }
		}
	}
	w.into(&seen, "txn.exec", look)
	for _, r := range seen.Results {
		for _, x := range r.Items {
			sum += x.Value
		}
		for _, x := range r.Messages {
			sum += x.Message
		}
		for _, x := range r.Events {
			sum += x.Data
		}
		for _, x := range r.Points {
			sum += x.Payload.Amount
		}
	}
	return sum
}

// TestTheBank lets tellers transfer at the same time, some of them failing at the last moment, while an auditor counts.
func TestTheBank(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		for i := range bankAccounts {
			w.do("kv.set", fmt.Sprintf(`{"key":"account%d","value":%d}`, i, bankMoney))
		}
		w.do("queue.create", `{"queue":"envelopes","max_attempts":1000}`)
		w.do("stream.create", `{"room":"vault"}`)
		w.do("vector.collection.create", `{"collection":"bonds","dimension":2,"index":"hnsw"}`)
		account, amount := rapid.IntRange(0, bankAccounts-1), rapid.IntRange(1, 50)
		day := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) transfer {
			return transfer{
				rapid.IntRange(0, len(transfers)-1).Draw(rt, "how"), account.Draw(rt, "from"), account.Draw(rt, "to"),
				amount.Draw(rt, "amount"), rapid.IntRange(0, 3).Draw(rt, "fail") == 0,
			}
		}), 1, 12)
		var tellers sync.WaitGroup
		for i := range bankTellers {
			work := day.Draw(rt, fmt.Sprint("teller ", i))
			tellers.Go(func() { w.serve(work) })
		}
		closed, counted := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(counted)
			for open := true; open; {
				select {
				case <-closed:
					open = false
				default:
				}
				if got := w.money(); got != bankAccounts*bankMoney {
					t.Errorf("there is %d, and was %d", got, bankAccounts*bankMoney)
					return
				}
			}
		}()
		tellers.Wait()
		close(closed)
		<-counted
		if err := w.engine.Check(); err != nil {
			t.Error(err)
		}
	})
}

// serve does a teller's work. Only conflicts are expected, and those that were asked for.
func (w *world) serve(work []transfer) {
	for _, x := range work {
		spoil := ""
		if x.Fail {
			spoil = `,{"command":"kv.set","payload":{"key":"account0","value":0,"if_version":999999}}`
		}
		if err := transfers[x.How](w, x, spoil); err != nil && fault.CodeOf(err) != fault.Conflict {
			w.t.Error(err)
		}
	}
}
