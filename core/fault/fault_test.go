package fault_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
)

func TestEveryCodeHasANameThatLeadsBack(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range fault.Codes() {
		back, ok := fault.ParseCode(c.String())
		if !ok || back != c || seen[c.String()] {
			t.Errorf("code %d is %q, which is %d", c, c, back)
		}
		seen[c.String()] = true
	}
	if _, ok := fault.ParseCode(""); ok || len(seen) != fault.NumCodes-1 {
		t.Errorf("%d codes, and the empty name is one of them: %v", len(seen), ok)
	}
	if fault.Code(0).String() != "ok" || fault.Code(200).String() != "code(200)" {
		t.Error("what is no code has a wrong name")
	}
}

func TestFrom(t *testing.T) {
	secret := errors.New("open /var/lib/secret: permission denied")
	tests := []struct {
		name string
		err  error
		code fault.Code
		text string
	}{
		{"an Error stays itself", fault.New(fault.NotFound, "queue %q", "q"), fault.NotFound, `queue "q"`},
		{"a wrapped Error too", fmt.Errorf("inside: %w", fault.New(fault.NotFound, "x")), fault.NotFound, "x"},
		{"a cancelled context", fmt.Errorf("wait: %w", context.Canceled), fault.Canceled, "the request was cancelled"},
		{"a late one", context.DeadlineExceeded, fault.Timeout, "the request ran out of time"},
		{"anything else is not shown", secret, fault.Internal, "internal error"},
	}
	for _, test := range tests {
		got := fault.From(test.err)
		if got.Code != test.code || got.Message != test.text {
			t.Errorf("%s: got %s %q, want %s %q", test.name, got.Code, got.Message, test.code, test.text)
		}
	}
	if !errors.Is(fault.From(secret), secret) {
		t.Error("the cause was lost to the log")
	}
	if fault.From(nil) != nil || fault.CodeOf(nil) != 0 {
		t.Error("nil is an error")
	}
}

func TestDetailsAreCopied(t *testing.T) {
	base := fault.New(fault.Conflict, "moved").With("version", 1)
	other := base.With("version", 2).With("key", "a")
	if base.Details["version"] != 1 || len(base.Details) != 1 || other.Details["version"] != 2 {
		t.Errorf("base %v, other %v", base.Details, other.Details)
	}
	text, err := json.Marshal(other)
	if want := `{"code":"conflict","message":"moved","details":{"key":"a","version":2}}`; err != nil || string(text) != want {
		t.Errorf("got %s, want %s", text, want)
	}
	var back fault.Error
	if err := json.Unmarshal(text, &back); err != nil || back.Code != fault.Conflict {
		t.Errorf("came back as %+v, %v", back, err)
	}
}
