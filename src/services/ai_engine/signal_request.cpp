#include "services/ai_engine/signal_request.h"

#include <boost/json.hpp>

namespace quantum::ai_engine {
namespace {

namespace json = boost::json;

Result<std::string> RequiredText(const json::object& body, std::string_view field) {
  const json::value* found = body.if_contains(field);
  if (found == nullptr || !found->is_string()) {
    return Error{Errc::kInvalidArgument,
                 "field '" + std::string(field) + (found == nullptr ? "' is missing" : "' must be a text")};
  }
  return std::string(found->get_string());
}

}  // namespace

Result<SignalRequest> ParseSignalRequest(std::string_view text) {
  boost::system::error_code error;
  const json::value body = json::parse({text.data(), text.size()}, error);
  if (error || !body.is_object()) {
    return Error{Errc::kInvalidArgument, "the body must be a JSON object"};
  }
  SignalRequest request;
  QUANTUM_TRY(request.symbol, RequiredText(body.get_object(), "symbol"));
  QUANTUM_TRY(request.timeframe, RequiredText(body.get_object(), "timeframe"));
  if (const json::value* wanted = body.get_object().if_contains("include_reasoning")) {
    if (!wanted->is_bool()) {
      return Error{Errc::kInvalidArgument, "field 'include_reasoning' must be true or false"};
    }
    request.include_reasoning = wanted->get_bool();
  }
  return request;
}

}  // namespace quantum::ai_engine
