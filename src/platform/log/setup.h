#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "platform/log/log.h"

namespace quantum::log {

struct Options {
  std::string service;         // the `service` and the default `name` of every record
  std::string file = {};       // the names of its files begin so; empty: with the service's name
  std::string directory = {};  // holds <file>.log and <file>.error.log; empty: standard output only
  Level level = Level::kInfo;
  bool standard_output = false;          // also write each record to standard output
  uint64_t file_bytes_max = 100u << 20;  // rotation of <file>.log
  int files_kept = 10;
  uint64_t error_file_bytes_max = 50u << 20;  // rotation of <file>.error.log (ERROR and CRITICAL only)
  int error_files_kept = 5;
  size_t queue_records = 8192;  // records waiting for the disk; beyond that the oldest are dropped and counted
  std::vector<std::string> masked_keys = {};  // beside the built-in list
};

// Starts the writer thread. Before Setup, records go to standard error, unmasked keys excepted. Call once.
Status Setup(const Options& options);

// Writes what is queued and stops the writer. Records after it go to standard error.
void Shutdown();

void SetLevel(Level level);  // thread-safe, at once
Level CurrentLevel();
uint64_t DroppedRecords();

}  // namespace quantum::log
