#include "exchange/binance/decode_rest.h"

#include <algorithm>

#include "exchange/binance/json_fields.h"
#include "exchange/binance/status.h"

namespace quantum::binance {
namespace {

namespace json = boost::json;
using exchange::PriceLevel;
using exchange::VenueOrder;
using exchange::VenuePosition;
using trading::Decimal;
using trading::Fill;

// Parses an object and lets `read` take its fields.
template <class T, class Read>
Result<T> FromObject(std::string_view body, std::string_view what, Read read) {
  QUANTUM_TRY(const json::value value, ParseJson(body, what));
  if (!value.is_object()) {
    return Error{Errc::kInvalidArgument, std::string(what) + " is not an object: " + std::string(body.substr(0, 80))};
  }
  JsonFields fields(value.get_object(), what);
  T result = read(fields);
  if (!fields.ok()) {
    return fields.error();
  }
  return result;
}

// Parses an array of objects.
template <class T, class Read>
Result<std::vector<T>> FromArray(std::string_view body, std::string_view what, Read read) {
  QUANTUM_TRY(const json::value value, ParseJson(body, what));
  if (!value.is_array()) {
    return Error{Errc::kInvalidArgument, std::string(what) + " is not an array: " + std::string(body.substr(0, 80))};
  }
  std::vector<T> results;
  for (const json::value& element : value.get_array()) {
    if (!element.is_object()) {
      return Error{Errc::kInvalidArgument, std::string(what) + " holds something that is not an object"};
    }
    JsonFields fields(element.get_object(), what);
    std::optional<T> result = read(fields);
    if (!fields.ok()) {
      return fields.error();
    }
    if (result) {
      results.push_back(std::move(*result));
    }
  }
  return results;
}

// The decimal at an index of an array of strings, as in klines and depth levels.
Result<Decimal> NumberAt(const json::array& row, size_t index, std::string_view what) {
  const json::value* value = row.if_contains(index);
  if (value == nullptr || !value->is_string()) {
    return Error{Errc::kInvalidArgument, std::string(what) + "[" + std::to_string(index) + "] is not a decimal string"};
  }
  const auto number = Decimal::Parse(std::string_view(value->get_string().data(), value->get_string().size()));
  if (!number.ok()) {
    return number.error().Within(std::string(what) + "[" + std::to_string(index) + "]");
  }
  return *number;
}

Result<int64_t> IntAt(const json::array& row, size_t index, std::string_view what) {
  const json::value* value = row.if_contains(index);
  if (value == nullptr || !value->is_int64()) {
    return Error{Errc::kInvalidArgument, std::string(what) + "[" + std::to_string(index) + "] is not an integer"};
  }
  return value->get_int64();
}

Result<std::vector<PriceLevel>> ReadLevels(const json::array& rows, std::string_view what) {
  std::vector<PriceLevel> levels;
  levels.reserve(rows.size());
  for (const json::value& row : rows) {
    if (!row.is_array()) {
      return Error{Errc::kInvalidArgument, std::string(what) + " holds something that is not a level"};
    }
    QUANTUM_TRY(const Decimal price, NumberAt(row.get_array(), 0, what));
    QUANTUM_TRY(const Decimal quantity, NumberAt(row.get_array(), 1, what));
    levels.push_back({price, quantity});
  }
  return levels;
}

Result<exchange::Candle> ReadKline(const json::array& row) {
  exchange::Candle candle;
  QUANTUM_TRY(candle.open_time, IntAt(row, 0, "kline"));
  QUANTUM_TRY(candle.open, NumberAt(row, 1, "kline"));
  QUANTUM_TRY(candle.high, NumberAt(row, 2, "kline"));
  QUANTUM_TRY(candle.low, NumberAt(row, 3, "kline"));
  QUANTUM_TRY(candle.close, NumberAt(row, 4, "kline"));
  QUANTUM_TRY(candle.volume, NumberAt(row, 5, "kline"));
  QUANTUM_TRY(candle.trades, IntAt(row, 8, "kline"));
  QUANTUM_TRY(candle.taker_buy, NumberAt(row, 9, "kline"));
  return candle;
}

void ReadFilter(const json::object& object, trading::SymbolRules& rules, JsonFields& symbol) {
  JsonFields filter(object, "exchangeInfo.filters");
  const std::string type = filter.Text("filterType");
  if (type == "PRICE_FILTER") {
    rules.tick_size = filter.Number("tickSize");
    rules.min_price = filter.Number("minPrice");
    rules.max_price = filter.Number("maxPrice");
  } else if (type == "LOT_SIZE") {
    rules.step_size = filter.Number("stepSize");
    rules.min_quantity = filter.Number("minQty");
    rules.max_quantity = filter.Number("maxQty");
  } else if (type == "MARKET_LOT_SIZE") {
    rules.market_max_quantity = filter.Number("maxQty");
  } else if (type == "MIN_NOTIONAL") {
    rules.min_notional = filter.Number("notional");
  } else if (type == "PERCENT_PRICE") {
    rules.price_up = filter.Number("multiplierUp");
    rules.price_down = filter.Number("multiplierDown");
  }
  if (!filter.ok()) {
    symbol.Complain("filters", filter.error().message);
  }
}

std::optional<trading::SymbolRules> ReadSymbol(JsonFields& symbol) {
  trading::SymbolRules rules;
  rules.symbol = symbol.Text("symbol");
  if (symbol.TextOr("contractType", "PERPETUAL") != "PERPETUAL") {
    return std::nullopt;
  }
  rules.trading = symbol.TextOr("status", "TRADING") == "TRADING";
  for (const json::value& filter : symbol.Array("filters")) {
    if (filter.is_object()) {
      ReadFilter(filter.get_object(), rules, symbol);
    }
  }
  if (!rules.tick_size.is_positive() || !rules.step_size.is_positive()) {
    if (!rules.trading) {
      return std::nullopt;  // one that is not listed yet, or no longer
    }
    symbol.Complain("filters", "of " + rules.symbol + " lack PRICE_FILTER or LOT_SIZE");
  }
  if (rules.market_max_quantity.is_zero()) {
    rules.market_max_quantity = rules.max_quantity;
  }
  return rules;
}

VenueOrder ReadOrder(JsonFields& fields) {
  VenueOrder order;
  order.report.symbol = fields.Text("symbol");
  order.report.client_order_id = fields.Text("clientOrderId");
  order.report.exchange_order_id = std::to_string(fields.Int("orderId"));
  order.report.filled_quantity = fields.Number("executedQty");
  order.report.average_price = fields.Has("avgPrice") ? fields.Computed("avgPrice") : Decimal();
  order.report.time = FromUnixMs(fields.Int("updateTime"));
  order.side = fields.Enum("side", trading::ParseSide, trading::Side::kBuy);
  order.type = fields.Enum("type", TypeOfOrder, trading::OrderType::kMarket);
  order.quantity = fields.Number("origQty");
  order.price = fields.NumberOr("price", Decimal());
  order.trigger_price = fields.NumberOr("stopPrice", Decimal());
  order.reduce_only = fields.BoolOr("reduceOnly", false);
  const auto status = StatusOfOrder(fields.Text("status"), order.report.filled_quantity, order.quantity);
  if (status.ok()) {
    order.report.status = *status;
  } else {
    fields.Complain("status", status.error().message);
  }
  return order;
}

AlgoOrder ReadAlgoOrder(JsonFields& fields) {
  AlgoOrder algo;
  VenueOrder& order = algo.order;
  order.report.symbol = fields.Text("symbol");
  order.report.client_order_id = fields.Text("clientAlgoId");
  order.report.exchange_order_id = std::to_string(fields.Int("algoId"));
  order.report.time = FromUnixMs(fields.IntOr("updateTime", fields.IntOr("createTime", 0)));
  order.side = fields.Enum("side", trading::ParseSide, trading::Side::kBuy);
  order.type =
      fields.Enum(fields.Has("orderType") ? "orderType" : "type", TypeOfOrder, trading::OrderType::kStopMarket);
  order.quantity = fields.Number("quantity");
  order.price = fields.NumberOr("price", Decimal());
  if (order.type == trading::OrderType::kTrailingStop) {
    order.callback_percent = fields.Number("callbackRate");
    order.activation_price = fields.TextOr("activatePrice", "").empty() ? Decimal() : fields.Number("activatePrice");
  } else {
    order.trigger_price = fields.Number("triggerPrice");
  }
  order.reduce_only = fields.BoolOr("reduceOnly", false);
  algo.spawned_order_id = fields.TextOr("actualOrderId", "");
  if (algo.spawned_order_id == "0") {
    algo.spawned_order_id.clear();
  }
  const auto status = StatusOfAlgoOrder(fields.Text("algoStatus"));
  if (!status.ok()) {
    fields.Complain("algoStatus", status.error().message);
  } else if (*status) {
    order.report.status = **status;
  } else {
    algo.triggered = true;
  }
  return algo;
}

}  // namespace

Result<int64_t> DecodeServerTime(std::string_view body) {
  return FromObject<int64_t>(body, "time", [](JsonFields& fields) { return fields.Int("serverTime"); });
}

Result<exchange::DepthSnapshot> DecodeDepthSnapshot(std::string_view body) {
  QUANTUM_TRY(const json::value value, ParseJson(body, "depth"));
  if (!value.is_object()) {
    return Error{Errc::kInvalidArgument, "depth is not an object"};
  }
  JsonFields fields(value.get_object(), "depth");
  exchange::DepthSnapshot snapshot;
  snapshot.last_update_id = fields.Int("lastUpdateId");
  const json::array& bids = fields.Array("bids");
  const json::array& asks = fields.Array("asks");
  if (!fields.ok()) {
    return fields.error();
  }
  QUANTUM_TRY(snapshot.bids, ReadLevels(bids, "depth.bids"));
  QUANTUM_TRY(snapshot.asks, ReadLevels(asks, "depth.asks"));
  return snapshot;
}

Result<std::vector<exchange::Candle>> DecodeKlines(std::string_view body) {
  QUANTUM_TRY(const json::value value, ParseJson(body, "klines"));
  if (!value.is_array()) {
    return Error{Errc::kInvalidArgument, "klines is not an array: " + std::string(body.substr(0, 80))};
  }
  std::vector<exchange::Candle> candles;
  for (const json::value& row : value.get_array()) {
    if (!row.is_array()) {
      return Error{Errc::kInvalidArgument, "klines holds something that is not a kline"};
    }
    QUANTUM_TRY(exchange::Candle candle, ReadKline(row.get_array()));
    candles.push_back(candle);
  }
  return candles;
}

Result<std::vector<trading::SymbolRules>> DecodeRules(std::string_view body) {
  QUANTUM_TRY(const json::value value, ParseJson(body, "exchangeInfo"));
  if (!value.is_object()) {
    return Error{Errc::kInvalidArgument, "exchangeInfo is not an object"};
  }
  JsonFields info(value.get_object(), "exchangeInfo");
  std::vector<trading::SymbolRules> all;
  for (const json::value& element : info.Array("symbols")) {
    if (!element.is_object()) {
      return Error{Errc::kInvalidArgument, "exchangeInfo.symbols holds something that is not an object"};
    }
    JsonFields symbol(element.get_object(), "exchangeInfo.symbols");
    std::optional<trading::SymbolRules> rules = ReadSymbol(symbol);
    if (!symbol.ok()) {
      return symbol.error();
    }
    if (rules) {
      all.push_back(std::move(*rules));
    }
  }
  if (!info.ok()) {
    return info.error();
  }
  return all;
}

Result<RateLimits> DecodeRateLimits(std::string_view body) {
  return FromObject<RateLimits>(body, "exchangeInfo", [](JsonFields& info) {
    RateLimits limits;
    if (!info.Has("rateLimits")) {
      return limits;
    }
    for (const json::value& element : info.Array("rateLimits")) {
      static const json::object kNone;
      JsonFields rate(element.is_object() ? element.get_object() : kNone, "exchangeInfo.rateLimits");
      std::string window = rate.Text("rateLimitType");
      window += " " + rate.Text("interval");
      const int64_t count = rate.Int("intervalNum");
      const int limit = static_cast<int>(std::clamp<int64_t>(rate.Int("limit"), 1, 100'000'000));
      if (!rate.ok()) {
        info.Complain("rateLimits", rate.error().message);
      } else if (window == "REQUEST_WEIGHT MINUTE" && count == 1) {
        limits.weight_max = limit;
      } else if (window == "ORDERS MINUTE" && count == 1) {
        limits.orders_1m_max = limit;
      } else if (window == "ORDERS SECOND" && count == 10) {
        limits.orders_10s_max = limit;
      }
    }
    return limits;
  });
}

Result<std::vector<LeverageBracket>> DecodeLeverageBrackets(std::string_view body) {
  return FromArray<LeverageBracket>(body, "leverageBracket", [](JsonFields& fields) {
    LeverageBracket result;
    result.symbol = fields.Text("symbol");
    for (const json::value& element : fields.Array("brackets")) {
      if (!element.is_object()) {
        fields.Complain("brackets", "holds something that is not an object");
        break;
      }
      JsonFields bracket(element.get_object(), "leverageBracket.brackets");
      const int64_t leverage = bracket.Int("initialLeverage");
      const Decimal ratio = bracket.Number("maintMarginRatio");
      if (!bracket.ok()) {
        fields.Complain("brackets", bracket.error().message);
      } else if (leverage > result.leverage_max) {
        result.leverage_max = static_cast<int>(std::min<int64_t>(leverage, 125));
        result.maintenance_margin_ratio = ratio;
      }
    }
    return std::optional(result);
  });
}

Result<VenueOrder> DecodeOrder(std::string_view body) { return FromObject<VenueOrder>(body, "order", ReadOrder); }

Result<std::vector<VenueOrder>> DecodeOrders(std::string_view body) {
  return FromArray<VenueOrder>(body, "openOrders", [](JsonFields& fields) { return std::optional(ReadOrder(fields)); });
}

Result<AlgoOrder> DecodeAlgoOrder(std::string_view body) {
  return FromObject<AlgoOrder>(body, "algoOrder", ReadAlgoOrder);
}

Result<std::vector<AlgoOrder>> DecodeAlgoOrders(std::string_view body) {
  return FromArray<AlgoOrder>(body, "openAlgoOrders",
                              [](JsonFields& fields) { return std::optional(ReadAlgoOrder(fields)); });
}

Result<std::vector<Fill>> DecodeFills(std::string_view body) {
  return FromArray<Fill>(body, "userTrades", [](JsonFields& fields) {
    Fill fill;
    fill.symbol = fields.Text("symbol");
    fill.trade_id = fields.Int("id");
    fill.exchange_order_id = std::to_string(fields.Int("orderId"));
    fill.side = fields.Enum("side", trading::ParseSide, trading::Side::kBuy);
    fill.price = fields.Number("price");
    fill.quantity = fields.Number("qty");
    fill.fee = fields.Number("commission");
    fill.fee_asset = fields.Text("commissionAsset");
    fill.realized_pnl = fields.Computed("realizedPnl");
    fill.maker = fields.Bool("maker");
    fill.time = FromUnixMs(fields.Int("time"));
    return std::optional(fill);
  });
}

Result<std::vector<exchange::FundingPayment>> DecodeFunding(std::string_view body) {
  return FromArray<exchange::FundingPayment>(body, "income", [](JsonFields& fields) {
    exchange::FundingPayment payment;
    payment.symbol = fields.Text("symbol");
    payment.id = fields.Int("tranId");
    payment.paid = -fields.Number("income");
    payment.time = FromUnixMs(fields.Int("time"));
    const bool wanted =
        fields.TextOr("incomeType", "FUNDING_FEE") == "FUNDING_FEE" && fields.TextOr("asset", "USDT") == "USDT";
    return wanted ? std::optional(payment) : std::nullopt;
  });
}

Result<std::vector<VenuePosition>> DecodePositions(std::string_view body) {
  bool hedged = false;
  auto positions = FromArray<VenuePosition>(body, "positionRisk", [&](JsonFields& fields) {
    VenuePosition position;
    position.symbol = fields.Text("symbol");
    position.quantity = fields.Number("positionAmt");
    position.entry_price = fields.Computed("entryPrice");
    position.mark_price = fields.Computed("markPrice");
    position.unrealized_pnl = fields.Computed("unRealizedProfit");
    position.leverage = fields.Has("leverage") ? static_cast<int>(fields.Number("leverage").raw() / Decimal::kOne) : 0;
    if (position.quantity.is_zero()) {
      return std::optional<VenuePosition>();
    }
    hedged = hedged || fields.TextOr("positionSide", "BOTH") != "BOTH";
    return std::optional(position);
  });
  if (hedged) {
    return Error{Errc::kConflict,
                 "the account holds positions in hedge mode; close them and switch it to one-way mode"};
  }
  return positions;
}

Result<exchange::SymbolConfig> DecodeSymbolConfig(std::string_view body, std::string_view symbol) {
  using Named = std::pair<std::string, exchange::SymbolConfig>;
  QUANTUM_TRY(const std::vector<Named> all, FromArray<Named>(body, "symbolConfig", [](JsonFields& fields) {
                Named named;
                named.first = fields.Text("symbol");
                named.second.leverage = static_cast<int>(std::clamp<int64_t>(fields.Int("leverage"), 0, 1000));
                const std::string type = fields.Text("marginType");
                if (type == "ISOLATED") {
                  named.second.margin_type = exchange::MarginType::kIsolated;
                } else if (type != "CROSSED") {
                  fields.Complain("marginType", "'" + type.substr(0, 40) + "' is not a margin type of Binance");
                }
                return std::optional(std::move(named));
              }));
  const auto found = std::find_if(all.begin(), all.end(), [&](const Named& named) { return named.first == symbol; });
  if (found == all.end()) {
    return Error{Errc::kInvalidArgument, "symbolConfig does not speak of " + std::string(symbol)};
  }
  return found->second;
}

Result<bool> DecodeHedgeMode(std::string_view body) {
  return FromObject<bool>(body, "positionSide", [](JsonFields& fields) { return fields.Bool("dualSidePosition"); });
}

Result<int64_t> DecodeLeverage(std::string_view body) {
  return FromObject<int64_t>(body, "leverage", [](JsonFields& fields) { return fields.Int("leverage"); });
}

Result<int64_t> DecodeCountdownMs(std::string_view body) {
  QUANTUM_TRY(const Decimal told, FromObject<Decimal>(body, "countdownCancelAll", [](JsonFields& fields) {
                return fields.Number("countdownTime");
              }));
  return static_cast<int64_t>(told.ToDouble());
}

Result<exchange::Account> DecodeAccount(std::string_view body) {
  return FromObject<exchange::Account>(body, "account", [](JsonFields& fields) {
    exchange::Account account;
    account.wallet_balance = fields.Computed("totalWalletBalance");
    account.available_balance = fields.Computed("availableBalance");
    account.unrealized_pnl = fields.Computed("totalUnrealizedProfit");
    account.initial_margin = fields.Computed("totalInitialMargin");
    return account;
  });
}

Result<std::string> DecodeListenKey(std::string_view body) {
  return FromObject<std::string>(body, "listenKey", [](JsonFields& fields) {
    std::string key = fields.Text("listenKey");
    if (key.empty()) {
      fields.Complain("listenKey", "is empty");
    }
    return key;
  });
}

Result<exchange::MarketLabel> DecodeLabel(std::string_view body) {
  return FromObject<exchange::MarketLabel>(body, "market label", [](JsonFields& fields) {
    return exchange::MarketLabel{fields.Text("source"), fields.TextOr("detail", "")};
  });
}

}  // namespace quantum::binance
