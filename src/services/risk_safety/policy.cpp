#include "services/risk_safety/policy.h"

#include <boost/json.hpp>
#include <cmath>

namespace quantum::risk_safety {
namespace {

namespace json = boost::json;

Error Bad(std::string_view field, std::string_view what) {
  return {Errc::kInvalidArgument, "field '" + std::string(field) + "' " + std::string(what)};
}

Result<int> ReadInt(const json::object& object, std::string_view field, int min, int max) {
  const json::value* found = object.if_contains(field);
  if (found == nullptr || !found->is_int64() || found->get_int64() < min || found->get_int64() > max) {
    return Bad(field, "must be an integer from " + std::to_string(min) + " to " + std::to_string(max));
  }
  return static_cast<int>(found->get_int64());
}

Result<double> ReadDouble(const json::object& object, std::string_view field, double min, double max) {
  const json::value* found = object.if_contains(field);
  const double number = found != nullptr && found->is_number() ? found->to_number<double>() : NAN;
  if (!(number >= min && number <= max)) {  // written so that NaN is refused: Boost.JSON reads it from 0e8888
    return Bad(field, "must be a number from " + std::to_string(min) + " to " + std::to_string(max));
  }
  return number;
}

Result<Decimal> ReadDecimal(const json::object& object, std::string_view field, Decimal max) {
  const json::value* found = object.if_contains(field);
  if (found == nullptr || !found->is_string()) {
    return Bad(field, "must be a decimal string");
  }
  const json::string& text = found->get_string();
  auto value = Decimal::Parse({text.data(), text.size()});
  if (!value.ok() || !value->is_positive() || *value > max) {
    return Bad(field, "must be a decimal above 0 and at most " + max.ToString());
  }
  return *value;
}

}  // namespace

Result<Policy> ParsePolicy(std::string_view name, std::string_view text, int64_t version) {
  boost::system::error_code error;
  const json::value value = json::parse({text.data(), text.size()}, error);
  if (error || !value.is_object()) {
    return Error{Errc::kInvalidArgument, "the policy " + std::string(name) + " is not a JSON object"};
  }
  const json::object& object = value.get_object();
  Policy policy{.name = std::string(name), .version = version};
  QUANTUM_TRY(policy.leverage_max, ReadInt(object, "leverage_max", 1, kLeverageBound));
  QUANTUM_TRY(policy.leverage_min, ReadInt(object, "leverage_min", 1, policy.leverage_max));
  QUANTUM_TRY(policy.risk_per_trade_percent_max,
              ReadDecimal(object, "risk_per_trade_percent_max", Decimal::FromInt(100)));
  QUANTUM_TRY(policy.daily_drawdown_percent_max,
              ReadDecimal(object, "daily_drawdown_percent_max", Decimal::FromInt(100)));
  QUANTUM_TRY(policy.positions_max, ReadInt(object, "positions_max", 1, kPositionsBound));
  QUANTUM_TRY(policy.confidence_min, ReadDouble(object, "confidence_min", 0, 1));
  QUANTUM_TRY(policy.scaling_factor, ReadDouble(object, "scaling_factor", 0.01, 10));
  QUANTUM_TRY(policy.position_usd_max, ReadDecimal(object, "position_usd_max", Decimal::FromInt(1'000'000'000)));
  return policy;
}

std::string ToJson(const Policy& policy) {
  return json::serialize(json::object{{"leverage_max", policy.leverage_max},
                                      {"leverage_min", policy.leverage_min},
                                      {"risk_per_trade_percent_max", policy.risk_per_trade_percent_max.ToString()},
                                      {"daily_drawdown_percent_max", policy.daily_drawdown_percent_max.ToString()},
                                      {"positions_max", policy.positions_max},
                                      {"confidence_min", policy.confidence_min},
                                      {"scaling_factor", policy.scaling_factor},
                                      {"position_usd_max", policy.position_usd_max.ToString()}});
}

std::string_view ToString(TradingState state) {
  switch (state) {
    case TradingState::kActive:
      return "ACTIVE";
    case TradingState::kReducing:
      return "REDUCING";
    case TradingState::kHalted:
      return "HALTED";
  }
  AssertionFailed("every trading state has a name", __FILE__, __LINE__);
}

Result<TradingState> ParseTradingState(std::string_view text) {
  for (const TradingState state : {TradingState::kActive, TradingState::kReducing, TradingState::kHalted}) {
    if (ToString(state) == text) {
      return state;
    }
  }
  return Error{Errc::kInvalidArgument, "the trading state must be ACTIVE, REDUCING or HALTED"};
}

}  // namespace quantum::risk_safety
