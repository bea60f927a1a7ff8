package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/agent"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/http"
	"github.com/hivellm/synap-go/mcp"
	"github.com/hivellm/synap-go/memory"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
	"github.com/hivellm/synap-go/umicp"
)

// structures are what an engine holds. To remove one, remove its line.
func structures(m memory.Options) []*command.Structure {
	return []*command.Structure{
		kv.Structure(kv.Options{}),
		queue.Structure(queue.Options{}),
		stream.Structure(stream.Options{}),
		pubsub.Structure(),
		memory.Structure(m),
