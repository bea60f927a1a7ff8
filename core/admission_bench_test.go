package core_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/auth/directory"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/quota"
)

// BenchmarkAdmission measures what it costs a request that it is asked who calls, whether they may, and how fast: from the key that a
// door was shown to the handler, by the same calls that a door and the dispatcher make. One server has keys, one of which has a
// permission for a prefix, rates of every caller and of the namespace, quotas of memory, keys and subscriptions, and a limit of memory;
// the other has nothing of it and asks nobody. The cost is the difference, which is reported as ns/admission.
func BenchmarkAdmission(b *testing.B) {
	guarded := newGuarded(b)
	open := newBench(b)
	for _, row := range []struct {
		name string
		c    string
		args func(i int) any
	}{
		{"get", "kv.get", func(i int) any { return &open.gets[i] }},
		{"set", "kv.set", func(i int) any { return &open.sets[i] }},
	} {
		b.Run(row.name, func(b *testing.B) {
			ctx := context.Background()
			free := &command.Request{Caller: open.caller, Command: open.find(b, row.c)}
			held := &command.Request{Command: guarded.find(b, row.c)}
			shown := &auth.Credential{Key: guarded.secret, From: "127.0.0.1:4711"}
			freely := func(i int) error {
				free.Args = row.args(i)
				_, err := open.Do(ctx, free)
				return err
			}
			admitted := func(i int) (err error) {
				if held.Caller, err = guarded.who.Authenticate(ctx, shown); err != nil {
					return err
				}
				held.Args = row.args(i)
				_, err = guarded.Do(ctx, held)
				return err
			}
			b.ReportAllocs()
			// In turns of many, of which the fastest counts: all others were interrupted by something that is not measured.
			const turn = 1000
			least := [2]time.Duration{math.MaxInt64, math.MaxInt64}
			for b.Loop() {
				for k, f := range []func(int) error{freely, admitted} {
					began := time.Now()
					for i := range turn {
						if err := f(i * 7919 % benchKeys); err != nil {
							b.Fatal(err)
						}
					}
					least[k] = min(least[k], time.Since(began))
				}
			}
			b.ReportMetric(float64(least[0])/turn, "ns/free")
			b.ReportMetric(float64(least[1])/turn, "ns/admitted")
			b.ReportMetric(float64(least[1]-least[0])/turn, "ns/admission")
		})
	}
}

// fast is a rate that no benchmark reaches.
const fast = 1_000_000_000

// guarded is an engine that asks who calls.
type guarded struct {
	*bench
	who    *directory.Directory
	secret string
}

func newGuarded(b *testing.B) *guarded {
	b.Helper()
	engine := startBench(b, directory.Structure(directory.Options{Structures: []string{"kv"}}))
	x := &guarded{bench: engine}
	for _, state := range engine.engine.Namespaces()[0].States {
		if d, ok := state.(*directory.Directory); ok {
			x.who = d
		}
	}
	if x.who == nil {
		b.Fatal("there is no directory")
	}
	create := x.find(b, "auth.key.create")
	for range 1000 { // among others
		x.do(b, create, &directory.CreateKeyRequest{Rights: directory.Rights{Roles: []string{"kv-reader"}}})
	}
	made, err := x.Do(context.Background(), &command.Request{Caller: x.caller, Command: create, Args: &directory.CreateKeyRequest{
		Rights: directory.Rights{Permissions: []string{"write:kv:user:*"}},
	}})
	if err != nil {
		b.Fatal(err)
	}
	x.secret = made.(*directory.KeySecretResponse).Secret
	if err := engine.engine.SetLimits(core.Limits{
		Memory: ample, Callers: quota.Rate{PerSecond: fast, Burst: fast},
		Quotas: quota.Limits{quota.MemoryBytes: ample, quota.Keys: ample, quota.Subscriptions: ample, quota.RequestsPerS: ample},
	}); err != nil {
		b.Fatal(err)
	}
	return x
}
