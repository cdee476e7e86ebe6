// Orders and fills.
#include <algorithm>
#include <boost/json.hpp>

#include "exchange/paper/protocol/encode_user.h"
#include "exchange/paper/protocol/order_parameters.h"
#include "exchange/paper/protocol/rest.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;

constexpr int64_t kCountdownMaxMs = 7LL * 24 * 60 * 60 * 1000;

}  // namespace

Answer<std::string> Rest::PostOrder(Parameters& parameters, int64_t now_ms) {
  OrderRequest request;
  request.symbol = Symbol(parameters);
  request.side = ReadSide(parameters);
  CheckPositionSide(parameters);
  const std::string type = parameters.Text("type");
  if (IsConditionalType(type)) {
    parameters.Refuse(
        {-4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."});
  } else if (type != "LIMIT" && type != "MARKET") {
    parameters.Refuse({-1116, "Invalid orderType."});
  }
  request.market = type == "MARKET";
  request.quantity = parameters.Number("quantity");
  if (request.market) {
    if (parameters.Has("price")) {
      parameters.Refuse({-1106, "Parameter 'price' sent when not required."});
    }
    if (parameters.Has("timeInForce")) {
      parameters.Refuse({-1106, "Parameter 'timeInForce' sent when not required."});
    }
  } else {
    request.time_in_force = ReadTimeInForce(parameters, true);
    request.price = parameters.Number("price");
  }
  request.reduce_only = parameters.Bool("reduceOnly", false);
  request.self_trade = ReadSelfTradePrevention(parameters);
  request.client_id = ReadClientId(parameters, "newClientOrderId");
  const std::string response_type = parameters.Text("newOrderRespType", "ACK");
  if (response_type != "ACK" && response_type != "RESULT") {
    parameters.Refuse({-1136, "Invalid newOrderRespType."});
  }
  if (parameters.error()) {
    return *parameters.error();
  }
  const Answer<PaperOrder> placed = engine_.Place(request, now_ms);
  if (!placed.ok()) {
    return placed.error();
  }
  PaperOrder told = *placed;
  if (response_type != "RESULT") {
    // An ACK tells that the order arrived, not what became of it.
    told.status = Execution::kNew;
    told.filled = told.quote = Decimal();
  }
  return json::serialize(EncodeOrder(told));
}

const PaperOrder* Rest::FindOrder(Parameters& parameters, const std::string& symbol) const {
  if (const auto id = parameters.MaybeInt("orderId")) {
    const PaperOrder* order = engine_.account().FindOrder(*id);
    return order != nullptr && order->symbol == symbol ? order : nullptr;
  }
  if (!parameters.Has("origClientOrderId")) {
    parameters.Refuse({-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"});
    return nullptr;
  }
  return engine_.account().FindOrder(symbol, parameters.Text("origClientOrderId"));
}

Answer<std::string> Rest::PutOrder(Parameters& parameters, int64_t now_ms) {
  const PaperOrder* order = FindOrder(parameters, Symbol(parameters));
  AmendRequest request;
  request.side = ReadSide(parameters);
  request.quantity = parameters.Number("quantity");
  request.price = parameters.Number("price");
  if (parameters.error()) {
    return *parameters.error();
  }
  request.order_id = order == nullptr ? 0 : order->order_id;
  const Answer<PaperOrder> amended = engine_.Amend(request, now_ms);
  if (!amended.ok()) {
    return amended.error();
  }
  return json::serialize(EncodeOrder(*amended));
}

Answer<std::string> Rest::GetOrder(Parameters& parameters, int64_t) {
  const PaperOrder* order = FindOrder(parameters, Symbol(parameters));
  if (parameters.error()) {
    return *parameters.error();
  }
  if (order == nullptr) {
    return ApiError{-2013, "Order does not exist."};
  }
  return json::serialize(EncodeOrder(*order));
}

Answer<std::string> Rest::DeleteOrder(Parameters& parameters, int64_t now_ms) {
  const PaperOrder* order = FindOrder(parameters, Symbol(parameters));
  if (parameters.error()) {
    return *parameters.error();
  }
  const Answer<PaperOrder> cancelled = engine_.Cancel(order == nullptr ? 0 : order->order_id, now_ms);
  if (!cancelled.ok()) {
    return cancelled.error();
  }
  return json::serialize(EncodeOrder(*cancelled));
}

Answer<std::string> Rest::OpenOrders(Parameters& parameters, int64_t) {
  const std::vector<std::string> symbols = Symbols(parameters);
  if (parameters.error()) {
    return *parameters.error();
  }
  json::array all;
  for (int64_t id : engine_.account().open_orders()) {
    const PaperOrder& order = *engine_.account().FindOrder(id);
    if (std::find(symbols.begin(), symbols.end(), order.symbol) != symbols.end()) {
      all.push_back(EncodeOrder(order));
    }
  }
  return json::serialize(all);
}

Answer<std::string> Rest::AllOrders(Parameters& parameters, int64_t) {
  const std::string symbol = Symbol(parameters);
  const auto from_id = parameters.MaybeInt("orderId");
  const auto start = parameters.MaybeInt("startTime");
  const auto end = parameters.MaybeInt("endTime");
  const int64_t limit = std::clamp<int64_t>(parameters.MaybeInt("limit").value_or(500), 1, 1000);
  if (parameters.error()) {
    return *parameters.error();
  }
  std::vector<const PaperOrder*> found;
  for (const auto& [id, order] : engine_.account().orders()) {
    if (order.symbol == symbol && (!from_id || id >= *from_id) && (!start || order.created_ms >= *start) &&
        (!end || order.created_ms <= *end)) {
      found.push_back(&order);
    }
  }
  if (static_cast<int64_t>(found.size()) > limit) {
    if (from_id) {
      found.resize(static_cast<size_t>(limit));
    } else {
      found.erase(found.begin(), found.end() - limit);
    }
  }
  json::array all;
  for (const PaperOrder* order : found) {
    all.push_back(EncodeOrder(*order));
  }
  return json::serialize(all);
}

Answer<std::string> Rest::DeleteAllOrders(Parameters& parameters, int64_t now_ms) {
  const std::string symbol = Symbol(parameters);
  if (parameters.error()) {
    return *parameters.error();
  }
  engine_.CancelAll(symbol, now_ms);
  return std::string(R"({"code":200,"msg":"The operation of cancel all open order is done."})");
}

Answer<std::string> Rest::CountdownCancelAll(Parameters& parameters, int64_t now_ms) {
  const std::string symbol = Symbol(parameters);
  const int64_t countdown_ms = parameters.Int("countdownTime");
  if (countdown_ms < 0 || countdown_ms > kCountdownMaxMs) {
    parameters.Refuse({-1130, "Data sent for parameter 'countdownTime' is not valid."});
  }
  if (parameters.error()) {
    return *parameters.error();
  }
  if (const auto error = engine_.SetCountdown(symbol, countdown_ms, now_ms)) {
    return *error;
  }
  const json::object answer{{"symbol", symbol}, {"countdownTime", std::to_string(countdown_ms)}};
  return json::serialize(answer);
}

Answer<std::string> Rest::UserTrades(Parameters& parameters, int64_t) {
  const std::string symbol = Symbol(parameters);
  const auto order_id = parameters.MaybeInt("orderId");
  const auto from_id = parameters.MaybeInt("fromId");
  const auto start = parameters.MaybeInt("startTime");
  const auto end = parameters.MaybeInt("endTime");
  const int64_t limit = std::clamp<int64_t>(parameters.MaybeInt("limit").value_or(500), 1, 1000);
  if (from_id && (start || end)) {
    parameters.Refuse({-1128, "Combination of optional parameters invalid."});
  }
  if (parameters.error()) {
    return *parameters.error();
  }
  std::vector<const PaperFill*> found;
  for (const PaperFill& fill : engine_.account().fills()) {
    if (fill.symbol == symbol && (!order_id || fill.order_id == *order_id) && (!from_id || fill.trade_id >= *from_id) &&
        (!start || fill.time_ms >= *start) && (!end || fill.time_ms <= *end)) {
      found.push_back(&fill);
    }
  }
  // From an id or a time on: the oldest; otherwise the newest.
  if (static_cast<int64_t>(found.size()) > limit) {
    if (from_id || start) {
      found.resize(static_cast<size_t>(limit));
    } else {
      found.erase(found.begin(), found.end() - limit);
    }
  }
  json::array all;
  for (const PaperFill* fill : found) {
    all.push_back(EncodeFill(*fill));
  }
  return json::serialize(all);
}

}  // namespace quantum::paper
