// Orders, conditional orders and fills.
#include <algorithm>
#include <boost/json.hpp>
#include <regex>

#include "exchange/paper/protocol/encode_user.h"
#include "exchange/paper/protocol/rest.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;

bool IsConditionalType(const std::string& type) {
  return type == "STOP" || type == "STOP_MARKET" || type == "TAKE_PROFIT" || type == "TAKE_PROFIT_MARKET" ||
         type == "TRAILING_STOP_MARKET";
}

Side ReadSide(Parameters& parameters) {
  const std::string text = parameters.Text("side");
  const auto side = trading::ParseSide(text);
  if (!side.ok()) {
    parameters.Refuse({-1117, "Invalid side."});
    return Side::kBuy;
  }
  return *side;
}

TimeInForce ReadTimeInForce(Parameters& parameters, bool mandatory) {
  const std::string text = mandatory ? parameters.Text("timeInForce") : parameters.Text("timeInForce", "GTC");
  const auto tif = trading::ParseTimeInForce(text);
  if (!tif.ok()) {
    parameters.Refuse({-1115, "Invalid timeInForce."});
    return TimeInForce::kGtc;
  }
  return *tif;
}

std::string ReadClientId(Parameters& parameters, const char* name) {
  static const std::regex kAllowed(R"(^[\.A-Z\:/a-z0-9_-]{1,36}$)");
  const std::string id = parameters.Text(name, "");
  if (!id.empty() && !std::regex_match(id, kAllowed)) {
    parameters.Refuse({-4015, "Client order id is not valid."});
  }
  return id;
}

void CheckPositionSide(Parameters& parameters) {
  if (parameters.Text("positionSide", "BOTH") != "BOTH") {
    parameters.Refuse({-4061, "Order's position side does not match user's setting."});
  }
}

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
  request.client_id = ReadClientId(parameters, "newClientOrderId");
  const std::string response_type = parameters.Text("newOrderRespType", "ACK");
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

Answer<std::string> Rest::PostAlgo(Parameters& parameters, int64_t now_ms) {
  AlgoRequest request;
  if (parameters.Text("algoType") != "CONDITIONAL") {
    parameters.Refuse({-1102, "Mandatory parameter 'algoType' was not sent, was empty/null, or malformed."});
  }
  request.symbol = Symbol(parameters);
  request.side = ReadSide(parameters);
  CheckPositionSide(parameters);
  request.type = parameters.Text("type");
  if (!IsConditionalType(request.type) || request.type == "TRAILING_STOP_MARKET") {
    parameters.Refuse({-1116, "Invalid orderType."});
  }
  request.time_in_force = ReadTimeInForce(parameters, false);
  request.trigger_price = parameters.Number("triggerPrice");
  request.close_position = parameters.Bool("closePosition", false);
  request.reduce_only = parameters.Bool("reduceOnly", false);
  if (request.close_position) {
    if (parameters.Has("quantity") || parameters.Has("reduceOnly")) {
      parameters.Refuse({-1106, "Parameter 'quantity' or 'reduceOnly' sent when not required."});
    }
    if (!request.type.ends_with("_MARKET")) {
      parameters.Refuse({-4138, "Reduce only must be true."});
    }
  } else {
    request.quantity = parameters.Number("quantity");
  }
  if (!request.type.ends_with("_MARKET")) {
    request.price = parameters.Number("price");
  }
  const std::string working = parameters.Text("workingType", "CONTRACT_PRICE");
  if (working != "CONTRACT_PRICE" && working != "MARK_PRICE") {
    parameters.Refuse({-1128, "Invalid workingType."});
  }
  request.on_mark_price = working == "MARK_PRICE";
  request.client_id = ReadClientId(parameters, "clientAlgoId");
  if (parameters.error()) {
    return *parameters.error();
  }
  const Answer<AlgoOrder> placed = engine_.PlaceAlgo(request, now_ms);
  if (!placed.ok()) {
    return placed.error();
  }
  return json::serialize(EncodeAlgo(*placed));
}

const AlgoOrder* Rest::FindAlgo(Parameters& parameters) const {
  if (const auto id = parameters.MaybeInt("algoId")) {
    return engine_.account().FindAlgo(*id);
  }
  if (!parameters.Has("clientAlgoId")) {
    parameters.Refuse({-1102, "Param 'algoId' or 'clientAlgoId' must be sent, but both were empty/null!"});
    return nullptr;
  }
  return engine_.account().FindAlgo(parameters.Text("clientAlgoId"));
}

Answer<std::string> Rest::GetAlgo(Parameters& parameters, int64_t) {
  const AlgoOrder* order = FindAlgo(parameters);
  if (parameters.error()) {
    return *parameters.error();
  }
  if (order == nullptr) {
    return ApiError{-2013, "Order does not exist."};
  }
  return json::serialize(EncodeAlgo(*order));
}

Answer<std::string> Rest::DeleteAlgo(Parameters& parameters, int64_t now_ms) {
  const AlgoOrder* order = FindAlgo(parameters);
  if (parameters.error()) {
    return *parameters.error();
  }
  const Answer<AlgoOrder> cancelled = engine_.CancelAlgo(order == nullptr ? 0 : order->algo_id, now_ms);
  if (!cancelled.ok()) {
    return cancelled.error();
  }
  const json::object done{
      {"algoId", cancelled->algo_id}, {"clientAlgoId", cancelled->client_id}, {"code", "200"}, {"msg", "success"}};
  return json::serialize(done);
}

Answer<std::string> Rest::OpenAlgos(Parameters& parameters, int64_t) {
  const std::vector<std::string> symbols = Symbols(parameters);
  if (parameters.error()) {
    return *parameters.error();
  }
  json::array all;
  for (int64_t id : engine_.account().open_algos()) {
    const AlgoOrder& order = *engine_.account().FindAlgo(id);
    if (std::find(symbols.begin(), symbols.end(), order.symbol) != symbols.end()) {
      all.push_back(EncodeAlgo(order));
    }
  }
  return json::serialize(all);
}

Answer<std::string> Rest::AllAlgos(Parameters& parameters, int64_t) {
  const std::string symbol = Symbol(parameters);
  const int64_t from_id = parameters.MaybeInt("algoId").value_or(0);
  const int64_t limit = std::clamp<int64_t>(parameters.MaybeInt("limit").value_or(500), 1, 1000);
  if (parameters.error()) {
    return *parameters.error();
  }
  json::array all;
  const auto& algos = engine_.account().algos();
  for (auto at = algos.lower_bound(from_id); at != algos.end() && static_cast<int64_t>(all.size()) < limit; ++at) {
    if (at->second.symbol == symbol) {
      all.push_back(EncodeAlgo(at->second));
    }
  }
  return json::serialize(all);
}

Answer<std::string> Rest::DeleteAllAlgos(Parameters& parameters, int64_t now_ms) {
  const std::string symbol = Symbol(parameters);
  if (parameters.error()) {
    return *parameters.error();
  }
  engine_.CancelAllAlgos(symbol, now_ms);
  return std::string(R"({"code":200,"msg":"The operation of cancel all open order is done."})");
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
