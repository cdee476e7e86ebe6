#include "operator/chaos/stage.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "operator/chaos/wait.h"

namespace quantum::operate::chaos {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr size_t kSmallDiskMegabytes = 64;  // room for what a journal keeps half a minute, and for its next segments
constexpr Duration kSamplesKept = 10s;

// The increments of a node's append-only file, oldest first; the last one is being written.
std::vector<std::string> IncrementsOf(const std::string& folder) {
  std::error_code error;
  std::map<long, std::string> increments;
  for (const auto& entry : fs::directory_iterator(folder + "/appendonlydir", error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".incr.aof")) {
      increments[std::strtol(name.c_str() + sizeof("appendonly.aof.") - 1, nullptr, 10)] = entry.path().string();
    }
  }
  std::vector<std::string> paths;
  for (const auto& [number, path] : increments) {
    paths.push_back(path);
  }
  return paths;
}

Status Cut(const std::string& path, uintmax_t size) {
  std::error_code error;
  fs::resize_file(path, size, error);
  return error ? Status(Error{Errc::kInternal, fmt::format("cutting {}: {}", path, error.message())}) : Status();
}

}  // namespace

Result<std::unique_ptr<Stage>> Stage::Set(fiber::Loop& loop, const Network& network, Random& random, Options options) {
  std::unique_ptr<Stage> stage(new Stage(network, random, std::move(options)));
  const std::string& folder = stage->options_.folder;
  fs::create_directories(folder + "/small-disk");
  if (stage->options_.safe && network.MountMemory(folder + "/small-disk", kSmallDiskMegabytes)) {
    stage->small_disk_ = folder + "/small-disk";
  }
  QUANTUM_TRY(stage->cluster_, Cluster::Start(loop, network, folder, stage->options_.infra));
  for (size_t i = 0; i < kProducers; ++i) {
    QUANTUM_CHECK(stage->AddProducer(i));
  }
  for (const std::string& group : stage->group_names()) {
    for (size_t i = 0; i < kConsumersPerGroup; ++i) {
      QUANTUM_CHECK(stage->AddConsumer(group, fmt::format("{}-{}", group, i + 1)));
    }
  }
  // Groups exist before the first publish.
  for (Worker& consumer : stage->consumers_) {
    QUANTUM_CHECK(stage->Start(consumer));
  }
  const bool subscribed = Eventually(30s, [&] {
    size_t groups = 0;
    for (const char* stream : kStreams) {
      const auto reply = stage->cluster_->Ask(0, {"XINFO", "GROUPS", bus::StreamKey(stream)});
      groups += reply.ok() ? reply->elements.size() : 0;
    }
    return groups == kGroups * std::size(kStreams);
  });
  if (!subscribed) {
    return Error{Errc::kTimeout, fmt::format("the consumers do not subscribe; see {}/group-1-1.log", folder)};
  }
  QUANTUM_CHECK(stage->StartAll());
  return stage;
}

Status Stage::AddProducer(size_t number) {
  Worker worker{.options = {}, .network = network_.NamespaceOf(number), .process = {}};
  const std::string name = fmt::format("producer-{}", number + 1);
  worker.options.producer = true;
  worker.options.per_second = std::max(1, options_.per_second / static_cast<int>(kProducers));
  if (options_.safe) {
    const bool on_small_disk = number == 0 && !small_disk_.empty();
    worker.options.journal =
        on_small_disk ? small_disk_ + "/journal" : fmt::format("{}/{}.journal", options_.folder, name);
  }
  return Add(producers_, std::move(worker), name);
}

Status Stage::AddConsumer(const std::string& group, const std::string& name) {
  Worker worker;
  worker.options.producer = false;
  worker.options.group = group;
  worker.options.effects = fmt::format("{}/{}.effects", options_.folder, group);
  return Add(consumers_, std::move(worker), name);
}

Status Stage::Add(std::vector<Worker>& workers, Worker worker, const std::string& name) {
  worker.options.name = name;
  worker.options.redis = cluster_->Options();
  worker.options.history = fmt::format("{}/{}.history", options_.folder, name);
  worker.options.gate = options_.folder + "/gate";
  worker.options.replicas_required = options_.safe ? 1 : 0;
  QUANTUM_CHECK(SaveWorker(worker.options, fmt::format("{}/{}.json", options_.folder, name)));
  workers.push_back(std::move(worker));
  return {};
}

std::vector<std::string> Stage::producer_names() const {
  std::vector<std::string> names;
  for (const Worker& worker : producers_) {
    names.push_back(worker.options.name);
  }
  return names;
}

std::vector<std::string> Stage::group_names() const {
  std::vector<std::string> names;
  for (size_t i = 0; i < kGroups; ++i) {
    names.push_back(fmt::format("group-{}", i + 1));
  }
  return names;
}

std::vector<std::string> Stage::history_files() const {
  std::set<std::string> files;
  for (const auto* workers : {&producers_, &consumers_}) {
    for (const Worker& worker : *workers) {
      files.insert(worker.options.history);
      if (!worker.options.effects.empty()) {
        files.insert(worker.options.effects);
      }
    }
  }
  return {files.begin(), files.end()};
}

std::vector<Stage::Worker*> Stage::ConsumersOf(const std::string& group) {
  std::vector<Worker*> workers;
  for (Worker& worker : consumers_) {
    if (worker.options.group == group) {
      workers.push_back(&worker);
    }
  }
  return workers;
}

Stage::Worker* Stage::Reader(const std::string& group, const char* stream) {
  const auto master = cluster_->Master();
  const auto holder = master ? cluster_->Ask(*master, {"HGET", bus::LeaseKey(stream, group), "holder"})
                             : Result<redis::Reply>(Error{Errc::kUnavailable, "no master"});
  for (Worker& worker : consumers_) {
    if (holder && worker.options.name == holder->text) {
      return &worker;
    }
  }
  return nullptr;
}

Result<size_t> Stage::AwaitMaster() {
  std::optional<size_t> master;
  if (!Eventually(60s, [&] { return (master = cluster_->Master()).has_value(); })) {
    return Error{Errc::kTimeout, "the sentinels agree on no master"};
  }
  return *master;
}

std::string Stage::OutputOf(const Worker& worker) const {
  return fmt::format("{}/{}.log", options_.folder, worker.options.name);
}

void Stage::Kill(Worker& worker) {
  worker.expected = false;
  if (worker.process) {
    worker.process->Kill();
  }
}

Status Stage::Start(Worker& worker) {
  QUANTUM_TRY(worker.process,
              Child::Start({.command = {options_.program, "chaos-worker",
                                        fmt::format("{}/{}.json", options_.folder, worker.options.name)},
                            .output = OutputOf(worker),
                            .network = worker.network}));
  worker.expected = true;
  return {};
}

Status Stage::StartAll() {
  for (auto* workers : {&consumers_, &producers_}) {
    for (Worker& worker : *workers) {
      if (!worker.expected) {
        QUANTUM_CHECK(Start(worker));
      }
    }
  }
  return {};
}

Status Stage::CheckWorkers() {
  for (auto* workers : {&consumers_, &producers_}) {
    for (Worker& worker : *workers) {
      if (worker.expected && !worker.process->Running()) {
        std::string last;
        std::ifstream output(OutputOf(worker));
        for (std::string line; std::getline(output, line);) {
          last = line;
        }
        return Error{Errc::kInternal,
                     fmt::format("{} ended by itself with {}: {}", worker.options.name, worker.process->Wait(), last)};
      }
    }
  }
  return {};
}

Status Stage::OpenGate() {
  std::ofstream gate(options_.folder + "/gate");
  return gate ? Status() : Status(Error{Errc::kInternal, "the gate cannot be opened: no file in " + options_.folder});
}

void Stage::CloseGate() { ::unlink((options_.folder + "/gate").c_str()); }

void Stage::Struck() {
  if (struck_ns_ == 0) {
    struck_ns_ = SystemClock().Steady().time_since_epoch().count();
  }
}

void Stage::SampleFiles() {
  Sample sample{SystemClock().Steady(), {}};
  for (size_t node = 0; node < Cluster::kNodes; ++node) {
    for (const std::string& path : IncrementsOf(cluster_->FolderOf(node))) {
      std::error_code error;
      sample.sizes[path] = fs::file_size(path, error);
    }
  }
  samples_.push_back(std::move(sample));
  while (samples_.front().at + kSamplesKept < samples_.back().at) {
    samples_.pop_front();
  }
}

Status Stage::CutFile(size_t node, Duration back) {
  const SteadyTime before = SystemClock().Steady() - back;
  const Sample* then = nullptr;
  for (const Sample& sample : samples_) {
    then = sample.at <= before ? &sample : then;
  }
  if (then == nullptr) {
    return Error{Errc::kInternal, "no sample of the append-only files is old enough"};
  }
  for (const std::string& path : IncrementsOf(cluster_->FolderOf(node))) {
    const auto size = then->sizes.find(path);
    QUANTUM_CHECK(Cut(path, size == then->sizes.end() ? 0 : size->second));
  }
  return {};
}

Status Stage::CutFileAnywhere(size_t node) {
  const auto increments = IncrementsOf(cluster_->FolderOf(node));
  if (increments.empty()) {
    return Error{Errc::kInternal, fmt::format("Redis node {} has no append-only file", node + 1)};
  }
  return Cut(increments.back(), random_.Below(fs::file_size(increments.back()) + 1));
}

}  // namespace quantum::operate::chaos
