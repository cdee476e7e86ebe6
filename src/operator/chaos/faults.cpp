#include "operator/chaos/faults.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "operator/chaos/wait.h"

namespace quantum::operate::chaos {

namespace {

using namespace std::chrono_literals;

constexpr Duration kFailover = 60s;
constexpr Duration kRetention = 30s;  // how long a publisher keeps what was confirmed
constexpr Duration kCut = 2s;         // what a master may lose of its file: an fsync every second, and some more
constexpr Duration kOutage = 500ms;   // until a killed process that nobody elects for is started again

Duration Between(Random& random, std::chrono::milliseconds least, std::chrono::milliseconds most) {
  return least + std::chrono::milliseconds(random.Below(static_cast<uint64_t>((most - least).count()) + 1));
}

Result<size_t> AReplica(Stage& stage) {
  QUANTUM_TRY(const size_t master, stage.AwaitMaster());
  return (master + 1 + stage.random().Below(Cluster::kNodes - 1)) % Cluster::kNodes;
}

// A killed node is started again only when the sentinels have decided: one that came back too early as the master
// would spread older data.
Status KillMaster(Stage& stage) {
  QUANTUM_TRY(const size_t master, stage.AwaitMaster());
  stage.cluster().node(master).Kill();
  stage.Struck();
  QUANTUM_TRY([[maybe_unused]] const size_t successor, stage.cluster().AwaitFailover(master, kFailover));
  return stage.cluster().StartNode(master);
}

Status KillReplica(Stage& stage) {
  QUANTUM_TRY(const size_t replica, AReplica(stage));
  stage.cluster().node(replica).Kill();
  stage.Struck();
  fiber::SleepFor(kOutage);
  return stage.cluster().StartNode(replica);
}

Status KillSentinel(Stage& stage) {
  const size_t sentinel = stage.random().Below(Cluster::kNodes);
  stage.cluster().sentinel(sentinel).Kill();
  stage.Struck();
  fiber::SleepFor(kOutage);
  return stage.cluster().StartSentinel(sentinel);
}

Status KillWorker(Stage& stage, std::vector<Stage::Worker>& workers) {
  Stage::Worker& worker = workers[stage.random().Below(workers.size())];
  stage.Kill(worker);
  stage.Struck();
  fiber::SleepFor(kOutage);
  return stage.Start(worker);
}

Status KillProducer(Stage& stage) { return KillWorker(stage, stage.producers()); }
Status KillConsumer(Stage& stage) { return KillWorker(stage, stage.consumers()); }

void Freeze(Stage& stage, Child& child, Duration duration) {
  child.Signal(SIGSTOP);
  stage.Struck();
  fiber::SleepFor(duration);
  child.Signal(SIGCONT);
}

// Long enough for a failover; it wakes as a master that was deposed.
Status FreezeMaster(Stage& stage) {
  QUANTUM_TRY(const size_t master, stage.AwaitMaster());
  stage.cluster().node(master).Signal(SIGSTOP);
  stage.Struck();
  const auto successor = stage.cluster().AwaitFailover(master, kFailover);
  fiber::SleepFor(Between(stage.random(), 0ms, 2000ms));
  stage.cluster().node(master).Signal(SIGCONT);
  return successor ? Status() : Status(successor.error());
}

Status FreezeReplica(Stage& stage) {
  QUANTUM_TRY(const size_t replica, AReplica(stage));
  Freeze(stage, stage.cluster().node(replica), Between(stage.random(), 1000ms, 4000ms));
  return {};
}

Status FreezeProducer(Stage& stage) {
  Freeze(stage, *stage.producers()[stage.random().Below(Stage::kProducers)].process,
         Between(stage.random(), 500ms, 3000ms));
  return {};
}

Status FreezeConsumer(Stage& stage) {
  Freeze(stage, *stage.consumers()[stage.random().Below(stage.consumers().size())].process,
         Between(stage.random(), 1000ms, 4000ms));
  return {};
}

// Strikes the process that reads a stream for a group, and waits until the other has taken over.
Status OnAReader(Stage& stage, void (*strike)(Stage&, Stage::Worker&), Status (*heal)(Stage&, Stage::Worker&)) {
  const auto groups = stage.group_names();
  const std::string group = groups[stage.random().Below(groups.size())];
  const char* const stream = kStreams[stage.random().Below(std::size(kStreams))];
  Stage::Worker* reader = nullptr;
  if (!Eventually(kFailover, [&] { return (reader = stage.Reader(group, stream)) != nullptr; })) {
    return Error{Errc::kTimeout, fmt::format("nobody reads {} for {}", stream, group)};
  }
  strike(stage, *reader);
  const bool taken = Eventually(kFailover, [&] {
    const Stage::Worker* const now = stage.Reader(group, stream);
    return now != nullptr && now != reader;
  });
  fiber::SleepFor(Between(stage.random(), 0ms, 1000ms));
  const Status healed = heal(stage, *reader);
  return taken ? healed : Status(Error{Errc::kTimeout, fmt::format("nobody takes {} over for {}", stream, group)});
}

Status StartAgain(Stage& stage, Stage::Worker& worker) { return stage.Start(worker); }

Status KillReader(Stage& stage) {
  return OnAReader(
      stage,
      [](Stage& on, Stage::Worker& reader) {
        on.Kill(reader);
        on.Struck();
      },
      StartAgain);
}

// It wakes as one that has lost its lease, with events in hand.
Status FreezeReader(Stage& stage) {
  return OnAReader(
      stage,
      [](Stage& on, Stage::Worker& reader) {
        reader.process->Signal(SIGSTOP);
        on.Struck();
      },
      [](Stage&, Stage::Worker& reader) {
        reader.process->Signal(SIGCONT);
        return Status();
      });
}

// A restart, as of a deployment.
Status StopReader(Stage& stage) {
  return OnAReader(
      stage,
      [](Stage& on, Stage::Worker& reader) {
        reader.expected = false;
        reader.process->Signal(SIGTERM);
        on.Struck();
      },
      [](Stage& on, Stage::Worker& reader) {
        if (!Eventually(kFailover, [&] { return !reader.process->Running(); })) {
          return Status(Error{Errc::kTimeout, reader.options.name + " does not end"});
        }
        return on.Start(reader);
      });
}

// The master dies while one of those that decide is frozen.
Status FrozenSentinel(Stage& stage) {
  Child& sentinel = stage.cluster().sentinel(stage.random().Below(Cluster::kNodes));
  sentinel.Signal(SIGSTOP);
  fiber::SleepFor(Between(stage.random(), 0ms, 1500ms));
  const Status status = KillMaster(stage);
  sentinel.Signal(SIGCONT);
  return status;
}

// While the sentinels replace the master, one of the two that could replace it dies.
Status DoubleKill(Stage& stage) {
  QUANTUM_TRY(const size_t master, stage.AwaitMaster());
  QUANTUM_TRY(const size_t replica, AReplica(stage));
  stage.cluster().node(master).Kill();
  stage.Struck();
  fiber::SleepFor(Between(stage.random(), 0ms, 1500ms));
  stage.cluster().node(replica).Kill();
  // If the dead replica had just been promoted, the sentinels must notice that first.
  QUANTUM_TRY([[maybe_unused]] const size_t successor, stage.cluster().AwaitFailover(master, kFailover));
  QUANTUM_CHECK(stage.cluster().StartNode(master));
  return stage.cluster().StartNode(replica);
}

// The deposed master comes back, and then its successor dies: the old one may lead again.
Status Rejoin(Stage& stage) {
  QUANTUM_TRY(const size_t master, stage.AwaitMaster());
  stage.cluster().node(master).Kill();
  stage.Struck();
  QUANTUM_TRY(const size_t successor, stage.cluster().AwaitFailover(master, kFailover));
  QUANTUM_CHECK(stage.cluster().StartNode(master));
  if (!Eventually(kFailover, [&] { return stage.cluster().IsHealthy(); })) {
    return Error{Errc::kTimeout, "the old master did not rejoin"};
  }
  stage.cluster().node(successor).Kill();
  QUANTUM_TRY([[maybe_unused]] const size_t next, stage.cluster().AwaitFailover(successor, kFailover));
  return stage.cluster().StartNode(successor);
}

void KillAll(Stage& stage) {
  // One signal after the other, and only then the waiting: as near to "at once" as it gets.
  for (size_t i = 0; i < Cluster::kNodes; ++i) {
    stage.cluster().node(i).Signal(SIGKILL);
    stage.cluster().sentinel(i).Signal(SIGKILL);
  }
  for (auto* workers : {&stage.producers(), &stage.consumers()}) {
    for (Stage::Worker& worker : *workers) {
      stage.Kill(worker);
    }
  }
  for (size_t i = 0; i < Cluster::kNodes; ++i) {
    stage.cluster().node(i).Kill();
    stage.cluster().sentinel(i).Kill();
  }
  stage.Struck();
}

Status StartAll(Stage& stage) {
  for (size_t i = 0; i < Cluster::kNodes; ++i) {
    QUANTUM_CHECK(stage.cluster().StartNode(i));
    QUANTUM_CHECK(stage.cluster().StartSentinel(i));
  }
  return stage.StartAll();
}

Status KillEverything(Stage& stage) {
  KillAll(stage);
  return StartAll(stage);
}

Status CutMastersFile(Stage& stage) {
  QUANTUM_TRY(const size_t master, stage.AwaitMaster());
  fiber::SleepFor(kCut);  // of load, so that there is something to cut
  KillAll(stage);
  QUANTUM_CHECK(stage.CutFile(master, kCut));
  return StartAll(stage);
}

// A group is away for longer than publishers keep what was confirmed; then everything dies. What it has not read is now
// in the servers' files alone.
Status KillEverythingLate(Stage& stage) {
  const auto groups = stage.group_names();
  for (Stage::Worker* const consumer : stage.ConsumersOf(groups[stage.random().Below(groups.size())])) {
    stage.Kill(*consumer);
  }
  fiber::SleepFor(kRetention + 5s);
  KillAll(stage);
  return StartAll(stage);
}

Status CutReplicasFile(Stage& stage) {
  QUANTUM_TRY(const size_t replica, AReplica(stage));
  KillAll(stage);
  QUANTUM_CHECK(stage.CutFileAnywhere(replica));
  return StartAll(stage);
}

Status Partition(Stage& stage) {
  QUANTUM_TRY(const size_t master, stage.AwaitMaster());
  QUANTUM_CHECK(stage.network().SetCable(master, false));
  stage.Struck();
  const auto successor = stage.cluster().AwaitFailover(master, kFailover);
  fiber::SleepFor(Between(stage.random(), 0ms, 6000ms));
  QUANTUM_CHECK(stage.network().SetCable(master, true));
  return successor ? Status() : Status(successor.error());
}

// Until not a byte fits any more.
void Fill(int file) {
  for (size_t size = 1u << 20; size > 0;) {
    const std::string zeros(size, '\0');
    if (::write(file, zeros.data(), zeros.size()) <= 0) {
      size /= 2;
    }
  }
}

// The journal goes on writing into what it has, so the filling is repeated.
Status FullDisk(Stage& stage) {
  const std::string path = stage.small_disk() + "/filler";
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) {
    return Error{Errc::kInternal, "the small disk cannot be filled: " + path};
  }
  stage.Struck();
  const SteadyTime end = SystemClock().Steady() + 3s;
  while (SystemClock().Steady() < end) {
    Fill(file);
    fiber::SleepFor(50ms);
  }
  ::close(file);
  ::unlink(path.c_str());
  return {};
}

}  // namespace

Status PartitionWithDeath(Stage& stage) {
  QUANTUM_TRY(const size_t master, stage.AwaitMaster());
  QUANTUM_CHECK(stage.network().SetCable(master, false));
  stage.Struck();
  // Sentinels whose votes were split try again ten seconds later: healed before, the master would still be the master.
  QUANTUM_TRY([[maybe_unused]] const size_t successor, stage.cluster().AwaitFailover(master, kFailover));
  fiber::SleepFor(3s);  // two masters take events
  stage.Kill(stage.producers()[master]);
  fiber::SleepFor(1s);
  QUANTUM_CHECK(stage.network().SetCable(master, true));
  return stage.StartAll();
}

const std::vector<Fault>& Faults() {
  static const std::vector<Fault> faults{{.name = "kill-master", .strike = KillMaster},
                                         {.name = "kill-replica", .strike = KillReplica},
                                         {.name = "kill-sentinel", .strike = KillSentinel},
                                         {.name = "kill-producer", .strike = KillProducer},
                                         {.name = "kill-consumer", .strike = KillConsumer},
                                         {.name = "freeze-master", .strike = FreezeMaster},
                                         {.name = "freeze-replica", .strike = FreezeReplica},
                                         {.name = "freeze-producer", .strike = FreezeProducer},
                                         {.name = "freeze-consumer", .strike = FreezeConsumer},
                                         {.name = "kill-reader", .strike = KillReader},
                                         {.name = "freeze-reader", .strike = FreezeReader},
                                         {.name = "stop-reader", .strike = StopReader},
                                         {.name = "frozen-sentinel", .strike = FrozenSentinel},
                                         {.name = "double-kill", .strike = DoubleKill},
                                         {.name = "rejoin", .strike = Rejoin},
                                         {.name = "everything", .strike = KillEverything},
                                         {.name = "everything-late", .strike = KillEverythingLate},
                                         {.name = "partition", .needs_network = true, .strike = Partition},
                                         {.name = "full-disk", .needs_small_disk = true, .strike = FullDisk},
                                         {.name = "cut-master-aof", .strike = CutMastersFile},
                                         {.name = "cut-replica-aof", .strike = CutReplicasFile}};
  return faults;
}

}  // namespace quantum::operate::chaos
