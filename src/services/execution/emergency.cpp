#include "services/execution/emergency.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "platform/base/correlation.h"
#include "platform/log/log.h"

namespace quantum::execution {
namespace {

using namespace std::chrono_literals;
using trading::OrderStatus;

constexpr Duration kActWithin = 5s;

}  // namespace

Emergency::Report Emergency::Halt(const std::string& reason, bool close) {
  const bool close_all = close || (desk_.halt.record() && desk_.halt.record()->close);
  const Status durable = desk_.halt.Set({.reason = reason, .close = close_all, .since = desk_.Now()});
  log::Critical("HALTED: no entries until rearm", {{"reason", reason}, {"close", close_all}});
  Report report = CancelEntries();
  if (!durable.ok()) {
    log::Critical("the halt holds in memory only", {{"error", durable.error().message}});
    report.problems.push_back("the halt is not on disk: " + durable.error().message);
  }
  if (close_all) {
    Report closes = ClosePositions();
    report.closed = closes.closed;
    report.problems.insert(report.problems.end(), closes.problems.begin(), closes.problems.end());
  }
  return report;
}

Status Emergency::Rearm(const std::string& reason) {
  QUANTUM_CHECK(desk_.halt.Clear());
  log::Warning("rearmed: entries may go out again", {{"reason", reason}});
  return {};
}

Emergency::Report Emergency::CancelEntries(const std::string& symbol) {
  std::vector<std::string> ids;
  for (const Order* order : desk_.ledger.LiveOrders()) {
    if (order->leg == Leg::kEntry && (symbol.empty() || order->symbol == symbol)) {
      ids.push_back(order->client_order_id);
    }
  }
  // All at once: one slow answer must not hold up the others.
  struct Pending {
    size_t left = 0;
    fiber::Event done;
  };
  const auto pending = std::make_shared<Pending>();
  pending->left = ids.size();
  for (const std::string& id : ids) {
    desk_.Spawn([this, id, pending] {
      sender_.Cancel(id);
      if (--pending->left == 0) {
        pending->done.Set();
      }
    });
  }
  Report report;
  if (!ids.empty() && !pending->done.WaitFor(kActWithin)) {
    report.problems.push_back(fmt::format("{} cancels have no answer yet", pending->left));
  }
  report.cancelled = static_cast<int>(ids.size() - pending->left);
  return report;
}

Emergency::Report Emergency::ClosePositions() {
  Report report;
  const auto positions = desk_.venue.Positions();
  if (!positions.ok()) {
    report.problems.push_back("the venue's positions are not known: " + positions.error().message);
    return report;
  }
  for (const exchange::VenuePosition& position : *positions) {
    report.closed += CloseOne(position) ? 1 : 0;
  }
  return report;
}

// By the venue's position, not by ours: it must work with nothing but the venue.
bool Emergency::CloseOne(const exchange::VenuePosition& position) {
  const Decimal open = position.quantity.Abs() - desk_.ledger.Closing(position.symbol);
  if (!open.is_positive()) {
    return false;  // a close is under way
  }
  const std::string decision = fmt::format("halt-{}-{}", ToUnixMs(desk_.Now()), position.symbol);
  Order close = MakeClose(decision, 0, position.symbol, position.quantity, open, kByEmergency, CurrentCorrelationId(),
                          desk_.Now());
  if (const auto* rules = desk_.RulesOf(position.symbol);
      rules != nullptr && rules->market_max_quantity.is_positive()) {
    close.quantity = std::min(close.quantity, rules->market_max_quantity);
  }
  const std::string id = close.client_order_id;
  if (desk_.ledger.FindOrder(id) != nullptr) {
    return false;
  }
  desk_.Commit(desk_.ledger.Add(std::move(close)));
  sender_.Submit(id);
  const Order* sent = desk_.ledger.FindOrder(id);
  return sent != nullptr && sent->status != OrderStatus::kRejected;
}

void Emergency::Enforce() {
  if (!desk_.halt.record()) {
    desk_.halt.Load(desk_.Now());
    if (!desk_.halt.record()) {
      return;
    }
    log::Critical("HALTED by the flag on the disk", {{"reason", desk_.halt.record()->reason}});
  }
  if (std::ranges::any_of(desk_.ledger.LiveOrders(), [](const Order* order) { return order->leg == Leg::kEntry; })) {
    static_cast<void>(CancelEntries());
  }
  if (desk_.halt.record()->close && !desk_.ledger.OpenPositions().empty()) {
    static_cast<void>(ClosePositions());
  }
}

}  // namespace quantum::execution
