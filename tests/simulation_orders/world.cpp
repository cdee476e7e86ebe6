#include "tests/simulation_orders/world.h"

#include <fmt/format.h>

#include "tests/simulation_orders/fibers.h"

namespace quantum::orders_simulation {

using namespace std::chrono_literals;
using trading::operator""_dec;
using execution::Approval;
using execution::Decision;
using trading::Side;
namespace event = trading::event;

namespace {

constexpr Duration kGiveUpAfter = 3s;
constexpr int kRestRounds = 400;          // of half a second
constexpr int kRoundsOfAComparison = 22;  // execution compares itself every ten seconds

Decimal Steps(uint64_t count) { return "0.001"_dec.Times(Decimal::FromInt(static_cast<int64_t>(count))); }

}  // namespace

World::World(uint64_t seed, Rules rules) : rules_(rules), symbols_{"BTCUSDT"} {
  UseClock(clock_);
  if (seed % 4 == 0) {
    symbols_.emplace_back("ETHUSDT");
  }
  network_.venue_clock_offset = std::chrono::milliseconds(static_cast<int64_t>(seed % 3) * 400 - 400);
  store_.forgets_fills = !rules_.remembers_fills;
  venue_.tell = [this](const exchange::UserEvent& told) { Report(told); };
  venue_.accepted = [this](const exchange::NewOrder& order) { audit_.Accepted(order); };
  venue_.forgotten = [this](const std::string& id) { audit_.Forgotten(id); };
  process_ = std::make_unique<Process>(network_, store_, audit_, visits_, rules_, life_, symbols_);
  process_->Run();
}

World::~World() = default;

void World::Report(const exchange::UserEvent& told) {
  network_.Send({.life = life_,
                 .since = clock_.Steady(),
                 .arrive =
                     [this, told] {
                       exchange::UserEvent copy = told;
                       auto* report = std::get_if<trading::OrderReport>(&copy);
                       if (!rules_.dedupe && report != nullptr && report->fill) {
                         report->fill->trade_id += 1'000'000 * ++invented_;
                       }
                       process_->OnUserEvent(copy);
                     },
                 .is_report = true});
}

void World::Record(const Approval& approval) {
  const Decision& decision = approval.decision;
  if (postgres_away_ || !process_->Takes(decision)) {
    return;
  }
  const auto* rules = process_->desk().RulesOf(decision.symbol);
  auto made = execution::MakePlan(approval, rules, decision.decision_id, clock_.Now());
  if (auto* plan = std::get_if<execution::Plan>(&made)) {
    if (rules_.writes_first) {
      store_.Insert(*plan);
    }
    recorded_.push_back({std::move(*plan), decision});
  }
}

void World::Decide(Choices& choices) {
  Approval approval;
  Decision& decision = approval.decision;
  decision.decision_id = fmt::format("d{}", ++decisions_);
  decision.symbol = AnySymbol(choices);
  decision.side = choices.OneIn(3) ? Side::kSell : Side::kBuy;
  const bool buying = decision.side == Side::kBuy;
  decision.quantity = Steps(2 + choices.Below(12));
  decision.reference_price = "60000"_dec;
  decision.stop_loss = buying ? "59000"_dec : "61000"_dec;
  if (choices.OneIn(3)) {
    decision.price = buying ? "59990"_dec : "60010"_dec;
  }
  const Decimal near = buying ? "61000"_dec : "59000"_dec;
  const Decimal far = buying ? "62000"_dec : "58000"_dec;
  if (choices.OneIn(4)) {
    decision.take_profits = {{near, "0.5"_dec}, {far, "0.5"_dec}};
  } else if (choices.OneIn(2)) {
    decision.take_profit = far;
  }
  if (choices.OneIn(8)) {
    decision.trail = "1"_dec;
  }
  decision.expires_at = ToUnixMs(clock_.Now() + 30s);
  decision.mode = "PAPER";
  Record(approval);
}

void World::DecideClose(Choices& choices) {
  const std::string& symbol = AnySymbol(choices);
  const Decimal position = process_->desk().ledger.PositionOf(symbol).quantity;
  Approval approval;
  Decision& decision = approval.decision;
  decision.decision_id = fmt::format("d{}", ++decisions_);
  decision.intent = event::Intent::kClose;
  decision.symbol = symbol;
  decision.side = position.is_positive() ? Side::kSell : Side::kBuy;
  decision.quantity = choices.OneIn(2) ? position.Abs() : Steps(1 + choices.Below(8));
  decision.reference_price = "60000"_dec;
  decision.expires_at = ToUnixMs(clock_.Now() + 30s);
  decision.mode = "PAPER";
  if (decision.quantity.is_positive()) {
    Record(approval);
  }
}

void World::CarryOut(Choices& choices) {
  if (recorded_.empty()) {
    return;
  }
  const auto next = recorded_.begin() + static_cast<std::ptrdiff_t>(choices.Below(recorded_.size()));
  const Approved approved = *next;
  recorded_.erase(next);
  process_->CarryOut(approved.plan, approved.decision);
  if (!rules_.writes_first) {
    process_->Run();
    store_.Insert(approved.plan);
  }
}

void World::Crash(Choices& choices) {
  visits_.Count(Visit::kCrashed);
  if (process_->journal().pending() > 0) {
    if (choices.OneIn(3)) {
      process_->journal().Write(1 + choices.Below(process_->journal().pending()));  // and nobody heard of it
    }
    visits_.Count(Visit::kCrashedWithUnwritten);
  }
  if (!recorded_.empty()) {
    visits_.Count(Visit::kCrashedUnsent);
  }
  if (process_->sending() > 0) {
    visits_.Count(Visit::kCrashedInFlight);
  }
  process_.reset();
  recorded_.clear();  // the inbox knows them: they do not come again
  network_.EndLife(life_++);
  process_ = std::make_unique<Process>(network_, store_, audit_, visits_, rules_, life_, symbols_);
}

void World::Refuse(Choices& choices) {
  constexpr int kCodes[] = {-2019, -2021, -1003, -4164};
  venue_.refusals = {static_cast<int>(1 + choices.Below(3)), kCodes[choices.Below(4)], {}};
  if (choices.OneIn(4)) {
    venue_.refusals = {0, 0, network_.VenueNow() + 40s};
  }
}

void World::Pass(Duration duration) {
  const SteadyTime until = clock_.Steady() + duration;
  for (auto next = NextWake(); next && *next <= until; next = NextWake()) {
    clock_.Advance(std::max(Duration::zero(), *next - clock_.Steady()));
    network_.GiveUpOlderThan(kGiveUpAfter);
    process_->Run();
  }
  clock_.Advance(until - clock_.Steady());
  network_.GiveUpOlderThan(kGiveUpAfter);
}

void World::Take(const Step& step) {
  Choices choices(step.choice);
  switch (step.kind) {
    case Kind::kDecide:
      Decide(choices);
      break;
    case Kind::kDecideClose:
      DecideClose(choices);
      break;
    case Kind::kCarryOut:
      CarryOut(choices);
      break;
    case Kind::kWithdraw:
      process_->CancelEntry(choices);
      break;
    case Kind::kDeliver:
      network_.Deliver(choices);
      break;
    case Kind::kLose:
      network_.LoseReport(choices);
      break;
    case Kind::kRepeat:
      network_.RepeatReport(choices);
      break;
    case Kind::kDisconnect:
      visits_.Count(Visit::kDisconnected);
      network_.DropReports();
      Report(exchange::StreamConnected{});
      break;
    case Kind::kGiveUp:
      network_.GiveUp(choices);
      break;
    case Kind::kFill:
      venue_.FillSome(choices, network_.VenueNow());
      break;
    case Kind::kTrigger:
      venue_.TriggerOne(choices, network_.VenueNow());
      break;
    case Kind::kVenueCancels:
      venue_.CancelOne(choices, network_.VenueNow());
      break;
    case Kind::kRefuse:
      Refuse(choices);
      break;
    case Kind::kLink:
      network_.link_down = !network_.link_down && choices.OneIn(2);
      break;
    case Kind::kForgetOffset:
      network_.offset_known = !network_.offset_known;
      break;
    case Kind::kCommit:
      if (!postgres_away_) {
        process_->journal().Write(1 + choices.Below(4));
      }
      break;
    case Kind::kPostgres:
      postgres_away_ = !postgres_away_;
      visits_.Count(Visit::kPostgresAway);
      break;
    case Kind::kTime:
      Pass(std::chrono::milliseconds(1 + choices.Below(200)));
      break;
    case Kind::kLongTime:
      Pass(choices.OneIn(8) ? Duration(20s) : Duration(std::chrono::milliseconds(200 + choices.Below(4000))));
      break;
    case Kind::kCrash:
      Crash(choices);
      break;
    case Kind::kFunding:
      venue_.SettleFunding(network_.VenueNow());
      break;
    case Kind::kCount:
      break;
  }
  process_->Run();
}

std::string World::Finish() {
  network_.link_down = false;
  network_.offset_known = true;
  postgres_away_ = false;
  venue_.refusals = {};
  std::string differs = "nothing was compared";
  int compared = 0;  // times in a row that nothing differed
  for (int round = 1; round <= kRestRounds && compared < 2 && trouble().empty(); ++round) {
    Choices choices(static_cast<uint32_t>(round));
    while (!network_.empty()) {
      network_.Deliver(choices);
      process_->Run();
    }
    CarryOut(choices);
    venue_.FillAll(network_.VenueNow());
    process_->Run();
    process_->journal().Write(process_->journal().pending());
    Pass(500ms);
    process_->Run();
    if (round % kRoundsOfAComparison == 0 && network_.empty()) {
      process_->journal().Write(process_->journal().pending());
      differs = audit_.AtRest(process_->desk());
      compared = differs.empty() ? compared + 1 : 0;
    }
  }
  for (const auto& [id, trade] : store_.trades()) {
    const bool closed = trade.status == execution::TradeStatus::kClosed;
    if (closed || IsDone(trade.status)) {
      visits_.Count(closed ? Visit::kTradeClosed : Visit::kTradeWithdrawn);
    }
  }
  return trouble().empty() && compared < 2 ? "at rest: " + differs : trouble();
}

}  // namespace quantum::orders_simulation
