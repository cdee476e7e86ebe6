#include <boost/json.hpp>

#include "platform/base/correlation.h"
#include "services/risk_safety/service.h"
#include "trading/events.h"

// The HTTP side of risk-safety.
namespace quantum::risk_safety {
namespace {

namespace event = trading::event;
namespace json = boost::json;

Result<json::object> ParseBody(const http::Request& request) {
  boost::system::error_code error;
  json::value value = json::parse(request.body, error);
  if (error || !value.is_object()) {
    return Error{Errc::kInvalidArgument, "the body must be a JSON object"};
  }
  return std::move(value.get_object());
}

Result<std::string> RequiredText(const json::object& body, std::string_view field) {
  const json::value* found = body.if_contains(field);
  if (found == nullptr || !found->is_string() || found->get_string().empty() || found->get_string().size() > 500) {
    return Error{Errc::kInvalidArgument, "field '" + std::string(field) + "' must be a text of 1 to 500 characters"};
  }
  return std::string(found->get_string());
}

std::string OperatorOf(const json::object& body) {
  const auto by = RequiredText(body, "by");
  return by.ok() ? *by : "operator";
}

json::object VerdictJson(bool approved, const std::vector<event::Refusal>& refusals) {
  return {{"approved", approved}, {"refusals", json::parse(RefusalsJson(refusals))}};
}

json::object DocumentJson(const PolicyDocument& document) {
  return {{"key", document.key}, {"value", json::parse(document.value)}, {"version", document.version}};
}

}  // namespace

void RiskSafety::AddRoutes() {
  service_.Route("GET", "/api/risk/ess/status",
                 [this](const http::Request&) { return http::Json(ess_->StatusJson()); });
  service_.Route("POST", "/api/risk/ess/trip", [this](const http::Request& request) {
    const auto body = ParseBody(request);
    const auto reason = body.ok() ? RequiredText(*body, "reason") : Result<std::string>(body.error());
    if (!reason.ok()) {
      return http::Problem(reason.error());
    }
    // Tripped by hand already is what was wanted: whoever halts in a hurry gets no refusal.
    static_cast<void>(ess_->Trip("MANUAL: " + *reason, OperatorOf(*body), true));
    return http::Json(ess_->StatusJson());
  });
  service_.Route("POST", "/api/risk/ess/reset", [this](const http::Request& request) {
    const auto body = ParseBody(request);
    const auto reason = body.ok() ? RequiredText(*body, "reason") : Result<std::string>(body.error());
    if (!reason.ok()) {
      return http::Problem(reason.error());
    }
    if (!ess_->stop().AllowsEntries()) {
      // A person has seen them. Before the reset, which waits for execution: they must not trip it again meanwhile.
      conditions_->ForgetExecutionErrors();
    }
    const Status reset = ess_->Reset("RESET: " + *reason, OperatorOf(*body));
    return reset.ok() ? http::Json(ess_->StatusJson()) : http::Problem(reset.error());
  });
  service_.Route("GET", "/api/risk/limits/{symbol}",
                 [this](const http::Request& request) { return GetLimits(request); });
  service_.Route("POST", "/api/risk/check", [this](const http::Request& request) { return PostCheck(request); });
  service_.Route("POST", "/api/risk/decide", [this](const http::Request& request) { return PostDecide(request); });
  service_.Route("GET", "/api/risk/refusals/{correlation_id}", [this](const http::Request& request) {
    const auto refusals = LoadRefusals(service_.postgres(), request.Parameter("correlation_id"));
    return refusals.ok() ? http::Json(trading::ToJson(*refusals)) : http::Problem(refusals.error());
  });
  service_.Route("GET", "/api/policy", [this](const http::Request&) {
    json::array items;
    for (const auto& [key, document] : policies_->documents()) {
      items.push_back(DocumentJson(document));
    }
    return http::Json(json::serialize(json::object{{"items", std::move(items)}}));
  });
  service_.Route("GET", "/api/policy/{key}", [this](const http::Request& request) {
    const auto found = policies_->documents().find(request.Parameter("key"));
    return found == policies_->documents().end()
               ? http::Problem(404, "UNKNOWN_POLICY", "there is no policy '" + request.Parameter("key") + "'")
               : http::Json(json::serialize(DocumentJson(found->second)));
  });
  service_.Route("PUT", "/api/policy/{key}", [this](const http::Request& request) { return PutPolicyRoute(request); });
}

http::Response RiskSafety::PutPolicyRoute(const http::Request& request) {
  const auto body = ParseBody(request);
  if (!body.ok()) {
    return http::Problem(body.error());
  }
  const json::value* version = body->if_contains("version");
  const json::value* value = body->if_contains("value");
  if (version == nullptr || !version->is_int64()) {
    return http::Problem(400, "INVALID_ARGUMENT", "field 'version' must be the version that this change is based on");
  }
  if (value == nullptr) {
    return http::Problem(400, "INVALID_ARGUMENT", "field 'value' is missing");
  }
  const auto put =
      policies_->Put(request.Parameter("key"), json::serialize(*value), version->get_int64(), OperatorOf(*body));
  return put.ok() ? http::Json(json::serialize(DocumentJson(*put))) : http::Problem(put.error());
}

http::Response RiskSafety::GetLimits(const http::Request& request) {
  const std::string& symbol = request.Parameter("symbol");
  const trading::SymbolRules* rules = views_.Rules(symbol);
  if (rules == nullptr) {
    return http::Problem(404, "UNKNOWN_SYMBOL", "the venue lists no symbol '" + symbol + "' that is traded here");
  }
  return http::Json(json::serialize(json::object{{"symbol", symbol},
                                                 {"policy", policies_->active().name},
                                                 {"limits", json::parse(ToJson(policies_->active()))},
                                                 {"trading_state", ToString(policies_->trading_state())},
                                                 {"ess", ToString(ess_->stop().record().state)},
                                                 {"tick_size", rules->tick_size.ToString()},
                                                 {"step_size", rules->step_size.ToString()},
                                                 {"min_notional", rules->min_notional.ToString()}}));
}

http::Response RiskSafety::PostCheck(const http::Request& request) {
  const auto decision = event::ParseDecision(request.body);
  if (!decision.ok()) {
    return http::Problem(decision.error());
  }
  const auto refusals = decider_->CheckOnly(*decision);
  return refusals.ok() ? http::Json(json::serialize(VerdictJson(refusals->empty(), *refusals)))
                       : http::Problem(refusals.error());
}

// For orders by hand: the same decision path, asked over HTTP by execution.
http::Response RiskSafety::PostDecide(const http::Request& request) {
  const auto decision = event::ParseDecision(request.body);
  if (!decision.ok()) {
    return http::Problem(decision.error());
  }
  Verdict verdict;
  const Status decided = service_.postgres().Transact([&](postgres::Transaction& transaction) -> Status {
    QUANTUM_TRY(verdict, decider_->DecideWithin(transaction, *decision, ""));
    return {};
  });
  if (!decided.ok()) {
    return http::Problem(decided.error());
  }
  json::object answer = VerdictJson(verdict.approved, verdict.refusals);
  answer["reservation_id"] = verdict.reservation_id;
  return http::Json(json::serialize(answer));
}

}  // namespace quantum::risk_safety
