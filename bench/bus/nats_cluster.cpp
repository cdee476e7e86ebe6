#include "bench/bus/nats_cluster.h"

#include <fmt/format.h>
#include <nats/nats.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "platform/base/assert.h"
#include "tests/support/process.h"

namespace quantum::bench {

namespace {

using namespace std::chrono_literals;

constexpr size_t kServers = 3;
constexpr const char* kStream = "BENCH";
constexpr const char* kSubject = "bench.event";

void Check(natsStatus status, const char* what) {
  if (status != NATS_OK) {
    throw std::runtime_error(fmt::format("NATS: {}: {}", what, natsStatus_GetText(status)));
  }
}

// A connection with its JetStream context.
class Connection {
 public:
  Connection(int port, int pending_max) {
    const std::string url = fmt::format("nats://127.0.0.1:{}", port);
    Check(natsConnection_ConnectTo(&connection_, url.c_str()), "connecting");
    jsOptions options;
    jsOptions_Init(&options);
    options.PublishAsync.MaxPending = pending_max;
    options.PublishAsync.StallWait = 10'000;
    options.PublishAsync.ErrHandler = [](jsCtx*, jsPubAckErr* error, void*) {
      fmt::print(stderr, "NATS refuses a message: {}\n", error->ErrText == nullptr ? "no reason" : error->ErrText);
      std::abort();
    };
    Check(natsConnection_JetStream(&context_, connection_, &options), "JetStream");
  }
  ~Connection() {
    jsCtx_Destroy(context_);
    natsConnection_Destroy(connection_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  jsCtx* context() { return context_; }

 private:
  natsConnection* connection_ = nullptr;
  jsCtx* context_ = nullptr;
};

}  // namespace

struct NatsCluster::Impl {
  testing::TemporaryDirectory directory{"quantum-nats"};
  std::vector<int> ports = testing::FreePorts(2 * kServers);  // of clients, then of routes
  std::vector<std::unique_ptr<testing::Process>> servers;

  Impl() {
    std::string routes;
    for (size_t i = 0; i < kServers; ++i) {
      routes += fmt::format("{}\"nats://127.0.0.1:{}\"", i == 0 ? "" : ", ", ports[kServers + i]);
    }
    for (size_t i = 0; i < kServers; ++i) {
      const auto folder = directory.path() / fmt::format("nats-{}", i + 1);
      std::filesystem::create_directory(folder);
      testing::WriteFile(folder / "nats.conf",
                         fmt::format("server_name: n{}\nlisten: 127.0.0.1:{}\n"
                                     "jetstream {{ store_dir: \"{}\", max_file_store: 16GB }}\n"
                                     "cluster {{ name: bench, listen: 127.0.0.1:{}, routes: [ {} ] }}\n",
                                     i + 1, ports[i], folder.string(), ports[kServers + i], routes));
      servers.push_back(std::make_unique<testing::Process>(testing::ProcessOptions{
          .command = {"nats-server", "-c", (folder / "nats.conf").string()}, .output = folder / "output.log"}));
    }
    if (!testing::Eventually(30s, [this] {
          MakeStream();
          return true;
        })) {
      throw std::runtime_error("the NATS servers form no cluster:\n" +
                               testing::ReadFile(directory.path() / "nats-1" / "output.log"));
    }
  }

  void MakeStream() {
    Connection connection(ports[0], 1);
    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    const char* subjects[] = {kSubject};
    config.Name = kStream;
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    config.Replicas = kServers;
    jsErrCode error{};
    Check(js_AddStream(nullptr, connection.context(), &config, nullptr, &error), "making the stream");
  }

  int LeaderPort() {
    std::string leader;
    testing::Eventually(30s, [&] {
      Connection connection(ports[0], 1);
      jsStreamInfo* info = nullptr;
      jsErrCode error{};
      Check(js_GetStreamInfo(&info, connection.context(), kStream, nullptr, &error), "asking about the stream");
      leader = info->Cluster != nullptr && info->Cluster->Leader != nullptr ? info->Cluster->Leader : "";
      jsStreamInfo_Destroy(info);
      return !leader.empty();
    });
    QUANTUM_ASSERT(leader.size() == 2);
    return ports.at(static_cast<size_t>(leader[1] - '1'));
  }

  void Purge() {
    Connection connection(ports[0], 1);
    jsErrCode error{};
    Check(js_PurgeStream(connection.context(), kStream, nullptr, &error), "purging the stream");
  }
};

bool NatsCluster::Available() { return std::system("command -v nats-server >/dev/null") == 0; }

NatsCluster::NatsCluster() : impl_(std::make_unique<Impl>()) {}

NatsCluster::~NatsCluster() {
  impl_.reset();
  nats_Close();
}

std::vector<int> NatsCluster::pids() const {
  std::vector<int> pids;
  for (const auto& server : impl_->servers) {
    pids.push_back(server->pid());
  }
  return pids;
}

double NatsCluster::PublishRate(const Load& load, size_t payload_bytes, double seconds) {
  impl_->Purge();
  const int port = impl_->LeaderPort();
  const std::string payload(payload_bytes, 'x');
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < load.connections; ++i) {
    connections.push_back(std::make_unique<Connection>(port, load.pending_max));
  }
  std::vector<size_t> counts(connections.size());
  const auto begin = std::chrono::steady_clock::now();
  const auto end = begin + std::chrono::duration<double>(seconds);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < connections.size(); ++i) {
    threads.emplace_back([&, i] {
      while (std::chrono::steady_clock::now() < end) {
        Check(js_PublishAsync(connections[i]->context(), kSubject, payload.data(), static_cast<int>(payload.size()),
                              nullptr),
              "publishing");
        ++counts[i];
      }
      Check(js_PublishAsyncComplete(connections[i]->context(), nullptr), "waiting for the acknowledgements");
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  size_t count = 0;
  for (const size_t each : counts) {
    count += each;
  }
  return static_cast<double>(count) / took.count();
}

}  // namespace quantum::bench
