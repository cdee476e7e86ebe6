#pragma once

#include "platform/postgres/pool.h"
#include "services/execution/trade.h"
#include "trading/order.h"

// Rows read back. A row that does not parse is kInternal: the schema guarantees the rest.
namespace quantum::execution {

// Columns every reader of orders selects, times as *_ms.
inline constexpr std::string_view kOrderColumns =
    "client_order_id, exchange_order_id, decision_id, correlation_id, symbol, leg, side, type, time_in_force, "
    "quantity, "
    "price, trigger_price, callback_percent, reduce_only, status, filled_quantity, average_price, fee, version, "
    "reason, mode, "
    "(extract(epoch from created_at) * 1000)::bigint AS created_ms, "
    "(extract(epoch from updated_at) * 1000)::bigint AS updated_ms";
Result<trading::Order> ReadOrder(const postgres::Rows& rows, size_t row);

inline constexpr std::string_view kTradeColumns =
    "trade_id, symbol, side, status, quantity, leverage, margin_usd, entry_price, "
    "(extract(epoch from entry_time) * 1000)::bigint AS entry_ms, sl_price, tp_price, trail_percent, exit_price, "
    "(extract(epoch from exit_time) * 1000)::bigint AS exit_ms, close_reason, pnl_usd, pnl_pct, r_multiple, "
    "entry_fee_usd, exit_fee_usd, funding_fees_usd, model, confidence, strategy, regime, exchange_order_id, "
    "sl_order_id, "
    "tp_order_id, metadata, (extract(epoch from created_at) * 1000)::bigint AS created_ms, "
    "(extract(epoch from updated_at) * 1000)::bigint AS updated_ms";
Result<Trade> ReadTrade(const postgres::Rows& rows, size_t row);

Result<trading::Decimal> ReadDecimal(const postgres::Rows& rows, size_t row, std::string_view column);

}  // namespace quantum::execution
