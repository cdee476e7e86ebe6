#include "services/portfolio_intelligence/json.h"

#include <boost/json.hpp>
#include <charconv>

namespace quantum::portfolio_intelligence {
namespace {

namespace json = boost::json;

json::value OrNull(const std::optional<Decimal>& value) {
  return value ? json::value(json::string(value->ToString())) : json::value();
}
json::value OrNull(const std::optional<double>& value) { return value ? json::value(*value) : json::value(); }

}  // namespace

std::string SnapshotJson(const Snapshot& s) {
  return json::serialize(json::object{{"time", ToUnixMs(s.taken_at)},
                                      {"equity", s.equity.ToString()},
                                      {"wallet", s.wallet.ToString()},
                                      {"unrealized_pnl", s.unrealized_pnl.ToString()},
                                      {"realized_pnl", s.realized_pnl.ToString()},
                                      {"fees", s.fees.ToString()},
                                      {"funding", s.funding.ToString()},
                                      {"net_pnl", s.net_pnl.ToString()},
                                      {"exposure_long", s.exposure_long.ToString()},
                                      {"exposure_short", s.exposure_short.ToString()},
                                      {"drawdown_percent", s.drawdown_percent.ToString(6)},
                                      {"source", s.source}});
}

std::string PnlJson(const Snapshot& s) {
  json::object symbols;
  for (const auto& [symbol, valued] : s.symbols) {
    symbols[symbol] = {{"realized_pnl", valued.holding.realized_pnl.ToString()},
                       {"unrealized_pnl", valued.open_pnl.ToString()},
                       {"fees", valued.holding.fees.ToString()},
                       {"funding", valued.holding.funding.ToString()}};
  }
  return json::serialize(json::object{{"time", ToUnixMs(s.taken_at)},
                                      {"realized_pnl", s.realized_pnl.ToString()},
                                      {"unrealized_pnl", s.open_pnl.ToString()},
                                      {"fees", s.fees.ToString()},
                                      {"funding", s.funding.ToString()},
                                      {"net_pnl", s.net_pnl.ToString()},
                                      {"source", s.source},
                                      {"symbols", std::move(symbols)}});
}

std::string ExposureJson(const Snapshot& s) {
  json::object symbols;
  for (const auto& [symbol, valued] : s.symbols) {
    const auto& [holding, price, open_pnl] = valued;
    symbols[symbol] = {{"quantity", holding.quantity.ToString()},
                       {"entry_price", holding.entry_price.ToString()},
                       {"price", OrNull(price)},
                       {"value", OrNull(price ? std::optional(holding.quantity.Times(*price)) : std::nullopt)}};
  }
  return json::serialize(json::object{{"time", ToUnixMs(s.taken_at)},
                                      {"long", s.exposure_long.ToString()},
                                      {"short", s.exposure_short.ToString()},
                                      {"gross", (s.exposure_long + s.exposure_short).ToString()},
                                      {"net", (s.exposure_long - s.exposure_short).ToString()},
                                      {"source", s.source},
                                      {"symbols", std::move(symbols)}});
}

std::string DrawdownJson(const Snapshot& s, const Peak& peak) {
  return json::serialize(json::object{{"time", ToUnixMs(s.taken_at)},
                                      {"equity", s.equity.ToString()},
                                      {"peak_equity", peak.equity.ToString()},
                                      {"peak_at", FormatIso8601(peak.reached_at)},
                                      {"drawdown_percent", s.drawdown_percent.ToString(6)},
                                      {"drawdown_max_percent", peak.drawdown_max_percent.ToString(6)},
                                      {"source", s.source}});
}

std::string PerformanceJson(const Performance& p, int days, const std::string& source) {
  return json::serialize(json::object{{"days", days},
                                      {"trades", p.trades},
                                      {"wins", p.wins},
                                      {"net_pnl", p.net_pnl.ToString()},
                                      {"gross_profit", p.gross_profit.ToString()},
                                      {"gross_loss", p.gross_loss.ToString()},
                                      {"profit_factor", OrNull(p.profit_factor)},
                                      {"win_rate", OrNull(p.win_rate)},
                                      {"source", source}});
}

Result<int> ReadDays(std::string_view text) {
  int days = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), days);
  if (error != std::errc() || end != text.data() + text.size() || days < 1 || days > 3650) {
    return Error{Errc::kInvalidArgument, "field 'days' must be a whole number from 1 to 3650"};
  }
  return days;
}

}  // namespace quantum::portfolio_intelligence
