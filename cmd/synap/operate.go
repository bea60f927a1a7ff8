package main

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/audit"
	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/metrics"
)

// operate has the engine do for its operators what the configuration says. It may be called again with another one.
func (s *server) operate(c *Config, log *logrus.Logger) {
	o := core.Operating{
		SlowAfter: c.Slowlog.Threshold,
		HotKeys:   c.Hotkeys,
		Clients:   s.clients,
		Failed: func(ctx context.Context, command string, err error) {
			traced(ctx, log).WithField("command", command).WithField("cause", errors.Unwrap(err)).Error(err)
		},
	}
	if s.audit != nil {
		o.Audit = s.audit.Call
	}
	s.engine.Operate(o)
}

// keys are the bounds of keys.
func (c *Config) keys() kv.Options { return kv.Options{MaxKeyBytes: c.MaxKey} }

// collector is what Prometheus is shown of the engine.
func (s *server) collector() prometheus.Collector {
	o := metrics.Options{Table: s.engine.Dispatcher().Table(), Spaces: s.engine.Namespaces, Version: version, Ready: s.ready}
	if s.store != nil {
		o.Disk, o.Log = disk{s.store}.Status, s.logMetrics
	}
	if s.certs != nil {
		o.Expires = s.certs.Expires
	}
	if s.audit != nil {
		o.AuditDropped = s.audit.Dropped
	}
	return metrics.New(o)
}

// auditing is an Authenticator whose refusals are written down.
type auditing struct {
	auth.Authenticator
	log *audit.Log
}

// Authenticate implements auth.Authenticator.
func (a auditing) Authenticate(ctx context.Context, c *auth.Credential) (*auth.Identity, error) {
	who, err := a.Authenticator.Authenticate(ctx, c)
	if code := fault.CodeOf(err); code == fault.Unauthenticated || code == fault.Denied {
		a.log.Refused(ctx, c.Address(), err)
	}
	return who, err
}

// logMetrics is what Prometheus is shown of the log.
func (s *server) logMetrics() (l metrics.Log) {
	l.QueuedBytes, l.QueuedRecords = s.store.Queued()
	l.SyncBounds, l.SyncCumulative, l.Syncs, l.SyncTime = s.store.SyncTimes()
	return l
}

// traced is a log entry that says which request of whom it is about, as far as that is known.
func traced(ctx context.Context, log *logrus.Logger) *logrus.Entry {
	entry := logrus.NewEntry(log)
	if t := clients.TraceFor(ctx, 0); t != (clients.Trace{}) {
		for name, value := range map[string]string{"request_id": t.RequestID, "trace_id": t.TraceID, "span_id": t.SpanID} {
			if value != "" {
				entry = entry.WithField(name, value)
			}
		}
	}
	if c := clients.FromContext(ctx); c != nil {
		entry = entry.WithField("client", c.ID())
	}
	return entry
}
