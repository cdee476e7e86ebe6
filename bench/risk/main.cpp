// bench-risk [--json]: what the pre-trade checks cost without I/O, on a busy desk: thirty positions and a hundred
// reservations. Each of four questions many times: a decision that passes, one that nothing speaks for, a close, and
// the first together with adding up what is taken, as every decision does. Exit code 1 when a p99 is above 50 µs.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "bench/command_line/command_line.h"
#include "bench/latency/quantile.h"
#include "services/risk_safety/checks.h"

namespace quantum::bench {
namespace {

using namespace risk_safety;
using trading::Side;
using trading::event::Decision;
using trading::event::Intent;
using trading::operator""_dec;
using Steady = std::chrono::steady_clock;

constexpr double kBudgetNs = 50'000;
constexpr int kTimes = 100'000;
constexpr int kPositions = 30;
constexpr int kReservations = 100;
const WallTime kNow = FromUnixMs(1'723'161'256'299);

struct Desk {
  Desk() {
    rules.symbol = "COIN0";
    rules.tick_size = "0.1"_dec;
    rules.step_size = "0.001"_dec;
    rules.min_quantity = "0.001"_dec;
    rules.max_quantity = "1000"_dec;
    rules.market_max_quantity = "120"_dec;
    rules.min_price = "556.8"_dec;
    rules.max_price = "4529764"_dec;
    rules.min_notional = "100"_dec;
    for (int i = 0; i < kPositions; ++i) {
      held["COIN" + std::to_string(i)] = {i % 2 == 0 ? "0.01"_dec : "-0.01"_dec, "60000"_dec};
    }
    for (int i = 0; i < kReservations; ++i) {
      reservations.push_back({.symbol = "COIN" + std::to_string(i % kPositions),
                              .side = i % 2 == 0 ? Side::kBuy : Side::kSell,
                              .notional = "100"_dec,
                              .margin = "50"_dec,
                              .filled = i % 3 != 0});
    }
    exposure = MakeExposure(reservations, held, kNow).value();
  }

  Decision Opening() const {
    Decision decision;
    decision.decision_id = "01a22781-7a98-760e-a852-ab37c061ed2c";
    decision.symbol = "COIN0";
    decision.quantity = "0.01"_dec;
    decision.reference_price = "60000"_dec;
    decision.leverage = 2;
    decision.stop_loss = "59400"_dec;
    decision.take_profit = "61000"_dec;
    decision.confidence = 0.8;
    decision.mode = "PAPER";
    decision.expires_at = ToUnixMs(kNow) + 1000;
    return decision;
  }
  Decision Hopeless() const {
    Decision decision = Opening();
    decision.quantity = "50.0005"_dec;
    decision.leverage = 100;
    decision.stop_loss = "61000.05"_dec;
    decision.take_profit = "59000.05"_dec;
    decision.confidence = 0;
    decision.mode = "LIVE";
    decision.expires_at = 0;
    return decision;
  }
  Decision Closing() const {
    Decision decision = Opening();
    decision.intent = Intent::kClose;
    decision.side = Side::kSell;
    return decision;
  }

  size_t Ask(const Decision& decision, const ExposureView& taken, bool calm) const {
    return Check({.decision = decision,
                  .policy = policy,
                  .limits = limits,
                  .mode = "PAPER",
                  .rules = &rules,
                  .market = MarketView{.last_price = "60005"_dec, .mark_price = "60010"_dec},
                  .account = AccountView{.equity = "100000"_dec,
                                         .available = calm ? "100000"_dec : "1"_dec,
                                         .day_start_equity = calm ? "100000"_dec : "200000"_dec},
                  .exposure = taken,
                  .trading_state = calm ? TradingState::kActive : TradingState::kHalted,
                  .ess = calm ? EssState::kArmed : EssState::kTripped,
                  .orders_last_minute = calm ? 0 : 1000,
                  .now = kNow})
        .size();
  }

  trading::SymbolRules rules;
  Policy policy{.name = "NORMAL",
                .leverage_max = 5,
                .leverage_min = 1,
                .risk_per_trade_percent_max = "1.5"_dec,
                .daily_drawdown_percent_max = "5"_dec,
                .positions_max = 500,
                .confidence_min = 0.5,
                .scaling_factor = 1,
                .position_usd_max = "5000"_dec};
  CheckLimits limits;
  std::vector<Reservation> reservations;
  std::map<std::string, HeldPosition> held;
  ExposureView exposure;
};

struct Row {
  std::string_view name;
  size_t refusals = 0;
  std::vector<double> ns;
};

template <class Fn>
Row Measure(std::string_view name, Fn&& ask) {
  Row row{.name = name};
  row.ns.reserve(kTimes);
  for (int i = 0; i < kTimes; ++i) {
    const auto begin = Steady::now();
    row.refusals = ask();
    row.ns.push_back(std::chrono::duration<double, std::nano>(Steady::now() - begin).count());
  }
  return row;
}

int Run(bool json) {
  const Desk desk;
  const Decision opening = desk.Opening();
  const Decision hopeless = desk.Hopeless();
  const Decision closing = desk.Closing();
  const Row rows[] = {Measure("passes", [&] { return desk.Ask(opening, desk.exposure, true); }),
                      Measure("refused_by_all", [&] { return desk.Ask(hopeless, desk.exposure, false); }),
                      Measure("close", [&] { return desk.Ask(closing, desk.exposure, true); }),
                      Measure("passes_with_exposure", [&] {
                        return desk.Ask(opening, MakeExposure(desk.reservations, desk.held, kNow).value(), true);
                      })};
  if (rows[0].refusals != 0 || rows[1].refusals < 10 || rows[2].refusals != 0 || rows[3].refusals != 0) {
    fmt::print(stderr, "bench-risk: the questions are not answered as they should be\n");
    return 1;
  }
  boost::json::object out;
  bool met = true;
  for (const Row& row : rows) {
    const double p99 = Quantile(row.ns, 0.99);
    met = met && p99 <= kBudgetNs;
    if (json) {
      out[row.name] = {
          {"count", row.ns.size()}, {"refusals", row.refusals},           {"median_ns", Quantile(row.ns, 0.5)},
          {"p99_ns", p99},          {"p999_ns", Quantile(row.ns, 0.999)}, {"budget_ratio", p99 / kBudgetNs}};
    } else {
      fmt::print(
          "{:<22}{:>7} times, {:>2} refusals, median {:>6.0f} ns, p99 {:>6.0f} ns, p99.9 {:>6.0f} ns, {:.3f} of "
          "the budget\n",
          row.name, row.ns.size(), row.refusals, Quantile(row.ns, 0.5), p99, Quantile(row.ns, 0.999), p99 / kBudgetNs);
    }
  }
  if (json) {
    fmt::print("{}\n", boost::json::serialize(out));
  }
  return met ? 0 : 1;
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) {
  bool json = false;
  quantum::bench::CommandLine line("What the pre-trade checks cost without I/O");
  line.AddJson(json);
  if (const auto ended = line.Parse(argc, argv)) {
    return *ended;
  }
  return quantum::bench::Run(json);
}
