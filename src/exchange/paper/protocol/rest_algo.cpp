// Conditional orders.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "exchange/paper/protocol/encode_user.h"
#include "exchange/paper/protocol/order_parameters.h"
#include "exchange/paper/protocol/rest.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;
using trading::operator""_dec;

void ReadTrail(Parameters& parameters, AlgoRequest& request) {
  // The order endpoint called it activationPrice, and clients still do.
  request.activate_price = parameters.Number("activatePrice", parameters.Number("activationPrice", Decimal()));
  request.callback_rate = parameters.Number("callbackRate");
  if (request.activate_price.is_negative()) {
    parameters.Refuse({-4135, "Invalid activation price"});
  }
  if (request.callback_rate < "0.1"_dec || request.callback_rate > "10"_dec ||
      !request.callback_rate.IsMultipleOf("0.1"_dec)) {
    parameters.Refuse({-1130, "Data sent for parameter 'callbackRate' is not valid."});
  }
}

}  // namespace

Answer<std::string> Rest::PostAlgo(Parameters& parameters, int64_t now_ms) {
  AlgoRequest request;
  if (parameters.Text("algoType") != "CONDITIONAL") {
    parameters.Refuse({-1102, "Mandatory parameter 'algoType' was not sent, was empty/null, or malformed."});
  }
  request.symbol = Symbol(parameters);
  request.side = ReadSide(parameters);
  CheckPositionSide(parameters);
  request.type = parameters.Text("type");
  if (!IsConditionalType(request.type)) {
    parameters.Refuse({-1116, "Invalid orderType."});
  }
  const bool trailing = request.type == "TRAILING_STOP_MARKET";
  request.time_in_force = ReadTimeInForce(parameters, false);
  if (trailing) {
    ReadTrail(parameters, request);
  } else {
    request.trigger_price = parameters.Number("triggerPrice");
  }
  request.self_trade = ReadSelfTradePrevention(parameters);
  request.close_position = parameters.Bool("closePosition", false);
  request.reduce_only = parameters.Bool("reduceOnly", false);
  if (request.close_position) {
    if (parameters.Has("quantity")) {
      parameters.Refuse({-4137, "Quantity must be zero with closePosition equals true"});
    }
    if (parameters.Has("reduceOnly")) {
      parameters.Refuse({-1106, "Parameter 'reduceOnly' sent when not required."});
    }
    if (trailing || !request.type.ends_with("_MARKET")) {
      parameters.Refuse(
          {-4136, fmt::format("Target strategy invalid for orderType {},closePosition true", request.type)});
    }
  } else {
    request.quantity = parameters.Number("quantity");
  }
  if (!request.type.ends_with("_MARKET")) {
    request.price = parameters.Number("price");
  }
  const std::string working = parameters.Text("workingType", "CONTRACT_PRICE");
  if (working != "CONTRACT_PRICE" && working != "MARK_PRICE") {
    parameters.Refuse({-4031, "Invalid parameter working type: " + working});
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

}  // namespace quantum::paper
