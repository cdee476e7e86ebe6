// bench-latency [--json] [--rate N] [--decisions N] [--state DIR --port-offset N]: from ai.decision.made to the order's
// arrival at the exchange, p50 and p99, beside the sum of its parts measured alone in the same minutes on the same
// servers: two bus hops (decision to risk-safety, approval to execution), two commits (reservation with approval,
// intents) and one request; and from the approval on, with one hop less. Without --state it starts a platform of its
// own with the exerciser, at N decisions a second, and stops it again.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdio>
#include <optional>
#include <thread>

#include "bench/command_line/command_line.h"
#include "bench/latency/orders.h"
#include "bench/latency/parts.h"
#include "bench/latency/quantile.h"
#include "bench/stack/stack.h"
#include "operator/chaos/orders/orders_load.h"
#include "platform/config/secrets.h"
#include "platform/lifecycle/servers.h"
#include "platform/log/setup.h"

namespace quantum::bench {
namespace {

using namespace std::chrono_literals;

constexpr int kHops = 2;
constexpr int kCommits = 2;
constexpr int kRequests = 1;

struct Options {
  StackOptions stack;
  double rate = 2;
  int decisions = 120;
  int seconds_max = 240;
  bool json = false;
};

struct Parts {
  std::vector<double> hop;
  std::vector<double> commit;
  std::vector<double> request;
  std::vector<double> round_trip;  // to Postgres

  double Sum(double share, int hops = kHops) const {
    return hops * Quantile(hop, share) + kCommits * Quantile(commit, share) + kRequests * Quantile(request, share);
  }
  double FromApproval(double share) const { return Sum(share, kHops - 1); }
};

struct Report {
  std::vector<double> total;     // decision → order at the exchange
  std::vector<double> approval;  // decision → approval
  std::vector<double> approved;  // approval → order at the exchange
  std::vector<double> relaying;  // approval → its entry in the stream
  std::vector<double> sending;   // that entry → order at the exchange
  std::vector<double> reported;  // decision → the exchange's answer recorded
  Parts parts;
  double rate = 0;  // orders a second, as they reached the exchange
  size_t decisions = 0;
  size_t rejected = 0;
};

void Add(const Journey& journey, Report& report) {
  const auto ms = [](int64_t from_ns, int64_t to_ns) { return static_cast<double>(to_ns - from_ns) / 1e6; };
  report.total.push_back(ms(journey.decided_ns, journey.exchange_ns));
  report.approval.push_back(ms(journey.decided_ns, journey.approved_ns));
  report.approved.push_back(ms(journey.approved_ns, journey.exchange_ns));
  report.relaying.push_back(ms(journey.approved_ns, journey.on_bus_ns));
  report.sending.push_back(ms(journey.on_bus_ns, journey.exchange_ns));
  report.reported.push_back(ms(journey.decided_ns, journey.reported_ns));
}

// The parts are measured while the decisions flow: both see the same servers under the same load.
Result<Parts> MeasureParts(fiber::Loop& loop, redis::Client& redis, postgres::Pool& pool, const std::string& ping) {
  constexpr int kTimes = 200;
  constexpr Duration kPause = 20ms;
  Parts parts;
  QUANTUM_TRY(parts.hop, MeasureHop(loop, redis, kTimes, kPause));
  QUANTUM_TRY(parts.commit, MeasureCommit(pool, kTimes, kPause));
  QUANTUM_TRY(parts.request, MeasureRequest(loop, ping, kTimes, kPause));
  QUANTUM_TRY(parts.round_trip, MeasureRoundTrip(pool, kTimes, kPause));
  return parts;
}

Result<Report> Measure(fiber::Loop& loop, const operate::Running& running, const Options& options) {
  const config::Manifest& manifest = running.manifest;
  const lifecycle::SecretReader secret = [&running](std::string_view name) {
    return config::ReadSecret(running.layout.Secrets(), name);
  };
  QUANTUM_TRY(const redis::ClientOptions redis_options, lifecycle::RedisOptions(manifest, secret));
  QUANTUM_TRY(postgres::PoolOptions postgres_options, lifecycle::PostgresOptions(manifest, secret));
  postgres_options.connections_max = 1;
  redis::Client redis(loop, redis_options);
  postgres::Pool pool(loop, postgres_options);
  const std::string ping =
      fmt::format("http://{}:{}/fapi/v1/ping", manifest.bind_address(), manifest.Port("paper-exchange"));

  OrderWatch watch(redis, ToUnixMs(SystemClock().Now()));
  QUANTUM_TRY(Parts parts, MeasureParts(loop, redis, pool, ping));
  const SteadyTime until = SystemClock().Steady() + std::chrono::seconds(options.seconds_max);
  QUANTUM_CHECK(watch.Poll());
  while (watch.Complete().size() < static_cast<size_t>(options.decisions) && SystemClock().Steady() < until) {
    fiber::SleepFor(250ms);
    QUANTUM_CHECK(watch.Poll());
  }
  Report report{.parts = std::move(parts), .decisions = watch.decisions(), .rejected = watch.rejected()};
  int64_t first_ns = INT64_MAX;
  int64_t last_ns = 0;
  for (const Journey& journey : watch.Complete()) {
    Add(journey, report);
    first_ns = std::min(first_ns, journey.exchange_ns);
    last_ns = std::max(last_ns, journey.exchange_ns);
  }
  report.rate =
      1e9 * static_cast<double>(report.total.size()) / static_cast<double>(std::max<int64_t>(last_ns - first_ns, 1));
  if (report.total.size() < static_cast<size_t>(options.decisions)) {
    return Error{
        Errc::kTimeout,
        fmt::format("only {} of {} decisions reached the exchange within {} s ({} made, {} refused); a platform "
                    "with a flow of decisions is started by ./quantum up --strategy exerciser",
                    report.total.size(), options.decisions, options.seconds_max, report.decisions, report.rejected)};
  }
  return report;
}

Result<Report> Run(Options options) {
  for (const std::string& each : operate::chaos::OrdersLoad(options.rate)) {
    options.stack.up.insert(options.stack.up.end(), {"--set", each});
  }
  QUANTUM_TRY(const auto stack, Stack::Open(options.stack));
  std::optional<Result<Report>> report;
  fiber::Loop loop("bench");
  loop.Spawn([&] {
    report.emplace(Measure(loop, stack->running(), options));
    loop.Stop();
  });
  loop.Run();
  return *std::move(report);
}

void PrintTable(const Report& report) {
  fmt::print(
      "{} orders, {:.1f} a second, of {} decisions ({} refused by risk-safety), load average {:.1f} on {} cores\n",
      report.total.size(), report.rate, report.decisions, report.rejected, Load1(),
      std::thread::hardware_concurrency());
  fmt::print("{:<52}{:>10}{:>10}\n", "milliseconds", "p50", "p99");
  const auto line = [](std::string_view name, const std::vector<double>& ms) {
    fmt::print("{:<52}{:>10.2f}{:>10.2f}\n", name, Quantile(ms, 0.5), Quantile(ms, 0.99));
  };
  line("decision -> order at the exchange", report.total);
  line("  decision -> approval", report.approval);
  line("approval -> order at the exchange", report.approved);
  line("  approval -> in the stream (commit, relay)", report.relaying);
  line("  in the stream -> order at the exchange", report.sending);
  line("decision -> the exchange's answer recorded", report.reported);
  line("alone: bus hop, XADD to XREADGROUP", report.parts.hop);
  line("alone: commit through PgBouncer", report.parts.commit);
  line("alone: request to the exchange (ping)", report.parts.request);
  line("alone: a round trip to Postgres, nothing written", report.parts.round_trip);
  const auto beside = [](std::string_view name, double p50, double p99) {
    fmt::print("{:<52}{:>10.2f}{:>10.2f}\n", name, p50, p99);
  };
  const Parts& parts = report.parts;
  beside("sum of 2 hops, 2 commits, 1 request", parts.Sum(0.5), parts.Sum(0.99));
  beside("sum of 1 hop, 2 commits, 1 request", parts.FromApproval(0.5), parts.FromApproval(0.99));
  beside("decision -> order: ratio to its sum", Quantile(report.total, 0.5) / parts.Sum(0.5),
         Quantile(report.total, 0.99) / parts.Sum(0.99));
  beside("approval -> order: ratio to its sum", Quantile(report.approved, 0.5) / parts.FromApproval(0.5),
         Quantile(report.approved, 0.99) / parts.FromApproval(0.99));
  fmt::print("(the exchange and Redis stamp whole milliseconds, cut off)\n");
}

void PrintJson(const Report& report) {
  const auto both = [](const std::vector<double>& ms) {
    return boost::json::object{{"p50_ms", Quantile(ms, 0.5)}, {"p99_ms", Quantile(ms, 0.99)}};
  };
  const boost::json::object out{
      {"benchmark", "latency"},
      {"orders", report.total.size()},
      {"rate", report.rate},
      {"decisions", report.decisions},
      {"rejected", report.rejected},
      {"load", Load1()},
      {"decision_to_exchange", both(report.total)},
      {"decision_to_approval", both(report.approval)},
      {"approval_to_exchange", both(report.approved)},
      {"approval_to_stream", both(report.relaying)},
      {"stream_to_exchange", both(report.sending)},
      {"decision_to_recorded", both(report.reported)},
      {"hop", both(report.parts.hop)},
      {"commit", both(report.parts.commit)},
      {"request", both(report.parts.request)},
      {"postgres_round_trip", both(report.parts.round_trip)},
      {"sum", {{"p50_ms", report.parts.Sum(0.5)}, {"p99_ms", report.parts.Sum(0.99)}}},
      {"ratio", Quantile(report.total, 0.5) / report.parts.Sum(0.5)},
      {"ratio_from_approval", Quantile(report.approved, 0.5) / report.parts.FromApproval(0.5)}};
  fmt::print("{}\n", boost::json::serialize(out));
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) {
  using namespace quantum::bench;
  Options options;
  CommandLine line("From a decision to its order at the exchange, beside its parts");
  line.Add("--state", &options.stack.state, "state directory of a running platform");
  line.Add("--port-offset", &options.stack.port_offset, 0, 65535, "of that platform");
  line.Needs("--port-offset", "--state");
  line.Add("--rate", &options.rate, 0.1, 200.0, "decisions a second of a platform of its own (default 2)");
  line.Excludes("--rate", "--state");
  line.Add("--decisions", &options.decisions, 1, 100'000, "orders to wait for");
  line.Add("--seconds-max", &options.seconds_max, 1, 3600, "how long to wait for them");
  line.AddJson(options.json);
  if (const auto ended = line.Parse(argc, argv)) {
    return *ended;
  }
  quantum::log::SetLevel(quantum::log::Level::kError);  // standard output is the report's
  const auto report = Run(options);
  if (!report.ok()) {
    fmt::print(stderr, "bench-latency: {}\n", report.error().message);
    return 1;
  }
  options.json ? PrintJson(*report) : PrintTable(*report);
  return 0;
}
