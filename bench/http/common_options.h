#pragma once

#include <fmt/format.h>
#include <signal.h>

#include <cstdio>

#include "bench/command_line/command_line.h"
#include "platform/base/result.h"

namespace quantum::bench {

// What every benchmark of a server on one core under a load from another is told.
struct CommonOptions {
  int server_core = 0;
  int load_core = 1;
  bool json = false;

  void AddTo(CommandLine& line) {
    line.Add("--server-core", &server_core, 0, 1023, "core of the servers");
    line.Add("--load-core", &load_core, 0, 1023, "core of the load");
    line.AddJson(json);
  }
};

// Parses, measures and prints; the exit code is 1 below the goal, or when it could not be measured.
template <class Options, class Report>
int Run(CommandLine& line, int argc, char** argv, const Options& options, Result<Report> (*measure)(const Options&),
        void (*print)(const Options&, const Report&)) {
  if (const auto ended = line.Parse(argc, argv)) {
    return *ended;
  }
  signal(SIGPIPE, SIG_IGN);
  const Result<Report> report = measure(options);
  if (!report) {
    fmt::print(stderr, "{}: {}\n", argv[0], report.error().message);
    return 1;
  }
  print(options, *report);
  return report->Met() ? 0 : 1;
}

}  // namespace quantum::bench
