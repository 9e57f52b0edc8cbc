// Command transparency_log is Trillian's log server and signer in one process, with all logs in memory.
//
//	transparency_log NAME...
//
// listens on a free loopback port, makes a log for each name and prints one line of JSON: its address
// and the number of each log. The logs are gone when it ends.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/google/trillian"
	"github.com/google/trillian/client"
	"github.com/google/trillian/extension"
	sequencing "github.com/google/trillian/log"
	"github.com/google/trillian/monitoring"
	"github.com/google/trillian/quota"
	"github.com/google/trillian/server"
	"github.com/google/trillian/server/admin"
	"github.com/google/trillian/server/interceptor"
	"github.com/google/trillian/storage"
	_ "github.com/google/trillian/storage/memory"
	"github.com/google/trillian/util/clock"
	"github.com/google/trillian/util/election2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"
)

// sequencingInterval is how long an entry waits until it is in the tree.
const sequencingInterval = 20 * time.Millisecond

type announcement struct {
	Address string            `json:"address"`
	Logs    map[string]string `json:"logs"` // strings, because the numbers have 63 bits
}

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, names []string) error {
	registry, err := memoryRegistry()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- newServer(registry).Serve(listener) }()
	go newSigner(registry).OperationLoop(ctx)

	address := listener.Addr().String()
	logs, err := makeLogs(ctx, address, names)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(announcement{address, logs}); err != nil {
		return err
	}
	return <-ended
}

func memoryRegistry() (extension.Registry, error) {
	metrics := monitoring.InertMetricFactory{}
	provider, err := storage.NewProvider("memory", metrics)
	if err != nil {
		return extension.Registry{}, err
	}
	return extension.Registry{
		AdminStorage:    provider.AdminStorage(),
		LogStorage:      provider.LogStorage(),
		QuotaManager:    quota.Noop(),
		MetricFactory:   metrics,
		ElectionFactory: election2.NoopFactory{},
	}, nil
}

func newServer(registry extension.Registry) *grpc.Server {
	logs := grpc.NewServer(grpc.UnaryInterceptor(interceptor.ErrorWrapper))
	trillian.RegisterTrillianAdminServer(logs, admin.New(registry, nil))
	trillian.RegisterTrillianLogServer(logs, server.NewTrillianLogRPCServer(registry, clock.System))
	return logs
}

func newSigner(registry extension.Registry) *sequencing.OperationManager {
	return sequencing.NewOperationManager(sequencing.OperationInfo{
		Registry:    registry,
		BatchSize:   1000,
		NumWorkers:  2,
		RunInterval: sequencingInterval,
		TimeSource:  clock.System,
	}, sequencing.NewSequencerManager(registry, 0))
}

func makeLogs(ctx context.Context, address string, names []string) (map[string]string, error) {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	logs := make(map[string]string, len(names))
	for _, name := range names {
		request := &trillian.CreateTreeRequest{Tree: &trillian.Tree{
			TreeState:       trillian.TreeState_ACTIVE,
			TreeType:        trillian.TreeType_LOG,
			DisplayName:     name,
			MaxRootDuration: durationpb.New(time.Hour),
		}}
		tree, err := client.CreateAndInitTree(ctx, request,
			trillian.NewTrillianAdminClient(connection), trillian.NewTrillianLogClient(connection))
		if err != nil {
			return nil, err
		}
		logs[name] = strconv.FormatInt(tree.TreeId, 10)
	}
	return logs, nil
}
