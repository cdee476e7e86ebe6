// The account behind the orders: its balance and positions, and how the venue trades its symbols.
#include <algorithm>

#include "exchange/binance/outcome.h"
#include "exchange/binance/trading_venue.h"
#include "exchange/binance/weights.h"

namespace quantum::binance {
namespace {

constexpr int64_t kIncomePageMax = 1000;  // what the venue gives at a time
constexpr int kMarginTypeStands = -4046;

std::string_view ToString(exchange::MarginType type) {
  return type == exchange::MarginType::kIsolated ? "ISOLATED" : "CROSSED";
}

}  // namespace

Result<std::vector<exchange::FundingPayment>> TradingVenue::Funding(WallTime from) {
  std::vector<exchange::FundingPayment> all;
  for (int64_t start_ms = ToUnixMs(from);;) {
    Parameters parameters;
    parameters.Add("incomeType", "FUNDING_FEE").Add("startTime", start_ms).Add("limit", kIncomePageMax);
    QUANTUM_TRY(const std::string body, Ask("/fapi/v1/income", parameters, weight::kIncome, "asking for funding"));
    QUANTUM_TRY(const std::vector<exchange::FundingPayment> page, DecodeFunding(body));
    all.insert(all.end(), page.begin(), page.end());
    if (static_cast<int64_t>(page.size()) < kIncomePageMax) {
      break;
    }
    int64_t last_ms = start_ms;
    for (const exchange::FundingPayment& payment : page) {
      last_ms = std::max(last_ms, ToUnixMs(payment.time));
    }
    if (last_ms == start_ms) {
      return Error{Errc::kInternal, "more funding payments in one millisecond than a page holds"};
    }
    start_ms = last_ms;  // payments of this millisecond may come twice: they have their ids
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.time < b.time; });
  return all;
}

Result<std::vector<exchange::VenuePosition>> TradingVenue::Positions() {
  QUANTUM_TRY(const std::string body, Ask("/fapi/v3/positionRisk", {}, weight::kAccount, "asking for positions"));
  QUANTUM_TRY(std::vector<exchange::VenuePosition> positions, DecodePositions(body));
  if (std::none_of(positions.begin(), positions.end(), [](const auto& position) { return position.leverage == 0; })) {
    return positions;
  }
  // Version 3 does not tell the leverage; version 2 does, for every symbol.
  QUANTUM_TRY(const std::string older,
              Ask("/fapi/v2/positionRisk", {}, weight::kAccount, "asking for the leverage of positions"));
  QUANTUM_TRY(const std::vector<exchange::VenuePosition> with_leverage, DecodePositions(older));
  for (exchange::VenuePosition& position : positions) {
    const auto found = std::find_if(with_leverage.begin(), with_leverage.end(),
                                    [&](const auto& other) { return other.symbol == position.symbol; });
    if (found == with_leverage.end()) {
      return Error{Errc::kUnavailable,
                   "the position in " + position.symbol + " changed while it was asked for: ask again"};
    }
    position.leverage = found->leverage;
  }
  return positions;
}

Result<exchange::Account> TradingVenue::GetAccount() {
  QUANTUM_TRY(const std::string body, Ask("/fapi/v3/account", {}, weight::kAccount, "asking for the account"));
  return DecodeAccount(body);
}

Status TradingVenue::SetLeverage(const std::string& symbol, int leverage) {
  Parameters parameters;
  parameters.Add("symbol", symbol).Add("leverage", int64_t{leverage});
  const std::string what = "setting the leverage of " + symbol;
  const auto written = rest_->Write("POST", "/fapi/v1/leverage", parameters, Budget::Kind::kCancel, 1);
  QUANTUM_CHECK(WriteStatus(written.answer, what));
  QUANTUM_TRY(const int64_t stands, DecodeLeverage(written.answer->body));
  if (stands != leverage) {
    return Error{Errc::kConflict,
                 what + ": asked for " + std::to_string(leverage) + ", the venue set " + std::to_string(stands)};
  }
  return {};
}

Status TradingVenue::SetMarginType(const std::string& symbol, exchange::MarginType type) {
  Parameters parameters;
  parameters.Add("symbol", symbol).Add("marginType", ToString(type));
  const auto written = rest_->Write("POST", "/fapi/v1/marginType", parameters, Budget::Kind::kCancel, 1);
  if (written.answer.ok() && written.answer->status == 400) {
    const auto error = ReadVenueError(written.answer->body);
    if (error && error->code == kMarginTypeStands) {
      return {};
    }
  }
  return WriteStatus(written.answer, "setting the margin type of " + symbol);
}

Result<exchange::SymbolConfig> TradingVenue::GetSymbolConfig(const std::string& symbol) {
  Parameters parameters;
  parameters.Add("symbol", symbol);
  QUANTUM_TRY(const std::string body,
              Ask("/fapi/v1/symbolConfig", parameters, weight::kSymbolConfig, "asking how " + symbol + " is traded"));
  return DecodeSymbolConfig(body, symbol);
}

Result<bool> TradingVenue::IsHedgeMode() {
  QUANTUM_TRY(const std::string body,
              Ask("/fapi/v1/positionSide/dual", {}, weight::kPositionMode, "asking for the position mode"));
  return DecodeHedgeMode(body);
}

Status TradingVenue::CountdownCancelAll(const std::string& symbol, Duration countdown) {
  const int64_t countdown_ms = std::chrono::duration_cast<std::chrono::milliseconds>(countdown).count();
  Parameters parameters;
  parameters.Add("symbol", symbol).Add("countdownTime", countdown_ms);
  const std::string what = "setting the dead-man switch of " + symbol;
  const auto written =
      rest_->Write("POST", "/fapi/v1/countdownCancelAll", parameters, Budget::Kind::kCancel, weight::kCountdown);
  QUANTUM_CHECK(WriteStatus(written.answer, what));
  QUANTUM_TRY(const int64_t stands_ms, DecodeCountdownMs(written.answer->body));
  if (stands_ms != countdown_ms) {
    return Error{Errc::kConflict, what + ": asked for " + std::to_string(countdown_ms) + " ms, the venue set " +
                                      std::to_string(stands_ms)};
  }
  return {};
}

}  // namespace quantum::binance
