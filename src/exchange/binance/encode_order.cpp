#include "exchange/binance/encode_order.h"

#include <algorithm>

namespace quantum::binance {
namespace {

using exchange::NewOrder;
using trading::Decimal;
using trading::OrderType;
using trading::operator""_dec;

const Decimal kCallbackMin = "0.1"_dec;
const Decimal kCallbackMax = "10"_dec;

Error Invalid(const NewOrder& order, std::string_view why) {
  return Error{Errc::kInvalidArgument,
               "order " + order.client_order_id.substr(0, 40) + " " + order.symbol + ": " + std::string(why)};
}

Status Validate(const NewOrder& order) {
  if (!IsClientOrderId(order.client_order_id)) {
    return Invalid(order, "the client order id must match ^[\\.A-Z\\:/a-z0-9_-]{1,36}$");
  }
  if (order.symbol.empty()) {
    return Invalid(order, "the symbol is empty");
  }
  if (!order.quantity.is_positive()) {
    return Invalid(order, "the quantity must be positive, got " + order.quantity.ToString());
  }
  if (order.type == OrderType::kLimit && !order.price.is_positive()) {
    return Invalid(order, "a LIMIT order needs a positive price, got " + order.price.ToString());
  }
  if (order.type == OrderType::kTrailingStop) {
    if (order.callback_percent < kCallbackMin || order.callback_percent > kCallbackMax ||
        order.callback_percent != order.callback_percent.RoundTo(kCallbackMin, trading::Rounding::kDown)) {
      return Invalid(order, "a trailing stop needs a callback of 0.1 to 10 percent in steps of 0.1, got " +
                                order.callback_percent.ToString());
    }
  } else if (IsConditional(order.type) && !order.trigger_price.is_positive()) {
    return Invalid(order, "a conditional order needs a positive trigger price, got " + order.trigger_price.ToString());
  }
  if (IsConditional(order.type)) {
    if (!order.reduce_only) {
      return Invalid(order, "a conditional order must be reduce-only");
    }
  }
  return {};
}

}  // namespace

bool IsClientOrderId(std::string_view text) {
  return !text.empty() && text.size() <= 36 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == ':' ||
           c == '/' || c == '_' || c == '-';
  });
}

Result<OrderRequest> EncodeOrder(const NewOrder& order) {
  QUANTUM_CHECK(Validate(order));
  OrderRequest request;
  Parameters& out = request.parameters;
  out.Add("symbol", order.symbol).Add("side", ToString(order.side)).Add("type", ToString(order.type));
  out.Add("quantity", order.quantity);
  if (IsConditional(order.type)) {
    request.path = kAlgoOrderPath;
    out.Add("algoType", "CONDITIONAL").Add("clientAlgoId", order.client_order_id);
    if (order.type == OrderType::kTrailingStop) {
      out.Add("callbackRate", order.callback_percent);
      if (order.activation_price.is_positive()) {
        out.Add("activatePrice", order.activation_price);
      }
    } else {
      out.Add("triggerPrice", order.trigger_price);
    }
    out.Add("workingType", "MARK_PRICE");
    out.Add("reduceOnly", true);
    return request;
  }
  request.path = kOrderPath;
  out.Add("newClientOrderId", order.client_order_id).Add("newOrderRespType", "RESULT");
  if (order.type == OrderType::kLimit) {
    out.Add("price", order.price).Add("timeInForce", ToString(order.time_in_force));
  }
  if (order.reduce_only) {
    out.Add("reduceOnly", true);
  }
  return request;
}

}  // namespace quantum::binance
