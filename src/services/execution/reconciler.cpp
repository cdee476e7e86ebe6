#include "services/execution/reconciler.h"

#include <algorithm>

#include "platform/base/correlation.h"
#include "platform/log/log.h"

namespace quantum::execution {
namespace {

using namespace std::chrono_literals;
using trading::OrderStatus;

constexpr int kFillPagesMax = 1000;
constexpr Duration kLookAgainAfter = 500ms;
constexpr Duration kSettle = 3s;
constexpr Duration kListAllEvery = 5min;  // an order in a symbol that we do not trade is somebody else's
constexpr size_t kSymbolsListed = 20;     // of more, listing all costs less
constexpr size_t kTurns = 10;             // symbols asked for their fills without a reason, in a pass
constexpr Duration kForgetAfter = 10min;
constexpr Duration kFundingAgain = 30s;   // after a failure
constexpr Duration kFundingEvery = 5min;  // less than kForgetAfter: the trade that held the position is still known

}  // namespace

Status Reconciler::Pass() {
  asked_.clear();
  VenueView view;
  view.asked = desk_.Now();
  QUANTUM_TRY(view.open_orders, ListOpenOrders());
  QUANTUM_TRY(view.positions, desk_.venue.Positions());
  const Differences differences = Compare(desk_.ledger, view);
  for (const exchange::VenueOrder& order : differences.terms) {
    repairs_ += desk_.TakeTerms(order) ? 1 : 0;
  }
  for (const trading::OrderReport& report : differences.reports) {
    desk_.Report(report);
  }
  AskForTheUnlisted(differences.ask);
  std::set<std::string> symbols = OurSymbols();
  for (const exchange::VenuePosition& position : view.positions) {
    symbols.insert(position.symbol);
  }
  for (const std::string& symbol : SymbolsToAsk(differences, symbols)) {
    QUANTUM_CHECK(FetchFills(symbol));
  }
  FetchFunding();
  RemoveOrphans(differences);
  QUANTUM_CHECK(ComparePositions());
  desk_.ledger.Purge(desk_.Now() - kForgetAfter);
  return {};
}

std::set<std::string> Reconciler::SymbolsToAsk(const Differences& differences, const std::set<std::string>& symbols) {
  std::set<std::string> chosen;
  for (const PositionDifference& difference : differences.positions) {
    chosen.insert(difference.symbol);
  }
  for (const OrderStatus status : {OrderStatus::kUnknown, OrderStatus::kIntent}) {
    for (const Order* order : desk_.ledger.OrdersWith(status)) {
      if (status == OrderStatus::kUnknown || !trading::IsProtective(order->leg)) {
        chosen.insert(order->symbol);
      }
    }
  }
  for (const std::string& symbol : symbols) {
    const bool never_asked = !begun_.contains(symbol) && desk_.ledger.Cursor(symbol) == 0;
    if (never_asked || desk_.ledger.LacksFills(symbol) || fill_waits_.contains(symbol) || suspected_.contains(symbol)) {
      chosen.insert(symbol);
    }
  }
  auto next = symbols.upper_bound(last_turn_);
  for (size_t turn = 0; turn < std::min(kTurns, symbols.size()); ++turn, ++next) {
    next = next == symbols.end() ? symbols.begin() : next;
    last_turn_ = *next;
    chosen.insert(last_turn_);
  }
  return chosen;
}

std::set<std::string> Reconciler::OurSymbols() const {
  std::set<std::string> symbols(desk_.settings.symbols.begin(), desk_.settings.symbols.end());
  for (const std::string& symbol : desk_.ledger.Symbols()) {
    symbols.insert(symbol);
  }
  for (const Order* order : desk_.ledger.LiveOrders()) {
    symbols.insert(order->symbol);
  }
  return symbols;
}

Result<std::vector<exchange::VenueOrder>> Reconciler::ListOpenOrders() {
  const std::set<std::string> symbols = OurSymbols();
  const SteadyTime now = desk_.clock.Steady();
  if (now < list_all_at_ && symbols.size() <= kSymbolsListed) {
    return desk_.venue.OpenOrdersOf({symbols.begin(), symbols.end()});
  }
  QUANTUM_TRY(auto all, desk_.venue.OpenOrders());
  list_all_at_ = now + kListAllEvery;
  return all;
}

// Live for us, and not listed: what the venue then says it does not have twice, at the second time long after it was
// last heard of, is gone. A list may lack what was just acknowledged.
void Reconciler::AskForTheUnlisted(const std::vector<std::string>& ids) {
  std::map<std::string, AbsenceProof> still;
  for (const std::string& id : ids) {
    const Order* order = desk_.ledger.FindOrder(id);
    if (order == nullptr) {
      continue;
    }
    const auto before = absent_.find(id);
    AbsenceProof proof = before != absent_.end()
                             ? before->second
                             : AbsenceProof(desk_.VenueTime(order->updated), desk_.settings.receive_window);
    const auto asked = desk_.VenueNow();
    const Sender::Answer answer = sender_.Ask(id);
    if (answer == Sender::Answer::kNotFound && proof.OnNotFound(asked)) {
      log::Error("an order that we believed live is gone at the venue", {{"client_order_id", id}});
      ++repairs_;
      desk_.Commit(desk_.ledger.MarkGone(id, "GONE: the venue does not have it", desk_.Now()));
    } else if (answer != Sender::Answer::kKnown) {
      still.emplace(id, proof);
    }
  }
  absent_ = std::move(still);  // who is listed again begins anew
}

Status Reconciler::First() {
  QUANTUM_CHECK(Pass());
  const SteadyTime give_up = desk_.clock.Steady() + kSettle;
  while (!suspected_.empty() && desk_.clock.Steady() < give_up && !desk_.stopping.WaitFor(kLookAgainAfter)) {
    const auto suspected = suspected_;
    asked_.clear();
    for (const auto& [symbol, difference] : suspected) {
      QUANTUM_CHECK(FetchFills(symbol));
    }
    QUANTUM_CHECK(ComparePositions());
  }
  for (const auto& [symbol, difference] : suspected_) {
    desk_.unreconciled.insert(symbol);
    log::Warning("a position still differs from the venue's: no entries until it does not", {{"symbol", symbol}});
  }
  return {};
}

void Reconciler::Run() {
  bool failing = false;
  Duration soon = kPauseMin;
  while (!desk_.stopping.is_set()) {
    kick_.WaitFor(desk_.settings.reconcile_interval);
    kick_.Reset();
    if (desk_.stopping.is_set()) {
      return;
    }
    const Status status = Pass();
    if (!status.ok() && !failing) {
      log::Warning("orders cannot be compared with the venue", {{"error", status.error().message}});
    }
    failing = !status.ok();
    // Whoever kicks does not know that we have just looked, or that the venue asks for patience.
    if (failing || unsettled_) {
      desk_.stopping.WaitFor(soon);
      soon = std::min<Duration>(soon * 2, desk_.settings.reconcile_interval);
      kick_.Set();
    } else {
      desk_.stopping.WaitFor(kPauseMin);
      soon = kPauseMin;
    }
  }
}

Status Reconciler::SkipThePast(const std::string& symbol) {
  if (desk_.ledger.Cursor(symbol) != 0 || !desk_.ledger.PositionOf(symbol).is_flat() ||
      desk_.ledger.HasOrdersOf(symbol)) {
    return {};
  }
  QUANTUM_TRY(const auto newest, desk_.venue.FillsUnnamed(symbol, 0));
  if (!newest.empty()) {
    log::Warning("the account has traded here before: older fills are not booked",
                 {{"symbol", symbol}, {"up_to_trade_id", newest.back().trade_id}});
    desk_.Commit(desk_.ledger.AdvanceCursor(symbol, newest.back().trade_id));
  }
  return {};
}

Status Reconciler::FetchFills(const std::string& symbol) {
  if (!begun_.contains(symbol)) {
    QUANTUM_CHECK(SkipThePast(symbol));
    begun_.insert(symbol);
  }
  fill_waits_.erase(symbol);
  for (int page = 0; page < kFillPagesMax; ++page) {
    const int64_t from = desk_.ledger.Cursor(symbol) + 1;
    QUANTUM_TRY(const auto fills, desk_.venue.Fills(symbol, from));
    bool progress = false;
    for (const trading::Fill& fill : fills) {
      if (fill.trade_id < from) {
        continue;
      }
      if (!desk_.ledger.Owns(fill) && !SettleUnknown(symbol) && !desk_.ledger.Owns(fill)) {
        log::Warning("a fill waits until the unknown orders of its symbol are resolved",
                     {{"symbol", symbol}, {"trade_id", fill.trade_id}});
        fill_waits_.insert(symbol);
        return {};
      }
      if (!desk_.ledger.Owns(fill)) {
        log::Warning("a fill that no order of ours explains",
                     {{"symbol", symbol}, {"trade_id", fill.trade_id}, {"exchange_order_id", fill.exchange_order_id}});
      }
      desk_.Commit(desk_.ledger.ApplyFill(fill, desk_.Now()));
      desk_.Commit(desk_.ledger.AdvanceCursor(symbol, fill.trade_id));
      progress = true;
    }
    if (!progress) {
      asked_.insert(symbol);
      return {};
    }
  }
  return Error{Errc::kInternal, symbol + ": the venue's fills do not end"};
}

void Reconciler::ExpectFunding() {
  funding_due_ = SteadyTime{};
  Kick();
}

void Reconciler::FetchFunding() {
  const SteadyTime now = desk_.clock.Steady();
  if (now < funding_due_) {
    return;
  }
  funding_due_ = now + kFundingEvery;  // before the request: what is expected while it runs must stay due
  const auto payments = desk_.venue.Funding(desk_.ledger.funding_from());
  if (!payments.ok()) {  // nothing that trading has to wait for
    funding_due_ = std::min(funding_due_, now + kFundingAgain);
    log::Warning("funding cannot be asked for yet", {{"error", payments.error().message}});
    return;
  }
  for (const exchange::FundingPayment& payment : *payments) {
    ChangeSet booked = desk_.ledger.ApplyFunding(payment, desk_.Now());
    if (!booked.empty()) {
      log::Info("funding", {{"symbol", payment.symbol}, {"paid", payment.paid.ToString()}});
    }
    desk_.Commit(std::move(booked));
  }
}

bool Reconciler::SettleUnknown(const std::string& symbol) {
  bool settled = true;
  std::vector<std::string> ids;
  for (const OrderStatus status : {OrderStatus::kUnknown, OrderStatus::kIntent}) {
    for (const Order* order : desk_.ledger.OrdersWith(status)) {
      if (order->symbol == symbol) {
        ids.push_back(order->client_order_id);
      }
    }
  }
  for (const Order* order : desk_.ledger.LiveOrders()) {
    if (order->symbol == symbol && trading::IsConditional(order->type)) {
      ids.push_back(order->client_order_id);  // it may have triggered while nobody listened
    }
  }
  for (const std::string& id : ids) {
    const Sender::Answer answer = sender_.Ask(id);
    const Order* order = desk_.ledger.FindOrder(id);
    const bool open = order != nullptr && order->status == OrderStatus::kUnknown;
    settled = settled && (answer == Sender::Answer::kKnown || (answer == Sender::Answer::kNotFound && !open));
  }
  return settled;
}

Status Reconciler::ComparePositions() {
  VenueView view;
  const uint64_t booked = desk_.ledger.bookings();
  QUANTUM_TRY(view.positions, desk_.venue.Positions());
  std::map<std::string, Suspicion> differing;
  unsettled_ = false;
  for (const PositionDifference& difference : Compare(desk_.ledger, view).positions) {
    const std::string& symbol = difference.symbol;
    const Suspicion seen{difference.ours, difference.venues, desk_.ledger.LastBooking(symbol)};
    const bool overtaken = seen.last_booking > booked;
    const auto before = suspected_.find(symbol);
    const bool stays = before != suspected_.end() && before->second == seen;
    // Without all fills up to now a difference says nothing: they would count on top of its repair later.
    if (overtaken || !stays || !asked_.contains(symbol) || desk_.ledger.LacksFills(symbol)) {
      differing[symbol] = overtaken ? Suspicion{} : seen;
      unsettled_ = true;  // look again soon
      continue;
    }
    Repair(difference);
  }
  suspected_ = std::move(differing);
  std::erase_if(desk_.unreconciled, [&](const std::string& symbol) { return !suspected_.contains(symbol); });
  return {};
}

void Reconciler::Repair(const PositionDifference& difference) {
  ++repairs_;
  log::Error("a position differs from the venue's, which is the truth: repaired",
             {{"symbol", difference.symbol},
              {"ours", difference.ours.ToString()},
              {"venues", difference.venues.ToString()},
              {"venue_entry_price", difference.venue_entry_price.ToString()}});
  desk_.Commit(desk_.ledger.Correct(difference.symbol, difference.venues, difference.venue_entry_price, desk_.Now()));
}

void Reconciler::RemoveOrphans(const Differences& differences) {
  for (const exchange::VenueOrder& orphan : differences.orphans) {
    const trading::OrderReport& report = orphan.report;
    const Order* known = desk_.ledger.FindOrder(report.client_order_id);
    if (known != nullptr && !trading::IsFinal(known->status)) {
      continue;  // it was recorded while we looked
    }
    // A stop that was placed while it could not be recorded may be all that guards the position: a recorded one first.
    if (orphan.reduce_only && !desk_.ledger.PositionOf(report.symbol).is_flat() &&
        !desk_.ledger.IsProtected(report.symbol)) {
      continue;
    }
    ++repairs_;
    log::Error("an order at the venue that guards nothing, or that we have no live record of, is cancelled",
               {{"symbol", report.symbol}, {"client_order_id", report.client_order_id}});
    const Status cancelled =
        desk_.venue.Cancel(report.symbol, report.client_order_id, trading::IsConditional(orphan.type));
    if (!cancelled.ok() && cancelled.error().code != Errc::kNotFound) {
      log::Warning("it could not be cancelled yet", {{"error", cancelled.error().message}});
    }
  }
  for (const exchange::VenueOrder& order : differences.foreign) {
    if (foreign_seen_.insert(order.report.client_order_id).second) {
      log::Warning("an order at the venue that is not ours; it is left alone",
                   {{"symbol", order.report.symbol}, {"client_order_id", order.report.client_order_id}});
    }
  }
}

}  // namespace quantum::execution
