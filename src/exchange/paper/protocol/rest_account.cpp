// The account, its settings and its listen key.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "exchange/paper/protocol/rest.h"
#include "platform/base/id.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;

constexpr int64_t kListenKeyMs = 60 * 60 * 1000;

std::string Money(Decimal money) { return money.ToString(8); }

json::object Asset(const Account& account, const Margin& margin, int64_t now_ms) {
  return {{"asset", "USDT"},
          {"walletBalance", Money(account.wallet())},
          {"unrealizedProfit", Money(margin.unrealized_pnl)},
          {"marginBalance", Money(account.wallet() + margin.unrealized_pnl)},
          {"maintMargin", Money(margin.maintenance_margin)},
          {"initialMargin", Money(margin.initial_margin())},
          {"positionInitialMargin", Money(margin.position_margin)},
          {"openOrderInitialMargin", Money(margin.order_margin)},
          {"crossWalletBalance", Money(margin.cross_wallet)},
          {"crossUnPnl", Money(margin.cross_unrealized_pnl)},
          {"availableBalance", Money(margin.available)},
          {"maxWithdrawAmount", Money(margin.available)},
          {"marginAvailable", true},
          {"updateTime", now_ms}};
}

json::object Totals(const Account& account, const Margin& margin) {
  return {{"totalInitialMargin", Money(margin.initial_margin())},
          {"totalMaintMargin", Money(margin.maintenance_margin)},
          {"totalWalletBalance", Money(account.wallet())},
          {"totalUnrealizedProfit", Money(margin.unrealized_pnl)},
          {"totalMarginBalance", Money(account.wallet() + margin.unrealized_pnl)},
          {"totalPositionInitialMargin", Money(margin.position_margin)},
          {"totalOpenOrderInitialMargin", Money(margin.order_margin)},
          {"totalCrossWalletBalance", Money(margin.cross_wallet)},
          {"totalCrossUnPnl", Money(margin.cross_unrealized_pnl)},
          {"availableBalance", Money(margin.available)},
          {"maxWithdrawAmount", Money(margin.available)}};
}

MarginOfSymbol MarginOf(const Margin& margin, const std::string& symbol) {
  const auto found = margin.symbols.find(symbol);
  return found == margin.symbols.end() ? MarginOfSymbol() : found->second;
}

std::string IsolatedMargin(const MarginOfSymbol& of) { return of.isolated ? Money(of.isolated_balance()) : "0"; }

std::string MaxNotional(const SymbolMarket& market, int leverage) {
  return market.rules().MaxNotional(leverage).ToString();
}

json::object PositionOfAccount(const Account& account, const Margin& margin, const std::string& name) {
  const Account::Symbol& symbol = account.symbol(name);
  const MarginOfSymbol of = MarginOf(margin, name);
  return {{"symbol", name},
          {"positionSide", "BOTH"},
          {"positionAmt", symbol.position.quantity.ToString(3)},
          {"unrealizedProfit", Money(of.unrealized_pnl)},
          {"isolatedMargin", IsolatedMargin(of)},
          {"notional", Money(of.notional)},
          {"isolatedWallet", of.isolated ? Money(of.isolated_wallet) : "0"},
          {"initialMargin", Money(of.position_margin + of.order_margin)},
          {"maintMargin", Money(of.maintenance_margin)},
          {"updateTime", symbol.updated_ms}};
}

json::object PositionRisk(const Account& account, const Margin& margin, const SymbolMarket& market) {
  const std::string& name = market.rules().rules.symbol;
  const Account::Symbol& symbol = account.symbol(name);
  const MarginOfSymbol of = MarginOf(margin, name);
  return {{"symbol", name},
          {"positionSide", "BOTH"},
          {"positionAmt", symbol.position.quantity.ToString(3)},
          {"entryPrice", symbol.position.entry_price.ToString()},
          {"breakEvenPrice", symbol.position.entry_price.ToString()},
          {"markPrice", Money(market.mark_price())},
          {"unRealizedProfit", Money(of.unrealized_pnl)},
          {"liquidationPrice", of.liquidation_price.is_zero() ? "0" : Money(of.liquidation_price)},
          {"isolatedMargin", IsolatedMargin(of)},
          {"notional", Money(of.notional)},
          {"marginAsset", "USDT"},
          {"isolatedWallet", of.isolated ? Money(of.isolated_wallet) : "0"},
          {"initialMargin", Money(of.position_margin + of.order_margin)},
          {"maintMargin", Money(of.maintenance_margin)},
          {"positionInitialMargin", Money(of.position_margin)},
          {"openOrderInitialMargin", Money(of.order_margin)},
          {"adl", 0},
          {"bidNotional", "0"},
          {"askNotional", "0"},
          {"updateTime", symbol.updated_ms}};
}

}  // namespace

Answer<std::string> Rest::AccountV3(Parameters&, int64_t now_ms) {
  const Account& account = engine_.account();
  const Margin margin = ComputeMargin(account, engine_.marks());
  json::object answer = Totals(account, margin);
  answer["assets"] = json::array{Asset(account, margin, now_ms)};
  json::array positions;  // v3 lists only what is held or ordered
  for (const auto& [name, market] : engine_.markets()) {
    const MarginOfSymbol of = MarginOf(margin, name);
    if (!account.symbol(name).position.is_flat() || !of.order_margin.is_zero()) {
      positions.push_back(PositionOfAccount(account, margin, name));
    }
  }
  answer["positions"] = std::move(positions);
  return json::serialize(answer);
}

Answer<std::string> Rest::AccountV2(Parameters&, int64_t now_ms) {
  const Account& account = engine_.account();
  const Margin margin = ComputeMargin(account, engine_.marks());
  json::object answer{{"feeTier", 0},    {"canTrade", true},           {"canDeposit", true}, {"canWithdraw", true},
                      {"updateTime", 0}, {"multiAssetsMargin", false}, {"tradeGroupId", -1}};
  for (const auto& total : Totals(account, margin)) {
    answer[total.key()] = total.value();
  }
  answer["assets"] = json::array{Asset(account, margin, now_ms)};
  json::array positions;
  for (const auto& [name, market] : engine_.markets()) {
    const Account::Symbol& symbol = account.symbol(name);
    json::object position = PositionOfAccount(account, margin, name);
    const MarginOfSymbol of = MarginOf(margin, name);
    position["positionInitialMargin"] = Money(of.position_margin);
    position["openOrderInitialMargin"] = Money(of.order_margin);
    position["leverage"] = std::to_string(symbol.leverage);
    position["isolated"] = symbol.isolated;
    position["entryPrice"] = symbol.position.entry_price.ToString();
    position["maxNotional"] = MaxNotional(market, symbol.leverage);
    position["bidNotional"] = "0";
    position["askNotional"] = "0";
    positions.push_back(std::move(position));
  }
  answer["positions"] = std::move(positions);
  return json::serialize(answer);
}

Answer<std::string> Rest::Balance(Parameters&, int64_t now_ms) {
  const Account& account = engine_.account();
  const Margin margin = ComputeMargin(account, engine_.marks());
  const json::array answer{json::object{{"accountAlias", "paper"},
                                        {"asset", "USDT"},
                                        {"balance", Money(account.wallet())},
                                        {"crossWalletBalance", Money(margin.cross_wallet)},
                                        {"crossUnPnl", Money(margin.cross_unrealized_pnl)},
                                        {"availableBalance", Money(margin.available)},
                                        {"maxWithdrawAmount", Money(margin.available)},
                                        {"marginAvailable", true},
                                        {"updateTime", now_ms}}};
  return json::serialize(answer);
}

Answer<std::string> Rest::PositionRiskV3(Parameters& parameters, int64_t) {
  const std::vector<std::string> symbols = Symbols(parameters);
  if (parameters.error()) {
    return *parameters.error();
  }
  const Margin margin = ComputeMargin(engine_.account(), engine_.marks());
  json::array answer;
  for (const std::string& name : symbols) {
    const MarginOfSymbol of = MarginOf(margin, name);
    if (!engine_.account().symbol(name).position.is_flat() || !of.order_margin.is_zero()) {
      answer.push_back(PositionRisk(engine_.account(), margin, *engine_.market(name)));
    }
  }
  return json::serialize(answer);
}

Answer<std::string> Rest::PositionRiskV2(Parameters& parameters, int64_t) {
  const std::vector<std::string> symbols = Symbols(parameters);
  if (parameters.error()) {
    return *parameters.error();
  }
  const Margin margin = ComputeMargin(engine_.account(), engine_.marks());
  json::array answer;
  for (const std::string& name : symbols) {
    const Account::Symbol& symbol = engine_.account().symbol(name);
    json::object position = PositionRisk(engine_.account(), margin, *engine_.market(name));
    position["leverage"] = std::to_string(symbol.leverage);
    position["maxNotionalValue"] = MaxNotional(*engine_.market(name), symbol.leverage);
    position["marginType"] = symbol.isolated ? "isolated" : "cross";
    position["isAutoAddMargin"] = "false";
    answer.push_back(std::move(position));
  }
  return json::serialize(answer);
}

Answer<std::string> Rest::PostLeverage(Parameters& parameters, int64_t now_ms) {
  const std::string symbol = Symbol(parameters);
  const int64_t leverage = parameters.Int("leverage");
  if (!parameters.error() && (leverage < 1 || leverage > 125)) {
    parameters.Refuse({-4028, fmt::format("Leverage {} is not valid", leverage)});
  }
  if (parameters.error()) {
    return *parameters.error();
  }
  const Answer<int> set = engine_.SetLeverage(symbol, static_cast<int>(leverage), now_ms);
  if (!set.ok()) {
    return set.error();
  }
  const json::object answer{
      {"symbol", symbol}, {"leverage", *set}, {"maxNotionalValue", MaxNotional(*engine_.market(symbol), *set)}};
  return json::serialize(answer);
}

Answer<std::string> Rest::PostMarginType(Parameters& parameters, int64_t) {
  const std::string symbol = Symbol(parameters);
  const std::string type = parameters.Text("marginType");
  if (!parameters.error() && type != "ISOLATED" && type != "CROSSED") {
    parameters.Refuse({-4049, "Add margin only support for isolated position."});
  }
  if (parameters.error()) {
    return *parameters.error();
  }
  if (const auto error = engine_.SetMarginType(symbol, type == "ISOLATED")) {
    return *error;
  }
  return std::string(R"({"code":200,"msg":"success"})");
}

Answer<std::string> Rest::LeverageBracket(Parameters& parameters, int64_t) {
  const std::vector<std::string> symbols = Symbols(parameters);
  if (parameters.error()) {
    return *parameters.error();
  }
  json::array answer;
  for (const std::string& name : symbols) {
    json::array brackets;
    for (const struct LeverageBracket& bracket : engine_.market(name)->rules().brackets) {
      brackets.push_back(json::object{{"bracket", brackets.size() + 1},
                                      {"initialLeverage", bracket.leverage_max},
                                      {"notionalCap", bracket.cap.raw() / Decimal::kOne},
                                      {"notionalFloor", bracket.floor.raw() / Decimal::kOne},
                                      {"maintMarginRatio", bracket.maintenance_rate.ToDouble()},
                                      {"cum", bracket.cumulative.ToDouble()}});
    }
    answer.push_back(json::object{{"symbol", name}, {"notionalCoef", "1.00"}, {"brackets", std::move(brackets)}});
  }
  return json::serialize(answer);
}

Answer<std::string> Rest::PositionSide(Parameters&, int64_t) { return std::string(R"({"dualSidePosition":false})"); }

Answer<std::string> Rest::CommissionRate(Parameters& parameters, int64_t) {
  const std::string symbol = Symbol(parameters);
  if (parameters.error()) {
    return *parameters.error();
  }
  const json::object answer{{"symbol", symbol},
                            {"makerCommissionRate", MakerFee().ToString(6)},
                            {"takerCommissionRate", TakerFee().ToString(6)}};
  return json::serialize(answer);
}

Answer<std::string> Rest::SymbolConfig(Parameters& parameters, int64_t) {
  const std::vector<std::string> symbols = Symbols(parameters);
  if (parameters.error()) {
    return *parameters.error();
  }
  json::array answer;
  for (const std::string& name : symbols) {
    const Account::Symbol& symbol = engine_.account().symbol(name);
    answer.push_back(json::object{{"symbol", name},
                                  {"marginType", symbol.isolated ? "ISOLATED" : "CROSSED"},
                                  {"isAutoAddMargin", false},
                                  {"leverage", symbol.leverage},
                                  {"maxNotionalValue", MaxNotional(*engine_.market(name), symbol.leverage)}});
  }
  return json::serialize(answer);
}

Answer<std::string> Rest::PostPositionSide(Parameters& parameters, int64_t) {
  const bool dual = parameters.Has("dualSidePosition") && parameters.Bool("dualSidePosition", false);
  if (parameters.Text("dualSidePosition"); parameters.error()) {
    return *parameters.error();
  }
  // Hedge mode is not offered yet: the account stays in one-way mode.
  return dual ? ApiError{-4084, "Method is not allowed currently. Upcoming soon."}
              : ApiError{-4059, "No need to change position side."};
}

Answer<std::string> Rest::PostListenKey(Parameters&, int64_t now_ms) {
  ExpireListenKey(now_ms);
  if (listen_key_.empty()) {
    listen_key_ = NewIncarnation() + NewIncarnation();
  }
  listen_key_until_ms_ = now_ms + kListenKeyMs;
  return fmt::format(R"({{"listenKey":"{}"}})", listen_key_);
}

Answer<std::string> Rest::PutListenKey(Parameters&, int64_t now_ms) {
  ExpireListenKey(now_ms);
  if (listen_key_.empty()) {
    return ApiError{-1125, "This listenKey does not exist."};
  }
  listen_key_until_ms_ = now_ms + kListenKeyMs;
  return fmt::format(R"({{"listenKey":"{}"}})", listen_key_);
}

Answer<std::string> Rest::DeleteListenKey(Parameters&, int64_t now_ms) {
  listen_key_until_ms_ = now_ms;
  ExpireListenKey(now_ms);
  return std::string("{}");
}

void Rest::ExpireListenKey(int64_t now_ms) {
  if (!listen_key_.empty() && now_ms >= listen_key_until_ms_) {
    hub_.ExpireListenKey(listen_key_, now_ms);
    listen_key_.clear();
  }
}

}  // namespace quantum::paper
