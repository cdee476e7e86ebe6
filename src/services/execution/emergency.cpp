#include "services/execution/emergency.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "platform/base/correlation.h"
#include "platform/log/log.h"
#include "services/execution/reconcile.h"

namespace quantum::execution {
namespace {

using namespace std::chrono_literals;
using trading::OrderStatus;

constexpr Duration kCancelAgainAfter = 250ms;
constexpr int kClosesMax = 1000;  // of one symbol in one halt

void Append(std::vector<std::string>& problems, const std::vector<std::string>& more) {
  problems.insert(problems.end(), more.begin(), more.end());
}

std::string NameOf(const Order& order) { return "order " + order.client_order_id + " (" + order.symbol + ")"; }

}  // namespace

// Outlives the call that waits for it: a slow answer may come when nobody waits any more.
struct Emergency::Cancels {
  SteadyTime until{};
  size_t left = 0;
  fiber::Event done;
  int cancelled = 0;
  std::vector<std::string> problems;
};

Emergency::Report Emergency::Halt(const std::string& reason, bool close, std::string_view by,
                                  std::optional<WallTime> since) {
  const WallTime now = desk_.Now();
  const Status durable = desk_.halt.Set(
      {.reason = reason, .close = close, .since = std::min(since.value_or(now), now), .by = std::string(by)}, now);
  const bool close_all = desk_.halt.record()->close;
  log::Critical("HALTED: no entries until rearm",
                {{"reason", reason}, {"by", by}, {"owner", desk_.halt.record()->by}, {"close", close_all}});
  Report report = CancelEntries();
  if (!durable.ok()) {
    log::Critical("the halt holds in memory only", {{"error", durable.error().message}});
    report.problems.push_back("the halt is not on disk: " + durable.error().message);
  }
  if (close_all) {
    const Report closes = ClosePositions();
    report.closed = closes.closed;
    Append(report.problems, closes.problems);
  }
  return report;
}

Status Emergency::Rearm(const std::string& reason, std::string_view by, std::optional<WallTime> until) {
  QUANTUM_CHECK(desk_.halt.Clear(by, desk_.Now(), until));
  log::Warning("rearmed: entries may go out again", {{"reason", reason}, {"by", by}});
  return {};
}

Emergency::Report Emergency::CancelEntries(const std::string& symbol) {
  if (!desk_.restored) {
    return CancelWhatTheVenueLists(symbol);
  }
  Report report;
  std::vector<std::string> ids;
  const auto wanted = [&](const Order* order) {
    return order->leg == Leg::kEntry && (symbol.empty() || order->symbol == symbol);
  };
  for (const Order* order : desk_.ledger.LiveOrders()) {
    if (wanted(order)) {
      ids.push_back(order->client_order_id);
    }
  }
  // One whose outcome is unknown may stand: the venue cancels it, or does not know it yet, which is told.
  for (const Order* order : desk_.ledger.OrdersWith(OrderStatus::kUnknown)) {
    if (wanted(order)) {
      ids.push_back(order->client_order_id);
    }
  }
  std::vector<std::function<void(Cancels&)>> cancels;
  for (const std::string& id : ids) {
    cancels.push_back([this, id](Cancels& shared) { CancelOne(id, shared); });
  }
  RunCancels(std::move(cancels), report);
  return report;
}

// After a start without Postgres: by the venue's word alone. An order of ours that reduces is protection or a close.
Emergency::Report Emergency::CancelWhatTheVenueLists(const std::string& symbol) {
  Report report;
  report.problems.push_back(
      "the orders' records are not read yet (is Postgres away?): what was being sent is not known");
  const auto open = desk_.venue.OpenOrders();
  if (!open.ok()) {
    report.problems.push_back("the venue's open orders are not known: " + open.error().message);
    return report;
  }
  std::vector<std::function<void(Cancels&)>> cancels;
  for (const exchange::VenueOrder& order : *open) {
    if (!order.reduce_only && order.report.client_order_id.starts_with(kOwnPrefix) &&
        (symbol.empty() || order.report.symbol == symbol)) {
      cancels.push_back([this, order](Cancels& shared) { CancelAtVenue(order, shared); });
    }
  }
  RunCancels(std::move(cancels), report);
  return report;
}

void Emergency::CancelAtVenue(const exchange::VenueOrder& order, Cancels& cancels) {
  const std::string& id = order.report.client_order_id;
  const Status cancelled = desk_.venue.Cancel(order.report.symbol, id, trading::IsConditional(order.type));
  if (cancelled.ok()) {
    log::Warning("cancelled at the venue, before the records are read",
                 {{"client_order_id", id}, {"symbol", order.report.symbol}});
    ++cancels.cancelled;
  } else if (cancelled.error().code != Errc::kNotFound) {
    cancels.problems.push_back("order " + id + " (" + order.report.symbol +
                               ") is not cancelled: " + cancelled.error().message);
  }
}

// All at once: one slow answer must not hold up the others.
void Emergency::RunCancels(std::vector<std::function<void(Cancels&)>> all, Report& report) {
  if (all.empty()) {
    return;
  }
  const auto cancels = std::make_shared<Cancels>();
  cancels->until = desk_.clock.Steady() + kActWithin;
  cancels->left = all.size();
  for (std::function<void(Cancels&)>& one : all) {
    desk_.Spawn([cancels, run = std::move(one)] {
      run(*cancels);
      if (--cancels->left == 0) {
        cancels->done.Set();
      }
    });
  }
  const bool answered = cancels->done.WaitFor(kActWithin);
  report.cancelled = cancels->cancelled;
  Append(report.problems, cancels->problems);
  if (!answered) {
    report.problems.push_back(fmt::format("{} cancels have no answer yet", cancels->left));
  }
}

void Emergency::CancelOne(const std::string& client_order_id, Cancels& cancels) {
  // An order on its way, or one whose cancel was asked for a moment ago, is waited for.
  Status status = sender_.Cancel(client_order_id);
  while (!status.ok() && status.error().code == Errc::kConflict && desk_.clock.Steady() < cancels.until &&
         !desk_.stopping.WaitFor(kCancelAgainAfter)) {
    status = sender_.Cancel(client_order_id);
  }
  const Order* order = desk_.ledger.FindOrder(client_order_id);
  if (!status.ok()) {
    cancels.problems.push_back((order == nullptr ? "order " + client_order_id : NameOf(*order)) +
                               " is not cancelled: " + status.error().message);
  } else if (order != nullptr && (!trading::IsFinal(order->status) || order->status == OrderStatus::kCanceled)) {
    ++cancels.cancelled;  // the venue said so; its report may still be on the way
  }
}

Emergency::Report Emergency::ClosePositions() {
  Report report;
  if (!desk_.restored) {
    report.problems.push_back("positions are not closed until the orders' records are read; their stops stand");
    return report;
  }
  const auto positions = desk_.venue.Positions();
  if (!positions.ok()) {
    report.problems.push_back("the venue's positions are not known: " + positions.error().message);
    return report;
  }
  for (const exchange::VenuePosition& position : *positions) {
    const Result<bool> closed = CloseOne(position);
    if (!closed.ok()) {
      report.problems.push_back("position " + position.symbol + " is not closed: " + closed.error().message);
    } else if (*closed) {
      ++report.closed;
    }
  }
  return report;
}

// By the venue's position, not by ours: it must work with nothing but the venue.
Result<bool> Emergency::CloseOne(const exchange::VenuePosition& position) {
  const Decimal open = position.quantity.Abs() - desk_.ledger.Closing(position.symbol);
  if (!open.is_positive() || !desk_.halt.record()) {
    return false;  // a close is under way
  }
  const WallTime halted_since = desk_.halt.record()->since;
  QUANTUM_TRY(Order close, NextClose(position, open));
  // The venue was asked meanwhile: a rearm may have come, and another halt after it.
  if (!desk_.halt.record() || desk_.halt.record()->since != halted_since) {
    return false;
  }
  if (close.client_order_id.empty() || desk_.ledger.FindOrder(close.client_order_id) != nullptr) {
    return false;  // an earlier process sent it, or another fiber just now
  }
  const std::string id = close.client_order_id;
  desk_.Commit(desk_.ledger.Add(std::move(close)));
  sender_.Submit(id);
  const Order* sent = desk_.ledger.FindOrder(id);
  const bool refused =
      sent == nullptr || sent->status == OrderStatus::kRejected ||
      (sent->status == OrderStatus::kCanceled && sent->exchange_order_id.empty());  // it could not leave
  if (refused) {
    return Error{Errc::kUnavailable, sent == nullptr ? "its closing order is gone" : sent->reason};
  }
  if (sent->status == OrderStatus::kUnknown) {
    return Error{Errc::kUnavailable, "the outcome of " + NameOf(*sent) + " is unknown; the venue is being asked"};
  }
  return true;
}

// The name says which halt, which symbol and which attempt, and no more: a process that died after sending finds its
// order at the venue under the same name instead of sending another.
Result<Order> Emergency::NextClose(const exchange::VenuePosition& position, Decimal quantity) {
  const std::string decision = fmt::format("halt-{}-{}", ToUnixMs(desk_.halt.record()->since), position.symbol);
  if (const auto* rules = desk_.RulesOf(position.symbol);
      rules != nullptr && rules->market_max_quantity.is_positive()) {
    quantity = std::min(quantity, rules->market_max_quantity);
  }
  for (int part = 0; part < kClosesMax; ++part) {
    Order close = MakeClose(decision, part, position.symbol, position.quantity, quantity, kByEmergency,
                            CurrentCorrelationId(), desk_.Now());
    if (const Order* known = desk_.ledger.FindOrder(close.client_order_id)) {
      if (!trading::IsFinal(known->status)) {
        return Order{};
      }
      continue;
    }
    const auto found = desk_.venue.Find(position.symbol, close.client_order_id, false);
    if (found.ok()) {
      if (!trading::IsFinal(found->report.status)) {
        return Order{};
      }
      continue;
    }
    if (found.error().code == Errc::kNotFound) {
      return close;
    }
    return found.error();
  }
  return Error{Errc::kExhausted, "too many closing orders in one halt; close it by hand at the venue"};
}

void Emergency::Enforce() {
  if (desk_.halt.Look(desk_.Now())) {
    log::Critical("HALTED by the flag on the disk",
                  {{"reason", desk_.halt.record()->reason}, {"by", desk_.halt.record()->by}});
  }
  if (!desk_.halt.record()) {
    return;
  }
  if (!desk_.restored) {
    if (desk_.clock.Steady() >= ask_open_at_) {
      ask_open_at_ = desk_.clock.Steady() + kAskOpenEvery;
      static_cast<void>(CancelEntries());
    }
    return;
  }
  if (std::ranges::any_of(desk_.ledger.LiveOrders(), [](const Order* order) { return order->leg == Leg::kEntry; })) {
    static_cast<void>(CancelEntries());
  }
  if (desk_.halt.record() && desk_.halt.record()->close && !desk_.ledger.OpenPositions().empty()) {
    static_cast<void>(ClosePositions());
  }
}

}  // namespace quantum::execution
