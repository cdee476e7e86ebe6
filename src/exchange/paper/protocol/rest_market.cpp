// Market data and what the exchange says about itself.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <limits>

#include "exchange/paper/protocol/rest.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;

json::array Filters(const PaperRules& paper) {
  const trading::SymbolRules& rules = paper.rules;
  return {json::object{{"filterType", "PRICE_FILTER"},
                       {"minPrice", rules.min_price.ToString()},
                       {"maxPrice", rules.max_price.ToString()},
                       {"tickSize", rules.tick_size.ToString(paper.price_decimals)}},
          json::object{{"filterType", "LOT_SIZE"},
                       {"minQty", rules.min_quantity.ToString()},
                       {"maxQty", rules.max_quantity.ToString()},
                       {"stepSize", rules.step_size.ToString()}},
          json::object{{"filterType", "MARKET_LOT_SIZE"},
                       {"minQty", rules.min_quantity.ToString()},
                       {"maxQty", rules.market_max_quantity.ToString()},
                       {"stepSize", rules.step_size.ToString()}},
          json::object{{"filterType", "MAX_NUM_ORDERS"}, {"limit", kOrdersMax}},
          json::object{{"filterType", "MAX_NUM_ALGO_ORDERS"}, {"limit", kAlgoOrdersMax}},
          json::object{{"filterType", "MIN_NOTIONAL"}, {"notional", rules.min_notional.ToString()}},
          json::object{{"filterType", "PERCENT_PRICE"},
                       {"multiplierUp", rules.price_up.ToString(4)},
                       {"multiplierDown", rules.price_down.ToString(4)},
                       {"multiplierDecimal", "4"}}};
}

json::object SymbolInfo(const PaperRules& paper) {
  const trading::SymbolRules& rules = paper.rules;
  return {{"symbol", rules.symbol},
          {"pair", rules.symbol},
          {"contractType", "PERPETUAL"},
          {"deliveryDate", 4133404800000},
          {"onboardDate", 1569398400000},
          {"status", "TRADING"},
          {"maintMarginPercent", "2.5000"},
          {"requiredMarginPercent", "5.0000"},
          {"baseAsset", json::string_view(paper.base_asset.data(), paper.base_asset.size())},
          {"quoteAsset", "USDT"},
          {"marginAsset", "USDT"},
          {"pricePrecision", paper.price_decimals},
          {"quantityPrecision", paper.quantity_decimals},
          {"baseAssetPrecision", 8},
          {"quotePrecision", 8},
          {"underlyingType", "COIN"},
          {"underlyingSubType", json::array{"PoW"}},
          {"settlePlan", 0},
          {"triggerProtect", "0.0500"},
          {"liquidationFee", LiquidationFee().ToString(6)},
          {"marketTakeBound", "0.05"},
          {"filters", Filters(paper)},
          {"orderTypes", json::array{"LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET",
                                     "TRAILING_STOP_MARKET"}},
          {"timeInForce", json::array{"GTC", "IOC", "FOK", "GTX"}}};
}

json::object Limit(const char* type, const char* interval, int number, int limit) {
  return {{"rateLimitType", type}, {"interval", interval}, {"intervalNum", number}, {"limit", limit}};
}

// One object when a symbol was asked for, a list otherwise.
Answer<std::string> OneOrAll(const Parameters& parameters, json::array all) {
  return parameters.Has("symbol") && all.size() == 1 ? json::serialize(all[0]) : json::serialize(all);
}

// The parameter `limit`, 500 by default.
size_t RowsMax(Parameters& parameters, size_t most) {
  const int64_t limit = parameters.MaybeInt("limit").value_or(500);
  if (limit < 1 || limit > static_cast<int64_t>(most)) {
    parameters.Refuse({-1130, "Data sent for parameter 'limit' is not valid."});
    return 0;
  }
  return static_cast<size_t>(limit);
}

void AddRow(std::string& rows, const std::string& row) {
  rows += rows.empty() ? "" : ",";
  rows += row;
}

}  // namespace

Answer<std::string> Rest::Ping(Parameters&, int64_t) { return std::string("{}"); }

Answer<std::string> Rest::Time(Parameters&, int64_t now_ms) { return fmt::format(R"({{"serverTime":{}}})", now_ms); }

Answer<std::string> Rest::ExchangeInfo(Parameters&, int64_t now_ms) {
  json::array symbols;
  for (const auto& [name, market] : engine_.markets()) {
    symbols.push_back(SymbolInfo(market.rules()));
  }
  const json::object info{
      {"timezone", "UTC"},
      {"serverTime", now_ms},
      {"futuresType", "U_MARGINED"},
      {"rateLimits", json::array{Limit("REQUEST_WEIGHT", "MINUTE", 1, options_.weight_per_minute),
                                 Limit("ORDERS", "MINUTE", 1, options_.orders_per_minute),
                                 Limit("ORDERS", "SECOND", 10, options_.orders_per_10s)}},
      {"exchangeFilters", json::array{}},
      {"assets",
       json::array{json::object{{"asset", "USDT"}, {"marginAvailable", true}, {"autoAssetExchange", "-10000"}}}},
      {"symbols", std::move(symbols)}};
  return json::serialize(info);
}

Answer<std::string> Rest::Depth(Parameters& parameters, int64_t now_ms) {
  const std::string symbol = Symbol(parameters);
  const int64_t limit = parameters.MaybeInt("limit").value_or(500);
  static constexpr int64_t kLimits[] = {5, 10, 20, 50, 100, 500, 1000};
  if (std::find(std::begin(kLimits), std::end(kLimits), limit) == std::end(kLimits)) {
    parameters.Refuse({-4021, fmt::format("{} is not valid depth limit.", limit)});
  }
  if (parameters.error()) {
    return *parameters.error();
  }
  const SymbolMarket& market = *engine_.market(symbol);
  return EncodeDepthSnapshot(market.rules(), market.book().Snapshot(static_cast<size_t>(limit)), now_ms);
}

Answer<std::string> Rest::Trades(Parameters& parameters, int64_t /*now_ms*/) {
  const std::string symbol = Symbol(parameters);
  const size_t limit = RowsMax(parameters, Tape::kKept);
  if (parameters.error()) {
    return *parameters.error();
  }
  const std::deque<MarketTrade>& trades = streams_.tape(symbol).trades();
  std::string rows;
  for (size_t i = trades.size() - std::min(limit, trades.size()); i < trades.size(); ++i) {
    AddRow(rows, EncodeTradeRow(engine_.market(symbol)->rules(), trades[i]));
  }
  return "[" + rows + "]";
}

// From an id or a start the oldest, otherwise the newest.
Answer<std::string> Rest::AggregateTrades(Parameters& parameters, int64_t /*now_ms*/) {
  const std::string symbol = Symbol(parameters);
  const auto from_id = parameters.MaybeInt("fromId");
  const auto start = parameters.MaybeInt("startTime");
  const auto end = parameters.MaybeInt("endTime");
  const size_t limit = RowsMax(parameters, Tape::kKept);
  if (parameters.error()) {
    return *parameters.error();
  }
  std::vector<const AggregateTrade*> found;
  for (const AggregateTrade& trade : streams_.tape(symbol).aggregates()) {
    if (trade.id >= from_id.value_or(0) && trade.time_ms >= start.value_or(0) &&
        trade.time_ms <= end.value_or(std::numeric_limits<int64_t>::max())) {
      found.push_back(&trade);
    }
  }
  const size_t count = std::min(limit, found.size());
  const size_t first = from_id || start ? 0 : found.size() - count;
  std::string rows;
  for (size_t i = first; i < first + count; ++i) {
    AddRow(rows, EncodeAggregateTradeRow(engine_.market(symbol)->rules(), *found[i]));
  }
  return "[" + rows + "]";
}

Answer<std::string> Rest::Klines(Parameters& parameters, int64_t /*now_ms*/) {
  const std::string symbol = Symbol(parameters);
  const std::string interval = parameters.Text("interval");
  const auto start = parameters.MaybeInt("startTime");
  const auto end = parameters.MaybeInt("endTime");
  if (!parameters.error() && IntervalMs(interval) == 0) {
    parameters.Refuse({-1120, "Invalid interval."});
  }
  const size_t limit = RowsMax(parameters, KlineSeries::kKept);
  if (parameters.error()) {
    return *parameters.error();
  }
  std::string rows;
  for (const Kline& kline : Select(streams_.klines(symbol, interval), start, end, limit)) {
    AddRow(rows, EncodeKlineRow(engine_.market(symbol)->rules(), kline));
  }
  return "[" + rows + "]";
}

Answer<std::string> Rest::TickerDay(Parameters& parameters, int64_t /*now_ms*/) {
  const std::vector<std::string> symbols = Symbols(parameters);
  if (parameters.error()) {
    return *parameters.error();
  }
  std::string rows;
  for (const std::string& symbol : symbols) {
    if (const auto day = streams_.day(symbol)) {
      AddRow(rows, EncodeDayTickerRow(engine_.market(symbol)->rules(), *day));
    }
  }
  return parameters.Has("symbol") && !rows.empty() ? rows : "[" + rows + "]";
}

Answer<std::string> Rest::TickerPrice(Parameters& parameters, int64_t now_ms) {
  json::array all;
  for (const std::string& symbol : Symbols(parameters)) {
    if (parameters.error()) {
      return *parameters.error();
    }
    const SymbolMarket& market = *engine_.market(symbol);
    all.push_back(json::object{{"symbol", symbol}, {"price", market.last_price().ToString(2)}, {"time", now_ms}});
  }
  return OneOrAll(parameters, std::move(all));
}

Answer<std::string> Rest::TickerBook(Parameters& parameters, int64_t now_ms) {
  json::array all;
  for (const std::string& symbol : Symbols(parameters)) {
    if (parameters.error()) {
      return *parameters.error();
    }
    const SymbolMarket& market = *engine_.market(symbol);
    if (!market.ready()) {
      continue;
    }
    const PriceLevel ask = market.Best(Side::kBuy);
    const PriceLevel bid = market.Best(Side::kSell);
    all.push_back(json::object{{"symbol", symbol},
                               {"bidPrice", bid.price.ToString(2)},
                               {"bidQty", bid.quantity.ToString(3)},
                               {"askPrice", ask.price.ToString(2)},
                               {"askQty", ask.quantity.ToString(3)},
                               {"time", now_ms},
                               {"lastUpdateId", market.book().last_update_id()}});
  }
  return OneOrAll(parameters, std::move(all));
}

Answer<std::string> Rest::PremiumIndex(Parameters& parameters, int64_t now_ms) {
  json::array all;
  for (const std::string& symbol : Symbols(parameters)) {
    if (parameters.error()) {
      return *parameters.error();
    }
    const std::string mark = engine_.market(symbol)->mark_price().ToString(8);
    all.push_back(json::object{{"symbol", symbol},
                               {"markPrice", mark},
                               {"indexPrice", mark},
                               {"estimatedSettlePrice", mark},
                               {"lastFundingRate", engine_.FundingRate(symbol).ToString(8)},
                               {"interestRate", "0.00010000"},
                               {"nextFundingTime", engine_.NextFundingMs(now_ms)},
                               {"time", now_ms}});
  }
  return OneOrAll(parameters, std::move(all));
}

}  // namespace quantum::paper
