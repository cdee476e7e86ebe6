#pragma once

#include <string>

#include "platform/base/result.h"
#include "platform/redis/client.h"

// The processes that a chaos run is about: producers that publish at a steady rate and consumers that apply, each
// telling what happened in a history of its own. They can be killed at any moment and go on where they were.
namespace quantum::operate::chaos {

constexpr const char* kStreams[] = {"chaos-a", "chaos-b"};  // families: each producer publishes to both in turn
constexpr size_t kKeys = 8;                                 // of each stream

struct WorkerOptions {
  bool producer = true;  // else a consumer
  std::string name;      // the process's
  redis::ClientOptions redis;
  std::string history;  // the file it appends to, and reads at its start
  // Consumers only.
  std::string group;
  std::string effects;  // the file of what the group has applied, common to its processes
  // Producers only.
  std::string journal;  // folder; empty: none
  std::string gate;     // publishes while this file exists
  int per_second = 300;
  int replicas_required = 1;
};

// In a file of mode 0600, for it holds passwords.
Status SaveWorker(const WorkerOptions& options, const std::string& file);
Result<WorkerOptions> LoadWorker(const std::string& file);

// Works until it is killed, or until it can do so no longer. A consumer ends well on SIGTERM.
Status RunWorker(const WorkerOptions& options);

}  // namespace quantum::operate::chaos
