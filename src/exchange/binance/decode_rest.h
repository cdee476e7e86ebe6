#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/binance/budget.h"
#include "exchange/venue.h"

// Bodies of REST answers → the port's types. Every complaint is kInvalidArgument and names the field. No I/O.
namespace quantum::binance {

Result<int64_t> DecodeServerTime(std::string_view body);
Result<exchange::DepthSnapshot> DecodeDepthSnapshot(std::string_view body);
Result<std::vector<exchange::Candle>> DecodeKlines(std::string_view body);

// exchangeInfo: the perpetual contracts, halted ones too: what they hold wants its stop when trading goes on. Leverage
// and margin ratio come from the brackets.
Result<std::vector<trading::SymbolRules>> DecodeRules(std::string_view body);
// exchangeInfo's rateLimits; what it does not name stays at its default.
Result<RateLimits> DecodeRateLimits(std::string_view body);
struct LeverageBracket {
  std::string symbol;
  int leverage_max = 1;
  trading::Decimal maintenance_margin_ratio;  // of the lowest bracket
};
Result<std::vector<LeverageBracket>> DecodeLeverageBrackets(std::string_view body);

// A plain order. Its report has no fill: the answer does not tell trade ids.
Result<exchange::VenueOrder> DecodeOrder(std::string_view body);
Result<std::vector<exchange::VenueOrder>> DecodeOrders(std::string_view body);

// A conditional order. Once triggered (`spawned_order_id` is set, or `triggered`) the plain order it spawned speaks for
// it; its own status is then kNew and means nothing.
struct AlgoOrder {
  exchange::VenueOrder order;
  bool triggered = false;
  std::string spawned_order_id;  // "" until triggered
};
Result<AlgoOrder> DecodeAlgoOrder(std::string_view body);
Result<std::vector<AlgoOrder>> DecodeAlgoOrders(std::string_view body);

// userTrades: fills without client order ids, which that answer does not have.
Result<std::vector<trading::Fill>> DecodeFills(std::string_view body);

// income, of type FUNDING_FEE.
Result<std::vector<exchange::FundingPayment>> DecodeFunding(std::string_view body);

// positionRisk (v2 or v3), those that are not flat. `leverage` is 0 where the answer does not tell it (v3). A position
// in hedge mode is kConflict: the platform trades in one-way mode only.
Result<std::vector<exchange::VenuePosition>> DecodePositions(std::string_view body);

// symbolConfig of one symbol.
Result<exchange::SymbolConfig> DecodeSymbolConfig(std::string_view body, std::string_view symbol);
Result<bool> DecodeHedgeMode(std::string_view body);  // positionSide/dual
// What leverage and countdownCancelAll answer: the value that stands.
Result<int64_t> DecodeLeverage(std::string_view body);
Result<int64_t> DecodeCountdownMs(std::string_view body);

Result<exchange::Account> DecodeAccount(std::string_view body);  // v2 or v3
Result<std::string> DecodeListenKey(std::string_view body);
Result<exchange::MarketLabel> DecodeLabel(std::string_view body);  // GET /paper/market

}  // namespace quantum::binance
