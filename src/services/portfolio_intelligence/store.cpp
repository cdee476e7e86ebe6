#include "services/portfolio_intelligence/store.h"

namespace quantum::portfolio_intelligence {
namespace {

using postgres::Rows;

Result<Decimal> Money(const Rows& rows, size_t row, std::string_view column) {
  return Decimal::Parse(rows.Text(row, column));
}

}  // namespace

void SaveHolding(postgres::Transaction& transaction, const trading::event::PositionUpdate& update) {
  transaction.Queue(
      {"INSERT INTO portfolio_positions (symbol, quantity, entry_price, realized_pnl, fees, funding, event_ms) "
       "VALUES ($1, $2::numeric, $3::numeric, $4::numeric, $5::numeric, $6::numeric, $7::bigint) "
       "ON CONFLICT (symbol) DO UPDATE SET quantity = excluded.quantity, entry_price = excluded.entry_price, "
       "realized_pnl = excluded.realized_pnl, fees = excluded.fees, funding = excluded.funding, "
       "event_ms = excluded.event_ms "
       "WHERE portfolio_positions.event_ms <= excluded.event_ms",
       {update.symbol, update.quantity.ToString(), update.entry_price.ToString(), update.realized_pnl.ToString(),
        update.fees.ToString(), update.funding.ToString(), std::to_string(update.time)}});
}

void SaveTrade(postgres::Transaction& transaction, const trading::event::TradeUpdate& trade) {
  transaction.Queue(
      {"INSERT INTO portfolio_trades (trade_id, symbol, side, strategy, close_reason, realized_pnl, fees, "
       "closed_ms) VALUES ($1, $2, $3, $4, $5, $6::numeric, $7::numeric, $8::bigint) ON CONFLICT DO NOTHING",
       {trade.trade_id, trade.symbol, std::string(ToString(trade.side)), trade.strategy, trade.close_reason,
        trade.realized_pnl.ToString(), trade.fees.ToString(), std::to_string(trade.exit_time)}});
}

Result<std::map<std::string, Holding>> LoadHoldings(postgres::Pool& pool) {
  QUANTUM_TRY(const Rows rows, pool.Query("SELECT symbol, quantity::text, entry_price::text, realized_pnl::text, "
                                          "fees::text, funding::text, event_ms FROM portfolio_positions",
                                          {}, {.idempotent = true}));
  std::map<std::string, Holding> holdings;
  for (size_t i = 0; i < rows.size(); ++i) {
    Holding holding{.event_ms = rows.Int(i, "event_ms")};
    QUANTUM_TRY(holding.quantity, Money(rows, i, "quantity"));
    QUANTUM_TRY(holding.entry_price, Money(rows, i, "entry_price"));
    QUANTUM_TRY(holding.realized_pnl, Money(rows, i, "realized_pnl"));
    QUANTUM_TRY(holding.fees, Money(rows, i, "fees"));
    QUANTUM_TRY(holding.funding, Money(rows, i, "funding"));
    holdings[std::string(rows.Text(i, "symbol"))] = holding;
  }
  return holdings;
}

Result<std::optional<Peak>> LoadPeak(postgres::Pool& pool) {
  QUANTUM_TRY(const Rows rows,
              pool.Query("SELECT equity::text, (extract(epoch FROM reached_at) * 1000)::bigint AS reached_ms, "
                         "drawdown_max_percent::text FROM portfolio_peak",
                         {}, {.idempotent = true}));
  if (rows.empty()) {
    return std::optional<Peak>();
  }
  Peak peak{.reached_at = FromUnixMs(rows.Int(0, "reached_ms"))};
  QUANTUM_TRY(peak.equity, Money(rows, 0, "equity"));
  QUANTUM_TRY(peak.drawdown_max_percent, Money(rows, 0, "drawdown_max_percent"));
  return std::optional<Peak>(peak);
}

Status SaveSnapshot(postgres::Pool& pool, const Snapshot& snapshot, const Peak& peak) {
  QUANTUM_TRY(
      const auto rows,
      pool.Batch(
          {{"INSERT INTO portfolio_snapshots (taken_at, equity, wallet, unrealized_pnl, realized_pnl, fees, "
            "exposure_long, exposure_short, drawdown_percent, funding) VALUES ($1::timestamptz, $2::numeric, "
            "$3::numeric, $4::numeric, $5::numeric, $6::numeric, $7::numeric, $8::numeric, $9::numeric, $10::numeric) "
            "ON CONFLICT DO NOTHING",
            {FormatIso8601(snapshot.taken_at), snapshot.equity.ToString(), snapshot.wallet.ToString(),
             snapshot.unrealized_pnl.ToString(), snapshot.realized_pnl.ToString(), snapshot.fees.ToString(),
             snapshot.exposure_long.ToString(), snapshot.exposure_short.ToString(),
             snapshot.drawdown_percent.ToString(6), snapshot.funding.ToString()}},
           {"INSERT INTO portfolio_peak (equity, reached_at, drawdown_max_percent) VALUES ($1::numeric, "
            "$2::timestamptz, $3::numeric) ON CONFLICT (singleton) DO UPDATE SET "
            "equity = greatest(portfolio_peak.equity, excluded.equity), reached_at = CASE WHEN excluded.equity > "
            "portfolio_peak.equity THEN excluded.reached_at ELSE portfolio_peak.reached_at END, drawdown_max_percent = "
            "greatest(portfolio_peak.drawdown_max_percent, excluded.drawdown_max_percent)",
            {peak.equity.ToString(), FormatIso8601(peak.reached_at), peak.drawdown_max_percent.ToString(6)}},
           {"DELETE FROM portfolio_snapshots WHERE taken_at < $1::timestamptz - interval '30 days'",
            {FormatIso8601(snapshot.taken_at)}}},
          {.idempotent = true}));
  return {};
}

Result<std::vector<ClosedTrade>> LoadTrades(postgres::Pool& pool, WallTime since) {
  QUANTUM_TRY(const Rows rows, pool.Query("SELECT trade_id, realized_pnl::text, closed_ms FROM portfolio_trades "
                                          "WHERE closed_ms >= $1::bigint ORDER BY closed_ms LIMIT 100000",
                                          {std::to_string(ToUnixMs(since))}, {.idempotent = true}));
  std::vector<ClosedTrade> trades;
  for (size_t i = 0; i < rows.size(); ++i) {
    ClosedTrade trade{.trade_id = std::string(rows.Text(i, "trade_id")), .closed_ms = rows.Int(i, "closed_ms")};
    QUANTUM_TRY(trade.realized_pnl, Money(rows, i, "realized_pnl"));
    trades.push_back(std::move(trade));
  }
  return trades;
}

}  // namespace quantum::portfolio_intelligence
