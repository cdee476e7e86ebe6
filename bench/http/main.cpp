#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>

#include "closed_loop.h"
#include "open_loop.h"

// One server core, one load core: how many small JSON answers a second, against nginx in the same run, and the latency
// at a constant rate.
namespace quantum::bench {
namespace {

struct Options {
  int server_core = 0;
  int load_core = 1;
  int connections = 256;
  int seconds = 5;
  double rate = 22'500;  // half of the objective of 45,000 requests a second
  bool nginx = true;
  bool json = false;
};

struct Report {
  ClosedLoopResult ours;
  std::optional<ClosedLoopResult> nginx;
  OpenLoopResult open;
};

Result<Report> Measure(const Options& options) {
  Report report;
  {
    const auto server = StartQuantum(options.server_core);
    PinToCore(options.load_core);
    QUANTUM_TRY(const auto warm_up, RunClosedLoop(*server, options.connections, 1));
    (void)warm_up;
    QUANTUM_TRY(report.ours, RunClosedLoop(*server, options.connections, options.seconds));
    QUANTUM_TRY(report.open, RunOpenLoop(server->port(), options.connections, options.rate, options.seconds));
  }
  if (options.nginx) {
    QUANTUM_TRY(const auto server, StartNginx(options.server_core));
    QUANTUM_TRY(const auto warm_up, RunClosedLoop(*server, options.connections, 1));
    (void)warm_up;
    QUANTUM_TRY(report.nginx, RunClosedLoop(*server, options.connections, options.seconds));
  }
  return report;
}

boost::json::object ToJson(const ClosedLoopResult& result) {
  return {{"requests_per_second", result.requests_per_second},
          {"cpu_us_per_request", result.cpu_us_per_request},
          {"p50", result.p50},
          {"p99", result.p99}};
}

void PrintJson(const Options& options, const Report& report) {
  boost::json::object out;
  out["benchmark"] = "http";
  out["conditions"] = {{"connections", options.connections},
                       {"body_bytes", std::string_view(kBody).size()},
                       {"server_core", options.server_core},
                       {"load_core", options.load_core},
                       {"seconds", options.seconds}};
  out["quantum"] = ToJson(report.ours);
  if (report.nginx) {
    out["nginx"] = ToJson(*report.nginx);
    out["ratio"] = report.ours.requests_per_second / report.nginx->requests_per_second;
  }
  out["open_loop"] = {{"offered_per_second", report.open.offered_per_second},
                      {"answered_per_second", report.open.answered_per_second},
                      {"p50_ms", report.open.p50_ms},
                      {"p99_ms", report.open.p99_ms},
                      {"p999_ms", report.open.p999_ms},
                      {"max_ms", report.open.max_ms}};
  fmt::print("{}\n", boost::json::serialize(out));
}

void PrintRow(std::string_view name, const ClosedLoopResult& result) {
  fmt::print("{:<10} {:>12.0f} {:>16.2f} {:>10} {:>10}\n", name, result.requests_per_second, result.cpu_us_per_request,
             result.p50, result.p99);
}

void PrintTable(const Options& options, const Report& report) {
  fmt::print("HTTP, {} connections, one server core, JSON of {} bytes, {} s each\n\n", options.connections,
             std::string_view(kBody).size(), options.seconds);
  fmt::print("{:<10} {:>12} {:>16} {:>10} {:>10}\n", "full load", "requests/s", "CPU us/request", "p50", "p99");
  PrintRow("quantum", report.ours);
  if (report.nginx) {
    PrintRow("nginx", *report.nginx);
    fmt::print("ratio      {:>12.2f}\n", report.ours.requests_per_second / report.nginx->requests_per_second);
  }
  fmt::print("\nconstant rate of {:.0f}/s, latency from the intended time of sending\n",
             report.open.offered_per_second);
  fmt::print("quantum    answered {:.0f}/s, p50 {:.2f} ms, p99 {:.2f} ms, p99.9 {:.2f} ms, max {:.2f} ms\n",
             report.open.answered_per_second, report.open.p50_ms, report.open.p99_ms, report.open.p999_ms,
             report.open.max_ms);
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) {
  using namespace quantum::bench;
  Options options;
  CLI::App app("How fast the HTTP server is on one core, against nginx");
  app.add_option("--connections", options.connections, "kept-alive connections")->check(CLI::Range(1, 4000));
  app.add_option("--seconds", options.seconds, "length of each part")->check(CLI::Range(1, 600));
  app.add_option("--rate", options.rate, "requests a second of the open loop")->check(CLI::Range(1.0, 1e6));
  app.add_option("--server-core", options.server_core, "core of the server")->check(CLI::Range(0, 1023));
  app.add_option("--load-core", options.load_core, "core of the load generator")->check(CLI::Range(0, 1023));
  app.add_flag("!--no-nginx", options.nginx, "leave the comparison out");
  app.add_flag("--json", options.json, "one JSON object instead of a table");
  CLI11_PARSE(app, argc, argv);
  signal(SIGPIPE, SIG_IGN);
  const auto report = Measure(options);
  if (!report) {
    fmt::print(stderr, "bench-http: {}\n", report.error().message);
    return 1;
  }
  options.json ? PrintJson(options, *report) : PrintTable(options, *report);
  return 0;
}
