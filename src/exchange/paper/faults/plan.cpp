#include "exchange/paper/faults/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "exchange/paper/faults/altered.h"
#include "exchange/paper/protocol/parameters.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;
using trading::operator""_dec;

constexpr std::string_view kOrderPath = "/fapi/v1/order";
constexpr std::string_view kAlgoPath = "/fapi/v1/algoOrder";

bool PlacesOrder(const RestRequest& request) {
  return request.method == "POST" && (request.path == kOrderPath || request.path == kAlgoPath);
}

bool Matches(const FaultMatch& match, const RestRequest& request) {
  return (match.method.empty() || match.method == request.method) &&
         (match.path.empty() || match.path == request.path) &&
         (match.symbol.empty() || Parameters(request.query, request.body).Text("symbol", "") == match.symbol);
}

bool Names(const std::string& event, std::string_view key, const std::string& value) {
  return value.empty() || event.find(fmt::format(R"("{}":"{}")", key, value)) != std::string::npos;
}

RestAnswer Refusal(int status, int code, std::string_view message) {
  return {status, fmt::format(R"({{"code":{},"msg":"{}"}})", code, message), {}};
}

RestAnswer Limited(int status, int64_t retry_after_s, std::string_view message) {
  RestAnswer answer = Refusal(status, -1003, message);
  answer.headers.emplace_back("Retry-After", std::to_string(retry_after_s));
  return answer;
}

// Of the faults that may strike before and after, in Binance's words: error-codes of the USD-M futures API.
Interference Ended(std::string_view name, int64_t status) {
  if (name == "no-answer") {
    return {.dropped = true};
  }
  if (name == "unknown-1006") {
    return {.answer = Refusal(500, -1006,
                              "An unexpected response was received from the message bus. Execution status unknown.")};
  }
  if (name == "timeout-1007") {
    return {.answer = Refusal(
                408, -1007,
                "Timeout waiting for response from backend server. Send status unknown; execution status unknown.")};
  }
  if (name == "firewall") {
    return {.answer = RestAnswer{static_cast<int>(status), "<html><body>Request blocked.</body></html>", {}}};
  }
  return {.answer =
              Refusal(static_cast<int>(status), -1000, "Unknown error, please check your request or try again later.")};
}

bool Matches(const FaultMatch& match, const std::string& event) {
  return Names(event, "e", match.event) && Names(event, "s", match.symbol);
}

bool Ends(const Interference& interference) { return interference.dropped || interference.answer; }

void Join(Interference& all, Interference one) {
  all.delay_ms += one.delay_ms;
  all.filled_share = all.filled_share ? all.filled_share : one.filled_share;
  if (!Ends(all)) {
    all.dropped = one.dropped;
    all.answer = std::move(one.answer);
  }
}

}  // namespace

bool FaultPlan::Fault::InForce(int64_t now_ms) const {
  return (spec.count == 0 || struck < spec.count) && (spec.for_ms == 0 || now_ms < until_ms);
}

Result<int64_t> FaultPlan::Add(FaultSpec spec, int64_t now_ms) {
  const FaultKind* kind = FindFaultKind(spec.name);
  QUANTUM_ASSERT(kind != nullptr);
  if (static_cast<size_t>(std::count_if(faults_.begin(), faults_.end(),
                                        [&](const Fault& fault) { return fault.InForce(now_ms); })) >= kInForceMost) {
    return Error{Errc::kExhausted,
                 fmt::format("{} faults are in force: take some away (DELETE /faults)", kInForceMost)};
  }
  Forget(now_ms);
  if (kind->stage == FaultStage::kOutage) {
    moments_.push_back({FaultMoment::What::kCutStreams, "", ""});
  } else if (kind->stage == FaultStage::kStreams) {
    moments_.push_back({FaultMoment::What::kCutStreams, spec.match.path, ""});
  } else if (kind->stage == FaultStage::kMoment) {
    using What = FaultMoment::What;
    const What what = spec.name == "funding-now"       ? What::kSettleFunding
                      : spec.name == "liquidation-now" ? What::kLiquidate
                                                       : What::kForgetListenKey;
    moments_.push_back({what, "", spec.match.symbol});
  }
  // What happens at once, and lasts no time, has struck.
  const bool at_once = kind->stage == FaultStage::kMoment || (kind->stage == FaultStage::kStreams && spec.for_ms == 0);
  spec.count = at_once ? 1 : spec.count;
  const int64_t until_ms = now_ms + spec.for_ms;
  const uint64_t seed = spec.seed;
  faults_.push_back({.id = ++last_id_,
                     .spec = std::move(spec),
                     .stage = kind->stage,
                     .random = SeededRandom(seed),
                     .until_ms = until_ms,
                     .asked = at_once ? 1 : 0,
                     .struck = at_once ? 1 : 0});
  return last_id_;
}

// What is over is kept to be looked at, as far as there is room.
void FaultPlan::Forget(int64_t now_ms) {
  for (auto at = faults_.begin(); at != faults_.end() && faults_.size() >= 4 * kInForceMost;) {
    at = at->InForce(now_ms) ? at + 1 : faults_.erase(at);
  }
}

bool FaultPlan::Remove(int64_t id) {
  return std::erase_if(faults_, [&](const Fault& fault) { return fault.id == id; }) > 0;
}

std::vector<FaultMoment> FaultPlan::TakeMoments() { return std::exchange(moments_, {}); }

bool FaultPlan::Strikes(Fault& fault, int64_t now_ms) {
  if (!fault.InForce(now_ms)) {
    return false;
  }
  ++fault.asked;
  const bool strikes = Decimal::FromRaw(static_cast<int64_t>(fault.random.Below(Decimal::kOne))) < fault.spec.share;
  fault.struck += strikes ? 1 : 0;
  return strikes;
}

Interference FaultPlan::BeforeRequest(const RestRequest& request, int64_t now_ms) {
  Interference all;
  for (Fault& fault : faults_) {
    const FaultStage stage = fault.stage;
    const bool mine = stage == FaultStage::kBefore || stage == FaultStage::kOutage ||
                      (stage == FaultStage::kEither && fault.parameter("acted").is_zero());
    if (mine && fault.InForce(now_ms) && Matches(fault.spec.match, request)) {
      StrikeBefore(fault, request, now_ms, all);
    }
  }
  return all;
}

void FaultPlan::StrikeBefore(Fault& fault, const RestRequest& request, int64_t now_ms, Interference& all) {
  const std::string& name = fault.spec.name;
  if (name == "symbol-halted" || name == "filters-changed") {
    const auto refused = PlacesOrder(request) ? RefuseAltered(fault.spec, request) : std::nullopt;
    if (refused && Strikes(fault, now_ms)) {
      Join(all, {.answer = Refusal(400, refused->code, refused->message)});
    }
    return;
  }
  if (name == "partial-then-cancel" && (request.method != "POST" || request.path != kOrderPath)) {
    return;
  }
  if (!Strikes(fault, now_ms)) {
    return;
  }
  if (name == "latency") {
    const bool tail =
        Decimal::FromRaw(static_cast<int64_t>(fault.random.Below(Decimal::kOne))) < fault.parameter("tail_share");
    Join(all, {.delay_ms = fault.whole("ms") + (tail ? fault.whole("tail_ms") : 0)});
  } else if (name == "rate-limit") {
    Join(all, {.answer = Limited(429, fault.whole("retry_after_s"), "Too many requests; current limit is reached.")});
  } else if (name == "ban") {
    const int64_t until_ms = now_ms + fault.whole("retry_after_s") * 1000;
    Join(all, {.answer = Limited(418, fault.whole("retry_after_s"),
                                 fmt::format("Way too many requests; IP banned until {}.", until_ms))});
  } else if (name == "reject") {
    Join(all, {.answer = Refusal(400, static_cast<int>(fault.whole("code")), "Refused on purpose.")});
  } else if (name == "partial-then-cancel") {
    Join(all, {.filled_share = fault.parameter("filled_share")});
  } else if (fault.stage == FaultStage::kOutage) {
    Join(all, {.dropped = true});
  } else {
    Join(all, Ended(name, fault.spec.parameters.contains("status") ? fault.whole("status") : 0));
  }
}

Interference FaultPlan::AfterRequest(const RestRequest& request, const RestAnswer& answer, int64_t now_ms) {
  Interference all;
  std::optional<std::string> altered;
  for (Fault& fault : faults_) {
    const std::string& name = fault.spec.name;
    if ((name == "symbol-halted" || name == "filters-changed") && fault.InForce(now_ms) && answer.status == 200 &&
        request.path == "/fapi/v1/exchangeInfo") {
      altered = AlterExchangeInfo(fault.spec, altered.value_or(answer.body));
    }
    const bool mine = fault.stage == FaultStage::kAfter ||
                      (fault.stage == FaultStage::kEither && !fault.parameter("acted").is_zero());
    if (!mine || !Matches(fault.spec.match, request) || (name == "fill-before-answer" && !PlacesOrder(request)) ||
        !Strikes(fault, now_ms)) {
      continue;
    }
    if (fault.stage == FaultStage::kAfter) {
      Join(all, {.delay_ms = fault.whole("ms")});
    } else {
      Join(all, Ended(name, fault.spec.parameters.contains("status") ? fault.whole("status") : 0));
    }
  }
  if (altered && !Ends(all)) {
    all.answer = RestAnswer{answer.status, *std::move(altered), answer.headers};
  }
  return all;
}

std::vector<std::string> FaultPlan::OnUserEvent(std::string event, int64_t now_ms) {
  int64_t copies = 1;
  int64_t delay_ms = 0;
  const Fault* overtaking = nullptr;
  for (Fault& fault : faults_) {
    if (fault.stage != FaultStage::kEvent || !Matches(fault.spec.match, event) || !Strikes(fault, now_ms)) {
      continue;
    }
    if (fault.spec.name == "events-lost") {
      copies = 0;
    } else if (fault.spec.name == "events-duplicated") {
      copies += copies == 0 ? 0 : fault.whole("copies");
    } else if (fault.spec.name == "events-delayed") {
      delay_ms += fault.whole("ms");
    } else {
      overtaking = &fault;
    }
  }
  if (copies > 0 && delay_ms > 0 && held_.size() < kHeldMost) {
    held_.insert(held_.end(), static_cast<size_t>(copies), Held{now_ms + delay_ms, std::move(event)});
    return {};
  }
  if (copies > 0 && overtaking != nullptr && !overtaken_) {
    overtaken_ = Held{now_ms + overtaking->whole("ms"), std::move(event), overtaking->spec.match};
    return {};
  }
  std::vector<std::string> told(static_cast<size_t>(copies), event);
  if (copies > 0 && overtaken_ && Matches(overtaken_->by, event)) {
    told.push_back(std::exchange(overtaken_, std::nullopt)->event);
  }
  return told;
}

std::vector<std::string> FaultPlan::TakeDue(int64_t now_ms) {
  std::vector<std::string> due;
  if (overtaken_ && overtaken_->due_ms <= now_ms) {
    due.push_back(std::exchange(overtaken_, std::nullopt)->event);
  }
  std::erase_if(held_, [&](Held& held) {
    if (held.due_ms > now_ms) {
      return false;
    }
    due.push_back(std::move(held.event));
    return true;
  });
  return due;
}

bool FaultPlan::RefusesStream(std::string_view path, int64_t now_ms) {
  bool refused = false;
  for (Fault& fault : faults_) {
    const bool mine = fault.stage == FaultStage::kOutage ||
                      (fault.stage == FaultStage::kStreams && path.starts_with(fault.spec.match.path));
    refused = (mine && Strikes(fault, now_ms)) || refused;
  }
  return refused;
}

int64_t FaultPlan::skew_ms(int64_t now_ms) const {
  int64_t skew = 0;
  for (const Fault& fault : faults_) {
    if (fault.stage == FaultStage::kClock && fault.InForce(now_ms)) {
      skew += fault.whole("ms");
    }
  }
  return skew;
}

std::string FaultPlan::ToJson(int64_t now_ms) const {
  json::array kinds;
  for (const FaultKind& kind : FaultKinds()) {
    json::object parameters;
    for (const FaultParameter& parameter : kind.parameters) {
      parameters[parameter.name] = parameter.fallback.ToString();
    }
    kinds.push_back(json::object{{"name", kind.name}, {"what", kind.what}, {"parameters", std::move(parameters)}});
  }
  json::array faults;
  for (const Fault& fault : faults_) {
    const FaultSpec& spec = fault.spec;
    json::object parameters;
    for (const auto& [name, value] : spec.parameters) {
      parameters[name] = value.ToString();
    }
    faults.push_back(json::object{{"id", fault.id},
                                  {"name", spec.name},
                                  {"seed", spec.seed},
                                  {"share", spec.share.ToString()},
                                  {"match", json::object{{"method", spec.match.method},
                                                         {"path", spec.match.path},
                                                         {"symbol", spec.match.symbol},
                                                         {"event", spec.match.event}}},
                                  {"count", spec.count},
                                  {"for_ms", spec.for_ms},
                                  {"parameters", std::move(parameters)},
                                  {"in_force", fault.InForce(now_ms)},
                                  {"asked", fault.asked},
                                  {"struck", fault.struck}});
  }
  return json::serialize(json::object{{"kinds", std::move(kinds)}, {"faults", std::move(faults)}});
}

}  // namespace quantum::paper
