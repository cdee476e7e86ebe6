#include "services/execution/desk.h"

#include <algorithm>
#include <set>

#include "platform/base/correlation.h"
#include "platform/log/log.h"
#include "platform/metrics/names.h"
#include "services/execution/reconcile.h"
#include "trading/refusal.h"

namespace quantum::execution {

using trading::OrderStatus;

Desk::Desk(fiber::Loop& loop_, const Clock& clock_, exchange::TradingVenue& venue_, ChangeSink& sink_,
           Settings settings_)
    : loop(loop_),
      clock(clock_),
      venue(venue_),
      sink(sink_),
      settings(std::move(settings_)),
      ledger({.default_stop_percent = settings.default_stop_percent}, rules),
      halt(settings.halt_file) {}

void Desk::Spawn(std::function<void()> body) {
  loop.Spawn([keep = owner.lock(), run = std::move(body)] { run(); });
}

void Desk::Commit(ChangeSet changes) {
  if (changes.empty()) {
    return;
  }
  Observe(changes);
  std::set<std::string> symbols;
  for (const Order& order : changes.orders) {
    symbols.insert(order.symbol);
  }
  for (const PositionRow& row : changes.positions) {
    symbols.insert(row.position.symbol);
  }
  sink.Enqueue(std::move(changes));
  if (on_change) {
    for (const std::string& symbol : symbols) {
      on_change(symbol);
    }
  }
}

bool Desk::Report(const trading::OrderReport& report) {
  auto changes = ledger.ApplyReport(report, Now());
  if (changes.ok()) {
    Commit(std::move(*changes));
    return true;
  }
  log::Error("a report of the exchange contradicts what is known and is not applied; the order is being asked about",
             {{"client_order_id", report.client_order_id}, {"error", changes.error().message}});
  if (on_contradiction) {
    on_contradiction(report.client_order_id, changes.error().message);
  }
  if (report.fill && on_fills_missing) {
    on_fills_missing();  // its fill was not booked either
  }
  return false;
}

bool Desk::TakeTerms(const exchange::VenueOrder& theirs) {
  const std::string& id = theirs.report.client_order_id;
  const Order* ours = ledger.FindOrder(id);
  if (ours == nullptr || trading::IsFinal(ours->status) || !HasOtherTerms(*ours, theirs)) {
    return false;
  }
  const Decimal quantity = theirs.quantity.is_positive() ? theirs.quantity : ours->quantity;
  const Decimal trigger = theirs.trigger_price.is_positive() ? theirs.trigger_price : ours->trigger_price;
  log::Warning("an order stands at the venue with other terms than were recorded: the venue's count",
               {{"client_order_id", id},
                {"quantity", quantity.ToString()},
                {"recorded_quantity", ours->quantity.ToString()},
                {"trigger_price", trigger.ToString()},
                {"recorded_trigger_price", ours->trigger_price.ToString()}});
  Commit(ledger.TakeTerms(id, quantity, trigger, Now()));
  return true;
}

void Desk::Observe(const ChangeSet& changes) {
  for (const Order& order : changes.orders) {
    const CorrelationScope scope(order.correlation_id);
    log::Info("order", {{"client_order_id", order.client_order_id},
                        {"exchange_order_id", order.exchange_order_id},
                        {"decision_id", order.decision_id},
                        {"symbol", order.symbol},
                        {"leg", ToString(order.leg)},
                        {"side", ToString(order.side)},
                        {"status", ToString(order.status)},
                        {"quantity", order.quantity.ToString()},
                        {"filled_quantity", order.filled_quantity.ToString()},
                        {"order_version", order.version},
                        {"reason", order.reason}});
    if (const auto refusal = trading::RefusalOf(order.leg, order.status, order.filled_quantity, order.reason)) {
      CountRefusal(*refusal);
    }
  }
  for (const Trade& trade : changes.milestones) {
    const CorrelationScope scope(trade.correlation_id);
    const std::string side = trade.side == Side::kBuy ? "LONG" : "SHORT";
    metrics::GetCounter(metrics::kTradesExecuted,
                        {{"symbol", trade.symbol}, {"side", side}, {"status", std::string(ToString(trade.status))}})
        .Add();
    if (trade.status == TradeStatus::kOpen) {
      const std::chrono::duration<double> taken = Now() - trade.created;
      metrics::GetHistogram(metrics::kTradeExecutionDuration,
                            {{"symbol", trade.symbol}, {"side", side}, {"status", "OPEN"}})
          .Observe(std::max(0.0, taken.count()));
    }
    log::Info("trade", {{"trade_id", trade.trade_id},
                        {"symbol", trade.symbol},
                        {"side", side},
                        {"status", ToString(trade.status)},
                        {"entry_price", trade.entry_price().ToString()},
                        {"exit_price", trade.exit_price().ToString()},
                        {"pnl_usd", trade.net_pnl().ToString()},
                        {"close_reason", trade.close_reason}});
  }
}

void CountRefusal(const Refusal& refusal) {
  metrics::GetCounter(metrics::kRefusals, {{"code", trading::RefusalLabel(refusal.code)}}).Add();
}

void Desk::UpdateGauges() {
  const auto open = ledger.OpenPositions();
  std::set<std::string> open_symbols;
  for (const PositionRow& row : open) {
    open_symbols.insert(row.position.symbol);
  }
  std::set<std::string> symbols(settings.symbols.begin(), settings.symbols.end());
  symbols.insert(open_symbols.begin(), open_symbols.end());
  for (const std::string& symbol : symbols) {
    const Decimal quantity = ledger.PositionOf(symbol).quantity;
    metrics::GetGauge(metrics::kPositionsOpen, {{"symbol", symbol}, {"side", "LONG"}, {"status", "OPEN"}})
        .Set(quantity.is_positive() ? 1 : 0);
    metrics::GetGauge(metrics::kPositionsOpen, {{"symbol", symbol}, {"side", "SHORT"}, {"status", "OPEN"}})
        .Set(quantity.is_negative() ? 1 : 0);
  }
  static metrics::Gauge& unknown = metrics::GetGauge(metrics::kOrdersUnknown);
  static metrics::Gauge& naked = metrics::GetGauge(metrics::kPositionsUnprotected);
  unknown.Set(static_cast<double>(ledger.OrdersWith(OrderStatus::kUnknown).size()));
  naked.Set(static_cast<double>(std::ranges::count_if(open, [](const PositionRow& row) { return !row.is_protected; })));
}

const trading::SymbolRules* Desk::RulesOf(const std::string& symbol) const {
  const auto found = rules.find(symbol);
  return found == rules.end() ? nullptr : &found->second;
}

bool Desk::SymbolHalted(const std::string& symbol) const {
  return std::ranges::any_of(ledger.OrdersWith(OrderStatus::kUnknown), [&](const Order* order) {
    return order->symbol == symbol && Now() - order->updated > settings.unknown_alert_after;
  });
}

Gates Desk::GatesFor(const std::string& symbol) {
  if (halt.Look(Now())) {
    log::Critical("HALTED by the flag on the disk", {{"reason", halt.record()->reason}, {"by", halt.record()->by}});
  }
  Gates gates;
  gates.mode = settings.mode;
  gates.now = Now();
  gates.halted = halt.record() ? halt.record()->reason : unprotected;
  gates.paused = paused;
  gates.draining = draining;
  gates.symbol_halted = SymbolHalted(symbol);
  gates.position = ledger.PositionOf(symbol).quantity;
  return gates;
}

}  // namespace quantum::execution
