#include "exchange/paper/engine/rules.h"

#include <functional>
#include <map>
#include <string>

#include "exchange/paper/market/calibration.h"

namespace quantum::paper {
namespace {

using trading::operator""_dec;

// GET /fapi/v1/leverageBracket of a regular user as of 2025.
std::vector<LeverageBracket> Brackets(std::initializer_list<LeverageBracket> table) {
  std::vector<LeverageBracket> brackets(table);
  for (size_t i = 1; i < brackets.size(); ++i) {
    LeverageBracket& bracket = brackets[i];
    const LeverageBracket& before = brackets[i - 1];
    bracket.floor = before.cap;
    bracket.cumulative = before.cumulative + bracket.floor.Times(bracket.maintenance_rate - before.maintenance_rate);
  }
  return brackets;
}

// Symbols beside the two recorded ones, so that several can be traded at a time.
struct FurtherSymbol {
  std::string_view base_asset;
  Decimal tick_size;
  Decimal step_size;
  Decimal max_price;
};

std::vector<PaperRules> MakeRules() {
  PaperRules btc;
  btc.rules.symbol = "BTCUSDT";
  btc.rules.tick_size = "0.1"_dec;
  btc.rules.step_size = "0.001"_dec;
  btc.rules.min_quantity = "0.001"_dec;
  btc.rules.max_quantity = "1000"_dec;
  btc.rules.market_max_quantity = "120"_dec;
  btc.rules.min_price = "556.8"_dec;
  btc.rules.max_price = "4529764"_dec;
  btc.rules.min_notional = "100"_dec;
  btc.rules.price_up = "1.05"_dec;
  btc.rules.price_down = "0.95"_dec;
  btc.rules.leverage_max = 125;
  btc.rules.maintenance_margin_ratio = "0.004"_dec;
  btc.base_asset = "BTC";
  btc.brackets = Brackets({{125, "300000"_dec, "0.004"_dec},
                           {100, "800000"_dec, "0.005"_dec},
                           {75, "3000000"_dec, "0.0065"_dec},
                           {50, "12000000"_dec, "0.01"_dec},
                           {25, "70000000"_dec, "0.02"_dec},
                           {20, "100000000"_dec, "0.025"_dec},
                           {10, "230000000"_dec, "0.05"_dec},
                           {5, "480000000"_dec, "0.1"_dec},
                           {4, "600000000"_dec, "0.125"_dec},
                           {3, "800000000"_dec, "0.15"_dec},
                           {2, "1200000000"_dec, "0.25"_dec},
                           {1, "1800000000"_dec, "0.5"_dec}});
  PaperRules eth = btc;
  eth.rules.symbol = "ETHUSDT";
  eth.rules.tick_size = "0.01"_dec;
  eth.rules.max_quantity = "10000"_dec;
  eth.rules.market_max_quantity = "2000"_dec;
  eth.rules.min_price = "39.86"_dec;
  eth.rules.max_price = "306177"_dec;
  eth.rules.min_notional = "20"_dec;
  eth.base_asset = "ETH";
  eth.brackets = Brackets({{125, "300000"_dec, "0.004"_dec},
                           {100, "800000"_dec, "0.005"_dec},
                           {75, "3000000"_dec, "0.0065"_dec},
                           {50, "12000000"_dec, "0.01"_dec},
                           {25, "50000000"_dec, "0.02"_dec},
                           {20, "65000000"_dec, "0.025"_dec},
                           {10, "150000000"_dec, "0.05"_dec},
                           {5, "320000000"_dec, "0.1"_dec},
                           {4, "400000000"_dec, "0.125"_dec},
                           {3, "530000000"_dec, "0.15"_dec},
                           {2, "800000000"_dec, "0.25"_dec},
                           {1, "1200000000"_dec, "0.5"_dec}});
  std::vector<PaperRules> all = {btc, eth};
  static const FurtherSymbol kFurther[] = {
      {"BNB", "0.01"_dec, "0.01"_dec, "100000"_dec},   {"SOL", "0.01"_dec, "0.01"_dec, "100000"_dec},
      {"BCH", "0.01"_dec, "0.001"_dec, "100000"_dec},  {"LTC", "0.01"_dec, "0.001"_dec, "100000"_dec},
      {"XMR", "0.01"_dec, "0.001"_dec, "100000"_dec},  {"ZEC", "0.01"_dec, "0.001"_dec, "100000"_dec},
      {"DASH", "0.01"_dec, "0.001"_dec, "100000"_dec}, {"AAVE", "0.01"_dec, "0.1"_dec, "100000"_dec},
      {"COMP", "0.01"_dec, "0.001"_dec, "100000"_dec}, {"QNT", "0.01"_dec, "0.1"_dec, "100000"_dec}};
  for (const FurtherSymbol& each : kFurther) {
    PaperRules rules = eth;
    rules.rules.symbol = std::string(each.base_asset) + "USDT";
    rules.rules.tick_size = each.tick_size;
    rules.rules.step_size = rules.rules.min_quantity = each.step_size;
    rules.rules.min_price = "1"_dec;
    rules.rules.max_price = each.max_price;
    rules.rules.min_notional = "5"_dec;
    rules.base_asset = each.base_asset;
    all.push_back(rules);
  }
  for (int number = 0; number < kMadeUpSymbols; ++number) {
    PaperRules rules = all.back();
    rules.rules.symbol = MadeUpSymbol(number);
    rules.base_asset = rules.rules.symbol.substr(0, rules.rules.symbol.size() - 4);
    rules.rules.step_size = rules.rules.min_quantity = "0.01"_dec;
    all.push_back(rules);
  }
  return all;
}

}  // namespace

const PaperRules* FindRules(std::string_view symbol) {
  static const std::map<std::string, PaperRules, std::less<>> kRules = [] {
    std::map<std::string, PaperRules, std::less<>> by_symbol;
    for (PaperRules& rules : MakeRules()) {
      by_symbol.emplace(rules.rules.symbol, std::move(rules));
    }
    return by_symbol;
  }();
  const auto found = kRules.find(symbol);
  return found == kRules.end() ? nullptr : &found->second;
}

const LeverageBracket& PaperRules::BracketOf(Decimal notional) const {
  for (const LeverageBracket& bracket : brackets) {
    if (notional <= bracket.cap) {
      return bracket;
    }
  }
  return brackets.back();
}

Decimal PaperRules::MaintenanceMargin(Decimal notional) const {
  const LeverageBracket& bracket = BracketOf(notional);
  return notional.Times(bracket.maintenance_rate) - bracket.cumulative;
}

Decimal PaperRules::MaxNotional(int leverage) const {
  Decimal most;
  for (const LeverageBracket& bracket : brackets) {
    most = bracket.leverage_max >= leverage ? bracket.cap : most;
  }
  return most;
}

Decimal TakerFee() { return "0.0005"_dec; }
Decimal MakerFee() { return "0.0002"_dec; }
Decimal LiquidationFee() { return "0.0125"_dec; }

std::optional<ApiError> CheckQuantity(const PaperRules& symbol, Decimal quantity, bool market) {
  const trading::SymbolRules& rules = symbol.rules;
  if (!quantity.is_positive()) {
    return ApiError{-4003, "Quantity less than or equal to zero."};
  }
  if (!quantity.IsMultipleOf(rules.step_size)) {
    return ApiError{-1111, "Precision is over the maximum defined for this asset."};
  }
  if (quantity < rules.min_quantity) {
    return ApiError{-4004, "Quantity less than min quantity."};
  }
  if (quantity > (market ? rules.market_max_quantity : rules.max_quantity)) {
    return ApiError{-4005, "Quantity greater than max quantity."};
  }
  return std::nullopt;
}

std::optional<ApiError> CheckPrice(const PaperRules& symbol, Decimal price) {
  const trading::SymbolRules& rules = symbol.rules;
  if (!price.is_positive()) {
    return ApiError{-4001, "Price less than 0."};
  }
  if (price < rules.min_price) {
    return ApiError{-4013, "Price less than min price."};
  }
  if (price > rules.max_price) {
    return ApiError{-4002, "Price greater than max price."};
  }
  if (!price.IsMultipleOf(Decimal::FromRaw(Decimal::kOne / 100))) {
    return ApiError{-1111, "Precision is over the maximum defined for this asset."};
  }
  if (!price.IsMultipleOf(rules.tick_size)) {
    return ApiError{-4014, "Price not increased by tick size."};
  }
  return std::nullopt;
}

std::optional<ApiError> CheckPercentPrice(const PaperRules& symbol, Side side, Decimal price, Decimal mark_price) {
  const trading::SymbolRules& rules = symbol.rules;
  if (side == Side::kBuy) {
    const Decimal limit = mark_price.Times(rules.price_up).RoundTo(rules.tick_size, trading::Rounding::kDown);
    if (price > limit) {
      return ApiError{-4016, "Limit price can't be higher than " + limit.ToString() + "."};
    }
  } else {
    const Decimal limit = mark_price.Times(rules.price_down).RoundTo(rules.tick_size, trading::Rounding::kUp);
    if (price < limit) {
      return ApiError{-4024, "Limit price can't be lower than " + limit.ToString() + "."};
    }
  }
  return std::nullopt;
}

std::optional<ApiError> CheckNotional(const PaperRules& symbol, Decimal quantity, Decimal reference) {
  if (quantity.Times(reference) < symbol.rules.min_notional) {
    return ApiError{-4164, "Order's notional must be no smaller than " + symbol.rules.min_notional.ToString() +
                               " (unless you choose reduce only)."};
  }
  return std::nullopt;
}

}  // namespace quantum::paper
