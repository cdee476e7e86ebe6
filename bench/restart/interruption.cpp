#include "bench/restart/interruption.h"

#include <fmt/format.h>
#include <signal.h>

#include <array>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include "operator/supervisor/local_fleet.h"
#include "platform/http/client.h"

namespace quantum::bench {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

constexpr std::array<const char*, 2> kUnits = {"execution", "execution-standby"};
constexpr Duration kPairMax = 60s;
constexpr Duration kTradingMax = 60s;
constexpr Duration kPoll = 5ms;

class Pair {
 public:
  Pair(fiber::Loop& loop, const operate::Running& running)
      : running_(running),
        fleet_(running.layout),
        client_(loop, {.attempts_max = 1, .breaker_failures = std::numeric_limits<int>::max()}) {}

  // READY, STANDBY, …; empty: no answer.
  std::string PhaseOf(const std::string& unit) {
    const json::value health = Health(unit);
    return health.is_object() ? std::string(health.at("metrics").at("phase").as_string()) : std::string();
  }
  // What /health says of the service's own is some seconds old; nothing: of before it traded.
  std::optional<int64_t> RepairsOf(const std::string& unit) {
    const json::value health = Health(unit);
    if (!health.is_object()) {
      return std::nullopt;
    }
    const json::value* repairs = health.at("metrics").as_object().if_contains("reconciliation_repairs");
    return repairs == nullptr ? std::nullopt : std::optional(repairs->as_int64());
  }
  // The unit that trades; empty: none.
  std::string Holder() {
    for (const char* unit : kUnits) {
      if (PhaseOf(unit) == "READY") {
        return unit;
      }
    }
    return {};
  }
  // The unit that trades, when the other one stands by.
  Result<std::string> Await() {
    const SteadyTime give_up = SystemClock().Steady() + kPairMax;
    while (SystemClock().Steady() < give_up) {
      std::string holder = Holder();
      if (!holder.empty() && PhaseOf(holder == kUnits[0] ? kUnits[1] : kUnits[0]) == "STANDBY") {
        return holder;
      }
      fiber::SleepFor(100ms);
    }
    return Error{Errc::kTimeout, "execution and its standby do not come back"};
  }
  Status Kill(const std::string& unit) {
    QUANTUM_TRY(const auto units, fleet_.List());
    for (const operate::UnitStatus& each : units) {
      if (each.name == unit && each.pid > 0) {
        ::kill(each.pid, SIGKILL);
        return {};
      }
    }
    return Error{Errc::kNotFound, unit + " does not run"};
  }
  std::string LogOf(const std::string& unit) const {
    return fmt::format("{}/{}-service.log", running_.layout.ServiceLog(), unit);
  }

 private:
  json::value Health(const std::string& unit) {
    const auto answer = client_.Send(
        {.url = fmt::format("http://{}:{}/health", running_.manifest.bind_address(), running_.manifest.Port(unit)),
         .timeout = 1s,
         .idempotent = true});
    return answer.ok() ? json::parse(answer->body) : json::value();
  }

  const operate::Running& running_;
  operate::LocalFleet fleet_;
  http::Client client_;
};

double MsBetween(WallTime from, WallTime to) { return std::chrono::duration<double, std::milli>(to - from).count(); }

void ReadLog(const std::string& path, uintmax_t from, WallTime blow, Interruption& out) {
  std::ifstream file(path);
  file.seekg(static_cast<std::streamoff>(from));
  for (std::string line; std::getline(file, line);) {
    boost::system::error_code error;
    const json::value record = json::parse(line, error);
    if (error || !record.is_object() || !record.get_object().contains("asctime")) {
      continue;
    }
    const auto time = ParseIso8601(json::value_to<std::string>(record.at("asctime")));
    const std::string message = json::value_to<std::string>(record.at("message"));
    if (!time.ok() || *time < blow) {
      continue;
    }
    const double ms = MsBetween(blow, *time);
    const auto note = [&](std::string_view begins, std::optional<double>& when) {
      if (message.starts_with(begins) && !when) {
        when = ms;
      }
    };
    note("service started", out.started);
    note("the lease is ours", out.leased);
    note("what was recorded is read", out.loaded);
    note("orders are reconciled with the venue", out.reconciled);
    note("this process reads the stream for its group", out.reading);
  }
}

}  // namespace

Result<Interruption> Interrupt(fiber::Loop& loop, const operate::Running& running, FullDesk& desk, Blow blow) {
  Pair pair(loop, running);
  QUANTUM_TRY(const std::string before, pair.Await());
  std::map<std::string, uintmax_t> log_sizes;
  for (const char* unit : kUnits) {
    log_sizes[unit] = std::filesystem::file_size(pair.LogOf(unit));
  }
  const WallTime struck = SystemClock().Now();
  std::thread restart;
  if (blow == Blow::kRestart) {
    restart = std::thread([&] { static_cast<void>(operate::LocalFleet(running.layout).Restart(before)); });
  } else {
    QUANTUM_CHECK(pair.Kill(before));
    if (blow == Blow::kBothKilled) {
      QUANTUM_CHECK(pair.Kill(before == kUnits[0] ? kUnits[1] : kUnits[0]));
    }
  }
  while (pair.PhaseOf(before) == "READY") {
    fiber::SleepFor(kPoll);
  }
  const auto entry = desk.ApproveResting();
  Interruption out;
  const SteadyTime give_up = SystemClock().Steady() + kTradingMax;
  while (entry.ok() && out.trading == 0 && SystemClock().Steady() < give_up) {
    if (out.ready == 0) {
      out.holder = pair.Holder();
      out.ready = out.holder.empty() ? 0 : MsBetween(struck, SystemClock().Now());
    } else if (const auto taken = desk.TakenAt(*entry); taken.ok() && *taken) {
      out.trading = MsBetween(struck, **taken);
    }
    fiber::SleepFor(kPoll);
  }
  if (restart.joinable()) {
    restart.join();
  }
  if (!entry.ok()) {
    return entry.error();
  }
  if (out.trading == 0) {
    return Error{Errc::kTimeout, "the entry that was approved after the blow does not come to the exchange"};
  }
  ReadLog(pair.LogOf(out.holder), log_sizes.at(out.holder), struck, out);
  QUANTUM_CHECK(desk.AwaitSettled());
  std::optional<int64_t> repairs;
  for (const SteadyTime until = SystemClock().Steady() + kPairMax; !repairs && SystemClock().Steady() < until;) {
    repairs = pair.RepairsOf(out.holder);
    fiber::SleepFor(repairs ? Duration::zero() : 100ms);
  }
  if (repairs != 0) {
    return Error{Errc::kInternal, fmt::format("{} repairs where nothing was amiss", repairs.value_or(-1))};
  }
  return out;
}

}  // namespace quantum::bench
