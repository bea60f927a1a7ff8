package directory

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// TestACrowdOfAttemptsIsNotHeard: attempts that came before the others had failed are refused when it is their turn to be hashed, and take no
// processor's time for that.
func TestACrowdOfAttemptsIsNotHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(command.Env{Clock: command.NewClock(), Wake: func(int64) {}}, Options{})
		phc, err := d.hashPassword(t.Context(), "the right one")
		if err != nil {
			t.Fatal(err)
		}
		d.putUser(&user{name: "ann", password: phc})
		for range cap(d.hashing) {
			d.hashing <- struct{}{} // others are at it
		}
		c := &auth.Credential{User: "ann", Password: "the right one", From: "192.0.2.1:1"}
		answered := make(chan error, 1)
		go func() {
			_, err := d.Authenticate(context.Background(), c)
			answered <- err
		}()
		synctest.Wait()
		for range maxFailures + 1 {
			d.failures.book(c.Address(), d.env.Clock.Now())
		}
		<-d.hashing
		if err := <-answered; fault.CodeOf(err) != fault.Exhausted {
			t.Errorf("it was heard: %v", err)
		}
		time.Sleep(2 * failureWindow * time.Millisecond)
		if _, err := d.Authenticate(context.Background(), c); err != nil {
			t.Errorf("later: %v", err)
		}
	})
}
