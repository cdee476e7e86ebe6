#pragma once

#include <functional>
#include <future>
#include <string>
#include <thread>
#include <type_traits>

#include "platform/bus/bus.h"
#include "platform/fiber/fiber.h"
#include "tests/support/redis_cluster.h"

// What the benchmarks of the bus have in common: where they measure, and with which events.
namespace quantum::bench {

constexpr const char* kFamily = "bench";
constexpr const char* kType = "bench.event";

// Registers the event type and silences the log: standard output is the report's.
void PrepareBus();

// The project's own three nodes and three sentinels, with room for what is published at full speed.
class Setting {
 public:
  explicit Setting(std::chrono::milliseconds down_after = testing::RedisCluster::kPatient);

  testing::RedisCluster& cluster() { return cluster_; }
  const testing::RedisCluster& cluster() const { return cluster_; }
  // A word on the servers for the report.
  static std::string Describe();

  bus::BusOptions Options(const std::string& producer) const;
  // The same with a journal: each call gives an empty folder on the disk of the servers.
  bus::BusOptions OptionsWithJournal(const std::string& producer);

  // As the user `operator`, at the present master; blocks the thread.
  std::string AskMaster(const std::vector<std::string>& command) const;
  double NodesCpu() const;  // processor seconds of the three nodes
  void DropStream() const;  // with everything known about its producers

 private:
  testing::RedisCluster cluster_;
  int journals_ = 0;
};

// An event whose payload has this many bytes; one of 64 keys. The rest is as in the platform: a correlation id, no
// cause.
// As real ones are: JSON, much of which is the same in all, and ids and numbers that are not. What is compressed must
// not be more than in earnest. At least some 100 bytes.
const std::string& Payload(size_t number, size_t bytes);

bus::Event MakeEvent(size_t number, size_t payload_bytes);

// A loop on a thread of its own.
class LoopThread {
 public:
  explicit LoopThread(const std::string& name);
  ~LoopThread();
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  fiber::Loop& loop() { return *loop_; }

  // Runs body in a fiber of the loop and waits for it. Called from threads without a loop.
  template <class Body>
  auto Run(Body body) {
    std::promise<std::invoke_result_t<Body>> done;
    auto result = done.get_future();
    loop_->Spawn([&] {
      if constexpr (std::is_void_v<std::invoke_result_t<Body>>) {
        body();
        done.set_value();
      } else {
        done.set_value(body());
      }
    });
    return result.get();
  }

 private:
  fiber::Loop* loop_ = nullptr;
  std::thread thread_;
};

// Processor time, which tells more than the clock on a machine that does other things too. Seconds.
double OwnCpu();        // this process and those of its children that have ended
double CpuOf(int pid);  // another process

double Load1();  // load average of the last minute
double Quantile(std::vector<double> values, double share);
double MsBetween(SteadyTime begin, SteadyTime end);

// One append of so many bytes and its fdatasync, again and again in this folder: milliseconds of each.
std::vector<double> MeasureSync(const std::filesystem::path& folder, int times, size_t bytes);

}  // namespace quantum::bench
