#include "exchange/paper/faults/altered.h"

#include <boost/json.hpp>

#include "exchange/paper/protocol/parameters.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;

Decimal ParameterOf(const FaultSpec& spec, std::string_view name) {
  const auto found = spec.parameters.find(name);
  return found == spec.parameters.end() ? Decimal() : found->second;
}

void SetIn(json::object& filter, const char* key, Decimal value) {
  if (value.is_positive()) {
    filter[key] = value.ToString();
  }
}

void AlterSymbol(const FaultSpec& spec, json::object& symbol) {
  if (spec.name == "symbol-halted") {
    symbol["status"] = "BREAK";
    return;
  }
  for (json::value& each : symbol.at("filters").as_array()) {
    json::object& filter = each.as_object();
    const json::string& type = filter.at("filterType").as_string();
    if (type == "LOT_SIZE" || type == "MARKET_LOT_SIZE") {
      SetIn(filter, "stepSize", ParameterOf(spec, "step_size"));
      SetIn(filter, "minQty", ParameterOf(spec, "min_quantity"));
    } else if (type == "PRICE_FILTER") {
      SetIn(filter, "tickSize", ParameterOf(spec, "tick_size"));
    }
  }
}

}  // namespace

std::string AlterExchangeInfo(const FaultSpec& spec, const std::string& body) {
  json::value info = json::parse(body);
  for (json::value& symbol : info.at("symbols").as_array()) {
    if (symbol.at("symbol").as_string() == spec.match.symbol) {
      AlterSymbol(spec, symbol.as_object());
    }
  }
  return json::serialize(info);
}

std::optional<ApiError> RefuseAltered(const FaultSpec& spec, const RestRequest& request) {
  if (spec.name == "symbol-halted") {
    return ApiError{-4140, "Invalid symbol status for opening position."};
  }
  Parameters parameters(request.query, request.body);
  const Decimal step = ParameterOf(spec, "step_size");
  const Decimal tick = ParameterOf(spec, "tick_size");
  const Decimal quantity = parameters.Number("quantity", Decimal());
  if (step.is_positive() && !quantity.IsMultipleOf(step)) {
    return ApiError{-1111, "Precision is over the maximum defined for this asset."};
  }
  if (quantity.is_positive() && quantity < ParameterOf(spec, "min_quantity")) {
    return ApiError{-4004, "Quantity less than min quantity."};
  }
  for (const char* name : {"price", "triggerPrice"}) {
    if (tick.is_positive() && !parameters.Number(name, Decimal()).IsMultipleOf(tick)) {
      return ApiError{-4014, "Price not increased by tick size."};
    }
  }
  return std::nullopt;
}

}  // namespace quantum::paper
