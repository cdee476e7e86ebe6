#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "closed_loop.h"
#include "common_options.h"
#include "open_loop.h"

// One server core, one load core: how many small JSON answers a second our server gives alone and as a service, against
// nginx in the same run, and the latency at a constant rate. Exit code 1 below the goal.
namespace quantum::bench {
namespace {

constexpr double kGoalPerSecond = 45'000;
constexpr double kGoalP99Ms = 2;

struct Options : CommonOptions {
  int connections = 256;
  int seconds = 5;
  double rate = kGoalPerSecond / 2;
  bool nginx = true;
};

struct Measured {
  std::string name;
  ClosedLoopResult closed;
  OpenLoopResult open;

  bool Met() const { return closed.requests_per_second >= kGoalPerSecond && open.p99_ms <= kGoalP99Ms; }
};

struct Report {
  std::vector<Measured> ours;  // the server alone, then a service
  std::optional<ClosedLoopResult> nginx;

  bool Met() const { return std::ranges::all_of(ours, &Measured::Met); }
};

Result<ClosedLoopResult> RunWarm(const ServerUnderTest& server, const Options& options) {
  PinToCore(options.load_core);
  QUANTUM_TRY(const auto warm_up, RunClosedLoop(server, options.connections, 1));
  (void)warm_up;
  return RunClosedLoop(server, options.connections, options.seconds);
}

Result<Measured> MeasureOurs(const ServerUnderTest& server, const Options& options) {
  Measured measured{.name = server.name()};
  QUANTUM_TRY(measured.closed, RunWarm(server, options));
  QUANTUM_TRY(measured.open, RunOpenLoop(server.port(), options.connections, options.rate, options.seconds));
  return measured;
}

Result<Report> Measure(const Options& options) {
  Report report;
  {
    const auto server = StartQuantum(options.server_core);
    QUANTUM_TRY(report.ours.emplace_back(), MeasureOurs(*server, options));
  }
  {
    QUANTUM_TRY(const auto service, StartService(options.server_core));
    QUANTUM_TRY(report.ours.emplace_back(), MeasureOurs(*service, options));
  }
  if (options.nginx) {
    QUANTUM_TRY(const auto server, StartNginx(options.server_core));
    QUANTUM_TRY(report.nginx, RunWarm(*server, options));
  }
  return report;
}

boost::json::object ToJson(const ClosedLoopResult& result) {
  return {{"requests_per_second", result.requests_per_second},
          {"cpu_us_per_request", result.cpu_us_per_request},
          {"p50", result.p50},
          {"p99", result.p99}};
}

boost::json::object ToJson(const OpenLoopResult& result) {
  return {{"offered_per_second", result.offered_per_second},
          {"answered_per_second", result.answered_per_second},
          {"p50_ms", result.p50_ms},
          {"p99_ms", result.p99_ms},
          {"p999_ms", result.p999_ms},
          {"max_ms", result.max_ms}};
}

void PrintJson(const Options& options, const Report& report) {
  boost::json::object out;
  out["benchmark"] = "http";
  out["conditions"] = {{"connections", options.connections},
                       {"body_bytes", std::string_view(kBody).size()},
                       {"server_core", options.server_core},
                       {"load_core", options.load_core},
                       {"seconds", options.seconds}};
  for (const Measured& each : report.ours) {
    boost::json::object& one = out[each.name].emplace_object();
    one = ToJson(each.closed);
    one["goal_ratio"] = each.closed.requests_per_second / kGoalPerSecond;
    if (report.nginx) {
      one["ratio"] = each.closed.requests_per_second / report.nginx->requests_per_second;
    }
    one["open_loop"] = ToJson(each.open);
  }
  if (report.nginx) {
    out["nginx"] = ToJson(*report.nginx);
  }
  fmt::print("{}\n", boost::json::serialize(out));
}

void PrintRow(const std::string& name, const ClosedLoopResult& result, const std::optional<ClosedLoopResult>& nginx) {
  fmt::print("{:<10} {:>12.0f} {:>16.2f} {:>10} {:>10} {:>10}\n", name, result.requests_per_second,
             result.cpu_us_per_request, result.p50, result.p99,
             nginx ? fmt::format("{:.2f}", result.requests_per_second / nginx->requests_per_second) : "-");
}

void PrintTable(const Options& options, const Report& report) {
  fmt::print("HTTP, {} connections, one server core, JSON of {} bytes, {} s each\n\n", options.connections,
             std::string_view(kBody).size(), options.seconds);
  fmt::print("{:<10} {:>12} {:>16} {:>10} {:>10} {:>10}\n", "full load", "requests/s", "CPU us/request", "p50", "p99",
             "of nginx");
  for (const Measured& each : report.ours) {
    PrintRow(each.name, each.closed, report.nginx);
  }
  if (report.nginx) {
    PrintRow("nginx", *report.nginx, report.nginx);
  }
  fmt::print("\nconstant rate of {:.0f}/s, latency from the intended time of sending\n", options.rate);
  for (const Measured& each : report.ours) {
    fmt::print("{:<10} answered {:.0f}/s, p50 {:.2f} ms, p99 {:.2f} ms, p99.9 {:.2f} ms, max {:.2f} ms\n", each.name,
               each.open.answered_per_second, each.open.p50_ms, each.open.p99_ms, each.open.p999_ms, each.open.max_ms);
  }
  fmt::print("\n");
  for (const Measured& each : report.ours) {
    fmt::print("{:<10} {:.2f} of the goal of {:.0f}/s, {:.2f} of the p99 of {:.0f} ms: {}\n", each.name,
               each.closed.requests_per_second / kGoalPerSecond, kGoalPerSecond, each.open.p99_ms / kGoalP99Ms,
               kGoalP99Ms, each.Met() ? "met" : "missed");
  }
}

void Print(const Options& options, const Report& report) {
  options.json ? PrintJson(options, report) : PrintTable(options, report);
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) {
  using namespace quantum::bench;
  Options options;
  CommandLine line("How fast the HTTP server is on one core, alone and as a service, against nginx");
  line.Add("--connections", &options.connections, 1, 4000, "kept-alive connections");
  line.Add("--seconds", &options.seconds, 1, 600, "length of each part");
  line.Add("--rate", &options.rate, 1.0, 1e6, "requests a second of the open loop");
  line.AddFlag("!--no-nginx", options.nginx, "leave the comparison out");
  options.AddTo(line);
  return Run(line, argc, argv, options, Measure, Print);
}
