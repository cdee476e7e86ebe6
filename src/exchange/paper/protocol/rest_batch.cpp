// Several orders in one request: each is answered by itself, in the order in which they were sent.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>

#include "exchange/paper/protocol/rest.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;

constexpr size_t kPlacedMax = 5;
constexpr size_t kCancelledMax = 10;

// Numbers as a client would write them: never with an exponent.
std::string TextOf(const json::value& value) {
  if (value.is_double()) {
    char text[512];  // the longest number has some 330 digits
    const auto end = std::to_chars(text, text + sizeof text, value.get_double(), std::chars_format::fixed).ptr;
    return std::string(text, end);
  }
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

// The elements of a parameter that is a list in JSON.
json::array ReadList(Parameters& parameters, std::string_view name) {
  boost::system::error_code error;
  const json::value value = json::parse(parameters.Text(name), error);
  if (error || !value.is_array()) {
    parameters.Refuse({-1130, fmt::format("Data sent for parameter '{}' is not valid.", name)});
    return {};
  }
  return value.get_array();
}

Parameters ParametersOf(const json::value& element) {
  std::vector<std::pair<std::string, std::string>> all;
  if (const json::object* object = element.if_object()) {
    for (const auto& field : *object) {
      all.emplace_back(field.key(), TextOf(field.value()));
    }
  }
  return Parameters(std::move(all));
}

}  // namespace

Answer<std::string> Rest::Each(Parameters& parameters, Handler handler, int64_t now_ms) {
  const json::array orders = ReadList(parameters, "batchOrders");
  if (parameters.error()) {
    return *parameters.error();
  }
  if (orders.empty() || orders.size() > kPlacedMax) {
    return ApiError{-4082, fmt::format("Invalid number of batch place orders: {}", orders.size())};
  }
  std::string answers;
  for (const json::value& order : orders) {
    Parameters one = ParametersOf(order);
    const Answer<std::string> answer = (this->*handler)(one, now_ms);
    answers += answers.empty() ? "" : ",";
    answers += answer.ok() ? *answer : RefusalJson(answer.error());
  }
  return "[" + answers + "]";
}

Answer<std::string> Rest::PostBatch(Parameters& parameters, int64_t now_ms) {
  return Each(parameters, &Rest::PostOrder, now_ms);
}

Answer<std::string> Rest::PutBatch(Parameters& parameters, int64_t now_ms) {
  return Each(parameters, &Rest::PutOrder, now_ms);
}

Answer<std::string> Rest::DeleteBatch(Parameters& parameters, int64_t now_ms) {
  const std::string symbol = Symbol(parameters);
  // Binance takes both spellings; ccxt writes them small.
  const auto sent = [&](const char* name, const char* small) { return parameters.Has(name) ? name : small; };
  const char* const ids = sent("orderIdList", "orderidlist");
  const char* const client_ids = sent("origClientOrderIdList", "origclientorderidlist");
  const bool by_id = parameters.Has(ids);
  if (!by_id && !parameters.Has(client_ids)) {
    parameters.Refuse(
        {-1102, "Param 'origClientOrderIdList' or 'orderIdList' must be sent, but both were empty/null!"});
  }
  const json::array names = ReadList(parameters, by_id ? ids : client_ids);
  if (parameters.error()) {
    return *parameters.error();
  }
  if (names.empty() || names.size() > kCancelledMax) {
    return ApiError{-4032, "Exceed maximum cancel order size."};
  }
  std::string answers;
  for (const json::value& name : names) {
    Parameters one({{"symbol", symbol}, {by_id ? "orderId" : "origClientOrderId", TextOf(name)}});
    const Answer<std::string> answer = DeleteOrder(one, now_ms);
    answers += answers.empty() ? "" : ",";
    answers += answer.ok() ? *answer : RefusalJson(answer.error());
  }
  return "[" + answers + "]";
}

}  // namespace quantum::paper
