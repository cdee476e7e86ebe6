#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "operator/chaos/child.h"
#include "operator/chaos/cluster.h"
#include "operator/chaos/network.h"
#include "operator/chaos/worker.h"
#include "platform/base/random.h"
#include "platform/bus/event.h"

namespace quantum::operate::chaos {

// Everything a fault can break: the cluster, the producers (one on each site) and the consumers (two a group, of which
// one reads a stream and the other stands by; on no site).
class Stage {
 public:
  static constexpr size_t kProducers = Cluster::kNodes;
  static constexpr size_t kGroups = 2;
  static constexpr size_t kConsumersPerGroup = 2;

  struct Options {
    std::string folder;   // temporary; everything is in it
    std::string infra;    // the checkout's infra/
    std::string program;  // quantum itself, for the workers
    int per_second = 1000;
    bool safe = true;  // false: no journal, and the master's word is enough (the negative control)
  };
  static Result<std::unique_ptr<Stage>> Set(fiber::Loop& loop, const Network& network, Random& random, Options options);

  struct Worker {
    WorkerOptions options;
    int network = -1;
    std::optional<Child> process;
    bool expected = false;  // to be running
  };

  Cluster& cluster() { return *cluster_; }
  const Network& network() const { return network_; }
  Random& random() { return random_; }
  std::vector<Worker>& producers() { return producers_; }
  std::vector<Worker>& consumers() { return consumers_; }
  std::vector<std::string> producer_names() const;
  std::vector<std::string> group_names() const;
  std::vector<std::string> history_files() const;  // of all workers
  std::vector<Worker*> ConsumersOf(const std::string& group);
  // The consumer that holds the group's lease on the stream; null while nobody does, or there is no master.
  Worker* Reader(const std::string& group, const char* stream);

  Result<size_t> AwaitMaster();
  void Kill(Worker& worker);
  Status Start(Worker& worker);
  Status StartAll();
  // kInternal: a worker has ended that nobody killed.
  Status CheckWorkers();
  Status OpenGate();  // producers publish
  void CloseGate();

  // A fault calls this as soon as it has struck; the first call counts.
  void Struck();
  int64_t struck_ns() const { return struck_ns_; }  // 0: not yet
  void Forget() { struck_ns_ = 0; }

  // The disk of producer 0's journal; empty when it is the machine's.
  const std::string& small_disk() const { return small_disk_; }
  // Remembers how long the nodes' append-only files are; called often.
  void SampleFiles();
  // Cuts off what was written to the node's file in the last `back`. Precondition: the node has ended.
  Status CutFile(size_t node, Duration back);
  // Cuts the node's newest file anywhere.
  Status CutFileAnywhere(size_t node);

 private:
  Stage(const Network& network, Random& random, Options options)
      : network_(network), random_(random), options_(std::move(options)) {}
  Status AddProducer(size_t number);
  Status AddConsumer(const std::string& group, const std::string& name);
  Status Add(std::vector<Worker>& workers, Worker worker, const std::string& name);
  std::string OutputOf(const Worker& worker) const;

  const Network& network_;
  Random& random_;
  const Options options_;
  std::string small_disk_;
  std::unique_ptr<Cluster> cluster_;
  std::vector<Worker> producers_;
  std::vector<Worker> consumers_;
  int64_t struck_ns_ = 0;
  struct Sample {
    SteadyTime at;
    std::map<std::string, uintmax_t> sizes;  // by path
  };
  std::deque<Sample> samples_;
};

}  // namespace quantum::operate::chaos
