#include "operator/chaos/orders/orders_run.h"

#include <fmt/format.h>

#include "operator/bus/connect.h"
#include "operator/chaos/choose.h"
#include "operator/chaos/deck.h"
#include "operator/chaos/orders/orders_faults.h"
#include "operator/chaos/wait.h"

namespace quantum::operate::chaos {

namespace {

using namespace std::chrono_literals;

constexpr Duration kBeginMax = 90s;    // until there are orders to strike
constexpr uint64_t kBegun = 10;        // decisions acknowledged before the fault
constexpr Duration kEnoughMax = 120s;  // until the round has enough acknowledged
constexpr Duration kRestMax = 120s;    // until nothing is on its way and both sides tell the same
constexpr Duration kHealMax = 60s;     // until all that was struck runs again
constexpr Duration kPoll = 500ms;
// Some orders are under way at any moment, five or so: now and then a fault strikes while there is none. Then it is
// played again. More rounds that do not count than this share of those asked for are no chance any more.
constexpr int kAgainMost = 5;  // one in so many, and one more

int64_t WallMs() { return ToUnixMs(SystemClock().Now()); }

class OrdersRun {
 public:
  OrdersRun(OrdersStage& stage, const OrdersRunOptions& options) : stage_(stage), options_(options) {}

  OrdersReport Play(std::vector<const OrdersFault*> faults);

 private:
  OrdersRound PlayRound(int number, const OrdersFault& fault);
  Status Strike(const OrdersFault& fault, OrdersRound& round);
  Status Converge(OrdersRound& round);
  // Until so many decisions of the round are acknowledged.
  bool AwaitAcknowledged(uint64_t count, Duration limit, OrdersRound& round);

  OrdersStage& stage_;
  const OrdersRunOptions& options_;
  int64_t began_ms_ = 0;
  int64_t struck_ms_ = 0;
  OrderVerdict verdict_;
  OrderViolations found_;
};

OrdersReport OrdersRun::Play(std::vector<const OrdersFault*> faults) {
  const int rounds = options_.control ? 1 : options_.rounds;
  OrdersReport report{.seed = options_.seed, .asked = rounds};
  SeededRandom random(options_.seed);
  Deck<OrdersFault> deck(std::move(faults), random);
  const int most = rounds + rounds / kAgainMost + 1;
  const OrdersFault* again = nullptr;
  for (int number = 1; number <= most && report.Counted() < rounds && report.trouble.empty(); ++number) {
    const OrdersFault& fault = options_.control ? kKilledAgainAndAgain : again != nullptr ? *again : deck.Draw();
    report.rounds.push_back(PlayRound(number, fault));
    const OrdersRound& round = report.rounds.back();
    again = round.Counts() ? nullptr : &fault;
    fmt::print("{:>3}/{} {}\n", number, rounds, FormatRound(round));
    std::fflush(stdout);
    if (!round.trouble.empty()) {
      report.trouble = fmt::format("round {}: {}", number, round.trouble);
    }
  }
  report.found = found_;
  report.examples = verdict_.examples;
  if (const auto books = stage_.Read(); books.ok()) {
    report.decisions = (*books)->decisions.size();
    for (const OrderBooks::Decision& decision : (*books)->decisions) {
      report.approved += decision.approved ? 1 : 0;
    }
    report.orders = (*books)->placed.size();
  }
  return report;
}

OrdersRound OrdersRun::PlayRound(int number, const OrdersFault& fault) {
  OrdersRound round{.number = number, .fault = fault.name};
  Status status = Strike(fault, round);
  if (status.ok()) {
    status = Converge(round);
  }
  round.unprotected = stage_.watch().TakeLongest();
  round.trouble = status.ok() ? "" : status.error().message;
  return round;
}

bool OrdersRun::AwaitAcknowledged(uint64_t count, Duration limit, OrdersRound& round) {
  const SteadyTime until = SystemClock().Steady() + limit;
  while (SystemClock().Steady() < until) {
    const auto acknowledged = stage_.AcknowledgedSince(began_ms_);
    round.acknowledged = acknowledged.ok() ? *acknowledged : round.acknowledged;
    if (round.acknowledged >= count) {
      return true;
    }
    fiber::SleepFor(kPoll);
  }
  return false;
}

// Load, and the fault in the middle of it.
Status OrdersRun::Strike(const OrdersFault& fault, OrdersRound& round) {
  began_ms_ = WallMs();
  QUANTUM_CHECK(stage_.Trade(true));
  if (!AwaitAcknowledged(kBegun, kBeginMax, round)) {
    return Error{Errc::kTimeout, fmt::format("{} decisions were acknowledged within {} s, before anything struck",
                                             round.acknowledged, kBeginMax / 1s)};
  }
  round.per_second = 1000.0 * static_cast<double>(round.acknowledged) / static_cast<double>(WallMs() - began_ms_);
  struck_ms_ = 0;
  QUANTUM_CHECK(fault.strike(stage_, [&] { struck_ms_ = struck_ms_ == 0 ? WallMs() : struck_ms_; }));
  return AwaitAcknowledged(kDecisionsLeast, kEnoughMax, round)
             ? Status()
             : Error{Errc::kTimeout, fmt::format("{} decisions were acknowledged, {} s after the fault",
                                                 round.acknowledged, kEnoughMax / 1s)};
}

// The load stops, everything comes to rest, and both sides are read.
Status OrdersRun::Converge(OrdersRound& round) {
  if (!Eventually(kRestMax, [&] { return stage_.Trade(false).ok(); })) {
    return Error{Errc::kTimeout, "the load cannot be stopped: ai-engine does not answer"};
  }
  const SteadyTime stopped = SystemClock().Steady();
  std::string last = "nobody answers";
  const bool rested = Eventually(kRestMax, [&] {
    const auto rest = stage_.AtRest();
    const auto books = rest.ok() && *rest ? stage_.Read() : Result<const OrderBooks*>(Error{});
    if (!books.ok()) {
      last = rest.ok() ? (*rest ? books.error().message : "orders or events are on their way") : rest.error().message;
      fiber::SleepFor(kPoll);
      return false;
    }
    verdict_ = JudgeOrders(**books);
    const OrderViolations found = Beyond(verdict_.violations, found_);
    // A decision that was still on its way to risk-safety may have become an order between two readings.
    if (options_.control || found.differences + found.fills + found.balance + found.lost + found.invented == 0) {
      return true;
    }
    last = verdict_.examples.empty() ? "" : verdict_.examples.back();
    fiber::SleepFor(kPoll);
    return false;
  });
  round.converged = SystemClock().Steady() - stopped;
  round.found = Beyond(verdict_.violations, found_);
  found_ = verdict_.violations;
  QUANTUM_TRY(round.acknowledged, stage_.AcknowledgedSince(began_ms_));
  QUANTUM_TRY(round.in_flight, stage_.InFlightAt(struck_ms_));
  if (!rested) {
    return Error{Errc::kTimeout,
                 fmt::format("{} s after the load both sides do not tell the same: {}", kRestMax / 1s, last)};
  }
  // A supervisor waits the longer the more often a process has died.
  return Eventually(kHealMax, [&] { return stage_.Healed(); })
             ? Status()
             : Error{Errc::kTimeout, fmt::format("a process of execution is not back {} s later", kHealMax / 1s)};
}

Result<OrdersReport> PlayOrders(fiber::Loop& loop, const OrdersRunOptions& options, const Apart& apart) {
  QUANTUM_TRY(Chosen<OrdersFault> chosen,
              ChooseFaults<OrdersFault>(OrdersFaults(), options.faults, [&](const OrdersFault& fault) {
                return fault.cuts && !apart.own_machine ? "no network of our own: " + apart.why_not : "";
              }));
  QUANTUM_TRY(const auto stage, OrdersStage::Start(loop, {.folder = options.folder,
                                                          .manifest = options.manifest,
                                                          .program = options.program,
                                                          .apart = apart,
                                                          .decisions_per_second = options.per_second,
                                                          .control = options.control}));
  OrdersReport report = OrdersRun(*stage, options).Play(std::move(chosen.faults));
  report.left_out = std::move(chosen.left_out);
  return report;
}

}  // namespace

Result<OrdersReport> RunOrdersChaos(const OrdersRunOptions& options, const Apart& apart) {
  OrdersReport report;
  QUANTUM_CHECK(InFiber([&](fiber::Loop& loop) -> Status {
    QUANTUM_TRY(report, PlayOrders(loop, options, apart));
    return {};
  }));
  return report;
}

}  // namespace quantum::operate::chaos
