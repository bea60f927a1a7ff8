package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/quota"
)

// freeing are the verbs of commands that by their name make room.
var freeing = []string{"delete", "remove", "clear", "purge", "trim", "drop", "forget", "ack", "leave", "discard"}

// TestWhoHasNoRoomMayMakeSome: a write that makes room is let through when memory is used up, and says so.
func TestWhoHasNoRoomMayMakeSome(t *testing.T) {
	for _, c := range tableForTests(t).Commands() {
		verb := c.Name[strings.LastIndexByte(c.Name, '.')+1:]
		first, _, _ := strings.Cut(verb, "_")
		if c.Kind == command.KindWrite && slices.Contains(freeing, first) && !c.Frees {
			t.Errorf("%s makes room by its name: declare it with Frees, so that it is let through when memory is used up", c.Name)
		}
	}
}

func TestLimitsAreConfigured(t *testing.T) {
	t.Setenv("SYNAP_QUOTAS_KEYS", "7")
	t.Setenv("SYNAP_LIMITS_BURST", "30")
	path := file(t, "limits:\n  requests_per_s: 10\n  address_requests_per_s: 20\nquotas:\n  keys: 5\n  memory_bytes: 1000000\n")
	c, err := loadWith(t, "--config", path, "--max-memory", "100000000")
	if err != nil {
		t.Fatal(err)
	}
	l := c.limits()
	if l.Memory != (100_000_000-programBytes)*9/10+1 || l.Callers != (quota.Rate{PerSecond: 10, Burst: 30}) || c.addressRate() != (quota.Rate{PerSecond: 20}) ||
		l.Quotas != (quota.Limits{quota.Keys: 7, quota.MemoryBytes: 1_000_000}) {
		t.Errorf("the limits are %+v, %+v", l, c.addressRate())
	}
	for text, want := range map[string]string{
		"limits:\n  memory: 1000":                 "limits.memory: 1000 is not between 67108864",
		"limits:\n  requests_per_s: -1":           "limits.requests_per_s: -1 is not between 0",
		"limits:\n  requests: 1":                  `there is no setting "limits.requests"`,
		"quotas:\n  rooms: -1":                    "quotas.rooms: -1 is not between 0",
		"quotas:\n  room: 1":                      `there is no setting "quotas.room"; did you mean "quotas.rooms"?`,
		"limits:\n  address_requests_per_s: -100": "limits.address_requests_per_s: -100 is not between 0",
	} {
		if _, err := loadWith(t, "--config", file(t, text)); fault.CodeOf(err) != fault.Invalid || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
