#include "services/execution/trade.h"

#include <array>

namespace quantum::execution {
namespace {

constexpr std::array<std::pair<TradeStatus, std::string_view>, 6> kStatuses{{{TradeStatus::kPending, "PENDING"},
                                                                             {TradeStatus::kOpen, "OPEN"},
                                                                             {TradeStatus::kPartialTp, "PARTIAL_TP"},
                                                                             {TradeStatus::kClosed, "CLOSED"},
                                                                             {TradeStatus::kCancelled, "CANCELLED"},
                                                                             {TradeStatus::kFailed, "FAILED"}}};

Decimal Average(Decimal notional, Decimal quantity) {
  return quantity.is_zero() ? Decimal() : notional.DividedBy(quantity);
}

}  // namespace

std::string_view ToString(TradeStatus status) {
  for (const auto& [candidate, name] : kStatuses) {
    if (candidate == status) {
      return name;
    }
  }
  AssertionFailed("every trade status has a name", __FILE__, __LINE__);
}

Result<TradeStatus> ParseTradeStatus(std::string_view text) {
  for (const auto& [status, name] : kStatuses) {
    if (name == text) {
      return status;
    }
  }
  return Error{Errc::kInvalidArgument,
               "'" + std::string(text.substr(0, 40)) +
                   "' is not a trade status (PENDING, OPEN, PARTIAL_TP, CLOSED, CANCELLED, FAILED)"};
}

Decimal Trade::entry_price() const { return Average(entry_notional, entry_quantity); }
Decimal Trade::exit_price() const { return Average(exit_notional, exit_quantity); }
Decimal Trade::margin() const { return entry_notional.DividedBy(Decimal::FromInt(leverage)); }

std::optional<Decimal> Trade::r_multiple() const {
  if (!stop_loss || entry_quantity.is_zero()) {
    return std::nullopt;
  }
  const Decimal risked = (entry_price() - *stop_loss).Abs().Times(entry_quantity);
  if (risked.is_zero()) {
    return std::nullopt;
  }
  return net_pnl().DividedBy(risked);
}

std::optional<Decimal> Trade::pnl_percent() const {
  if (margin().is_zero()) {
    return std::nullopt;
  }
  return net_pnl().Times(Decimal::FromInt(100)).DividedBy(margin());
}

void Enter(Trade& trade, Decimal quantity, Decimal price, Decimal fee, WallTime time) {
  Apply(trade.position, trade.side, quantity, price, fee);
  if (trade.entry_quantity.is_zero()) {
    trade.entry_time = time;
  }
  trade.entry_quantity += quantity;
  trade.entry_notional += price.Times(quantity);
  trade.entry_fee += fee;
  trade.updated = time;
  if (trade.status != TradeStatus::kPartialTp) {
    trade.status = TradeStatus::kOpen;
  }
}

void Exit(Trade& trade, Decimal quantity, Decimal price, Decimal fee, WallTime time, std::string_view reason) {
  QUANTUM_ASSERT(quantity.is_positive() && quantity <= trade.open_quantity());
  Apply(trade.position, trading::Opposite(trade.side), quantity, price, fee);
  trade.exit_quantity += quantity;
  trade.exit_notional += price.Times(quantity);
  trade.exit_fee += fee;
  trade.exit_time = time;
  trade.updated = time;
  trade.close_reason = std::string(reason);
  if (reason == kByTakeProfit && !trade.position.is_flat()) {
    trade.status = TradeStatus::kPartialTp;
  }
}

bool Settle(Trade& trade, trading::OrderStatus entry_status, WallTime time) {
  if (IsDone(trade.status) || !trade.position.is_flat() || !trading::IsFinal(entry_status)) {
    return false;
  }
  if (trade.entry_quantity.is_positive()) {
    trade.status = TradeStatus::kClosed;
  } else if (entry_status == trading::OrderStatus::kRejected) {
    trade.status = TradeStatus::kFailed;
  } else {
    trade.status = TradeStatus::kCancelled;
  }
  trade.updated = time;
  return true;
}

trading::event::TradeUpdate ToEvent(const Trade& trade) {
  trading::event::TradeUpdate update;
  update.trade_id = trade.trade_id;
  update.symbol = trade.symbol;
  update.side = trade.side;
  update.status = std::string(ToString(trade.status));
  update.quantity = trade.entry_quantity.is_zero() ? trade.planned_quantity : trade.entry_quantity;
  update.leverage = trade.leverage;
  update.entry_price = trade.entry_price();
  update.entry_time = ToUnixMs(trade.entry_time);
  update.exit_price = trade.exit_price();
  update.exit_time = ToUnixMs(trade.exit_time);
  update.realized_pnl = trade.net_pnl();
  update.fees = trade.fees();
  update.funding = trade.funding;
  update.close_reason = trade.close_reason;
  update.model = trade.model;
  update.strategy = trade.strategy;
  update.reservation_id = trade.reservation_id;
  return update;
}

}  // namespace quantum::execution
