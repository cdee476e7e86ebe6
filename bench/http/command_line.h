#pragma once

#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "platform/base/result.h"

namespace quantum::bench {

// What every benchmark of a server on one core under a load from another is told.
struct CommonOptions {
  int server_core = 0;
  int load_core = 1;
  bool json = false;

  void AddTo(CLI::App& app) {
    app.add_option("--server-core", server_core, "core of the servers")->check(CLI::Range(0, 1023));
    app.add_option("--load-core", load_core, "core of the load")->check(CLI::Range(0, 1023));
    app.add_flag("--json", json, "one JSON object instead of a table");
  }
};

// Parses, measures and prints; the exit code is 1 below the goal, or when it could not be measured.
template <class Options, class Report>
int Run(CLI::App& app, int argc, char** argv, const Options& options, Result<Report> (*measure)(const Options&),
        void (*print)(const Options&, const Report&)) {
  CLI11_PARSE(app, argc, argv);
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
