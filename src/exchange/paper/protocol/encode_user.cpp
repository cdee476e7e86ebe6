#include "exchange/paper/protocol/encode_user.h"

#include "exchange/paper/engine/rules.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;

std::string Price(Decimal price) { return price.is_zero() ? "0" : price.ToString(2); }
std::string Quantity(Decimal quantity) { return quantity.ToString(3); }
std::string Money(Decimal money) { return money.ToString(8); }
std::string_view TypeOf(const PaperOrder& order) { return order.market ? "MARKET" : "LIMIT"; }

json::object OrderUpdate(const OrderEvent& event, int64_t now_ms) {
  const PaperOrder& order = event.order;
  json::object o{{"s", order.symbol},
                 {"c", order.client_id},
                 {"S", ToString(order.side)},
                 {"o", TypeOf(order)},
                 {"f", ToString(order.time_in_force)},
                 {"q", Quantity(order.quantity)},
                 {"p", Price(order.price)},
                 {"ap", order.filled.is_zero() ? "0" : AveragePrice(order.average())},
                 {"sp", Price(order.trigger_price)},
                 {"x", event.execution},
                 {"X", ToString(order.status)},
                 {"i", order.order_id},
                 {"l", event.fill ? Quantity(event.fill->quantity) : "0"},
                 {"z", Quantity(order.filled)},
                 {"L", event.fill ? Price(event.fill->price) : "0"}};
  if (event.fill) {
    o["N"] = "USDT";
    o["n"] = Money(event.fill->fee);
  }
  o["T"] = event.fill ? event.fill->time_ms : order.updated_ms;
  o["t"] = event.fill ? event.fill->trade_id : 0;
  const bool buys = order.side == Side::kBuy && IsOpen(order.status);
  const bool sells = order.side == Side::kSell && IsOpen(order.status);
  o["b"] = buys ? order.price.Times(order.remaining()).ToString(5) : "0";
  o["a"] = sells ? order.price.Times(order.remaining()).ToString(5) : "0";
  o["m"] = event.fill && event.fill->maker;
  o["R"] = order.reduce_only;
  o["wt"] = "CONTRACT_PRICE";
  o["ot"] = order.original_type;
  o["ps"] = "BOTH";
  o["cp"] = order.close_position;
  if (!order.callback_rate.is_zero()) {
    o["AP"] = Price(order.activate_price);
    o["cr"] = order.callback_rate.ToString(1);
  }
  o["rp"] = event.fill ? Money(event.fill->realized_pnl) : "0";
  o["pP"] = false;
  o["si"] = order.algo_id;
  o["ss"] = 0;
  o["V"] = ToString(order.self_trade);
  o["pm"] = "NONE";
  o["gtd"] = 0;
  o["er"] = "0";
  return {{"e", "ORDER_TRADE_UPDATE"}, {"E", now_ms}, {"T", order.updated_ms}, {"o", std::move(o)}};
}

json::object TradeLite(const OrderEvent& event, int64_t now_ms) {
  const PaperFill& fill = *event.fill;
  return {{"e", "TRADE_LITE"},
          {"E", now_ms},
          {"T", fill.time_ms},
          {"s", fill.symbol},
          {"q", Quantity(event.order.quantity)},
          {"p", Price(event.order.price)},
          {"m", fill.maker},
          {"c", event.order.client_id},
          {"S", ToString(fill.side)},
          {"L", Price(fill.price)},
          {"l", Quantity(fill.quantity)},
          {"t", fill.trade_id},
          {"i", fill.order_id}};
}

json::object AccountUpdate(const AccountEvent& event, int64_t now_ms) {
  json::object balance{{"a", "USDT"},
                       {"wb", Money(event.wallet)},
                       {"cw", Money(event.cross_wallet)},
                       {"bc", event.change.is_zero() ? "0" : Money(event.change)}};
  json::object position{{"s", event.symbol},
                        {"pa", Quantity(event.position.quantity)},
                        {"ep", event.position.entry_price.ToString()},
                        {"bep", event.position.entry_price.ToString()},
                        {"cr", Money(event.position.realized_pnl)},
                        {"up", Money(event.unrealized_pnl)},
                        {"mt", event.isolated ? "isolated" : "cross"},
                        {"iw", event.isolated ? Money(event.isolated_wallet) : "0"},
                        {"ps", "BOTH"}};
  json::array positions;
  if (event.tells_position) {
    positions.push_back(std::move(position));
  }
  return {
      {"e", "ACCOUNT_UPDATE"},
      {"T", now_ms},
      {"E", now_ms},
      {"a", json::object{{"m", event.reason}, {"B", json::array{std::move(balance)}}, {"P", std::move(positions)}}}};
}

json::object MarginCall(const MarginCallEvent& event, int64_t now_ms) {
  json::array positions;
  for (const MarginCallEvent::Row& row : event.positions) {
    positions.push_back(json::object{{"s", row.symbol},
                                     {"ps", "BOTH"},
                                     {"pa", Quantity(row.quantity)},
                                     {"mt", row.isolated ? "ISOLATED" : "CROSSED"},
                                     {"iw", row.isolated ? Money(row.isolated_wallet) : "0"},
                                     {"mp", Money(row.mark_price)},
                                     {"up", Money(row.unrealized_pnl)},
                                     {"mm", Money(row.maintenance_margin)}});
  }
  json::object call{{"e", "MARGIN_CALL"}, {"E", now_ms}};
  if (event.cross_wallet) {
    call["cw"] = Money(*event.cross_wallet);
  }
  call["p"] = std::move(positions);
  return call;
}

json::object AlgoUpdate(const AlgoEvent& event, int64_t now_ms) {
  const AlgoOrder& order = event.order;
  json::object o{{"caid", order.client_id},
                 {"aid", order.algo_id},
                 {"at", "CONDITIONAL"},
                 {"o", order.type},
                 {"s", order.symbol},
                 {"S", ToString(order.side)},
                 {"ps", "BOTH"},
                 {"f", ToString(order.time_in_force)},
                 {"q", Quantity(order.quantity)},
                 {"X", ToString(order.status)},
                 {"ai", order.order_id == 0 ? std::string() : std::to_string(order.order_id)},
                 {"ap", AveragePrice(order.average_price)},
                 {"aq", Quantity(order.executed)},
                 {"act", order.order_id == 0 ? "0" : (order.is_market() ? "MARKET" : "LIMIT")},
                 {"tp", Price(order.trigger_price)},
                 {"p", Price(order.price)},
                 {"V", ToString(order.self_trade)},
                 {"wt", order.on_mark_price ? "MARK_PRICE" : "CONTRACT_PRICE"},
                 {"pm", "NONE"},
                 {"cp", order.close_position},
                 {"pP", false},
                 {"R", order.reduce_only},
                 {"tt", order.triggered_ms},
                 {"gtd", 0},
                 {"rm", order.reject_reason}};
  return {{"e", "ALGO_UPDATE"}, {"T", order.updated_ms}, {"E", now_ms}, {"o", std::move(o)}};
}

json::object ConfigUpdate(const LeverageEvent& event, int64_t now_ms) {
  return {{"e", "ACCOUNT_CONFIG_UPDATE"},
          {"E", now_ms},
          {"T", now_ms},
          {"ac", json::object{{"s", event.symbol}, {"l", event.leverage}}}};
}

}  // namespace

std::string AveragePrice(Decimal average) { return average.is_zero() ? "0.00" : average.ToString(8); }

json::object EncodeOrder(const PaperOrder& order) {
  return {{"orderId", order.order_id},
          {"symbol", order.symbol},
          {"status", ToString(order.status)},
          {"clientOrderId", order.client_id},
          {"price", order.price.ToString(2)},
          {"avgPrice", AveragePrice(order.average())},
          {"origQty", Quantity(order.quantity)},
          {"executedQty", Quantity(order.filled)},
          {"cumQty", Quantity(order.filled)},
          {"cumQuote", order.quote.ToString(5)},
          {"timeInForce", ToString(order.time_in_force)},
          {"type", TypeOf(order)},
          {"reduceOnly", order.reduce_only},
          {"closePosition", order.close_position},
          {"side", ToString(order.side)},
          {"positionSide", "BOTH"},
          {"stopPrice", order.trigger_price.ToString(2)},
          {"workingType", "CONTRACT_PRICE"},
          {"priceProtect", false},
          {"origType", order.original_type},
          {"priceMatch", "NONE"},
          {"selfTradePreventionMode", ToString(order.self_trade)},
          {"goodTillDate", 0},
          {"time", order.created_ms},
          {"updateTime", order.updated_ms}};
}

json::object EncodeAlgo(const AlgoOrder& order) {
  return {{"algoId", order.algo_id},
          {"clientAlgoId", order.client_id},
          {"algoType", "CONDITIONAL"},
          {"orderType", order.type},
          {"type", order.type},
          {"symbol", order.symbol},
          {"side", ToString(order.side)},
          {"positionSide", "BOTH"},
          {"timeInForce", ToString(order.time_in_force)},
          {"quantity", Quantity(order.quantity)},
          {"algoStatus", ToString(order.status)},
          {"actualOrderId", order.order_id == 0 ? std::string() : std::to_string(order.order_id)},
          {"actualPrice", AveragePrice(order.average_price)},
          {"actualQty", Quantity(order.executed)},
          {"triggerPrice", order.trigger_price.ToString(2)},
          {"price", order.price.ToString(2)},
          {"icebergQuantity", nullptr},
          {"selfTradePreventionMode", ToString(order.self_trade)},
          {"workingType", order.on_mark_price ? "MARK_PRICE" : "CONTRACT_PRICE"},
          {"priceMatch", "NONE"},
          {"closePosition", order.close_position},
          {"priceProtect", false},
          {"reduceOnly", order.reduce_only},
          {"activatePrice", order.is_trailing() ? Price(order.activate_price) : ""},
          {"callbackRate", order.is_trailing() ? order.callback_rate.ToString(1) : ""},
          {"createTime", order.created_ms},
          {"updateTime", order.updated_ms},
          {"triggerTime", order.triggered_ms},
          {"goodTillDate", 0}};
}

json::object EncodeFill(const PaperFill& fill) {
  return {{"buyer", fill.side == Side::kBuy},
          {"commission", Money(fill.fee)},
          {"commissionAsset", "USDT"},
          {"id", fill.trade_id},
          {"maker", fill.maker},
          {"orderId", fill.order_id},
          {"price", Price(fill.price)},
          {"qty", Quantity(fill.quantity)},
          {"quoteQty", fill.price.Times(fill.quantity).ToString(5)},
          {"realizedPnl", Money(fill.realized_pnl)},
          {"side", ToString(fill.side)},
          {"positionSide", "BOTH"},
          {"symbol", fill.symbol},
          {"time", fill.time_ms}};
}

std::vector<std::string> EncodeEvent(const EngineEvent& event, int64_t now_ms) {
  std::vector<std::string> messages;
  if (const auto* order = std::get_if<OrderEvent>(&event)) {
    if (order->fill) {
      messages.push_back(json::serialize(TradeLite(*order, now_ms)));
    }
    messages.push_back(json::serialize(OrderUpdate(*order, now_ms)));
  } else if (const auto* account = std::get_if<AccountEvent>(&event)) {
    messages.push_back(json::serialize(AccountUpdate(*account, now_ms)));
  } else if (const auto* algo = std::get_if<AlgoEvent>(&event)) {
    messages.push_back(json::serialize(AlgoUpdate(*algo, now_ms)));
  } else if (const auto* call = std::get_if<MarginCallEvent>(&event)) {
    messages.push_back(json::serialize(MarginCall(*call, now_ms)));
  } else {
    messages.push_back(json::serialize(ConfigUpdate(std::get<LeverageEvent>(event), now_ms)));
  }
  return messages;
}

}  // namespace quantum::paper
