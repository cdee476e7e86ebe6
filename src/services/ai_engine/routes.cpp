#include <boost/json.hpp>

#include "services/ai_engine/service.h"
#include "services/ai_engine/signal_request.h"

// The HTTP side of ai-engine.
namespace quantum::ai_engine {
namespace {

namespace json = boost::json;

json::object AssessmentJson(const Assessment& assessment, bool with_reasoning) {
  json::array votes;
  for (const auto& vote : assessment.votes) {
    votes.push_back({{"model", vote.model}, {"signal", vote.signal}, {"confidence", vote.confidence}});
  }
  json::object object{{"action", assessment.action > 0   ? "BUY"
                                 : assessment.action < 0 ? "SELL"
                                                         : "HOLD"},
                      {"probability", assessment.probability},
                      {"disagreement", assessment.disagreement},
                      {"expected_move", assessment.expected_move},
                      {"regime", ToString(assessment.regime)},
                      {"votes", std::move(votes)}};
  if (with_reasoning) {
    object["reasoning"] = assessment.action != 0 ? "the models that vote agree" : assessment.reason;
  }
  return object;
}

}  // namespace

void AiEngine::AddRoutes() {
  service_.Route("POST", "/api/ai/signal", [this](const http::Request& request) { return PostSignal(request); });
  service_.Route("GET", "/api/ai/models", [this](const http::Request&) {
    json::array items;
    const Ensemble& ensemble = engines_.begin()->second.ensemble();
    for (const auto& model : ensemble.models()) {
      items.push_back({{"name", model->name()}, {"kind", model->kind()}, {"feature_schema", FeatureSchemaHash()}});
    }
    return http::Json(
        json::serialize(json::object{{"ensemble", ensemble.hash()}, {"source", source_}, {"items", std::move(items)}}));
  });
  service_.Route("GET", "/api/ai/metrics/{part}", [this](const http::Request& request) {
    const std::string& part = request.Parameter("part");
    if (part == "ensemble") {
      json::object symbols;
      for (const auto& [symbol, engine] : engines_) {
        symbols[symbol] = {{"bars", engine.ensemble().features().bars()},
                           {"bad_bars", engine.ensemble().features().bad_bars()},
                           {"last", engine.last() ? json::value(AssessmentJson(*engine.last(), true)) : json::value()}};
      }
      return http::Json(json::serialize(
          json::object{{"timeframe", timeframe_}, {"source", source_}, {"symbols", std::move(symbols)}}));
    }
    if (part == "meta-strategy") {
      return http::Json(json::serialize(json::object{{"strategy", strategy_->name()},
                                                     {"decisions", decisions_},
                                                     {"turns_missed", turns_missed_},
                                                     {"source", source_},
                                                     {"last_hold", last_hold_}}));
    }
    if (part == "rl-sizing") {
      return http::Json(json::serialize(
          json::object{{"sizing", "rule"},
                       {"policy", nullptr},
                       {"reason", "fixed fraction of the allowed risk; no trained sizing policy is promoted"},
                       {"decisions", decisions_},
                       {"source", source_}}));
    }
    return http::Problem(404, "NOT_FOUND", "the parts are ensemble, meta-strategy and rl-sizing");
  });
}

http::Response AiEngine::PostSignal(const http::Request& request) {
  const auto wanted = ParseSignalRequest(request.body);
  if (!wanted.ok()) {
    return http::Problem(wanted.error());
  }
  const auto found = engines_.find(wanted->symbol);
  if (found == engines_.end()) {
    return http::Problem(400, "UNKNOWN_SYMBOL", "field 'symbol' must be one of the manifest's symbols");
  }
  if (wanted->timeframe != timeframe_) {
    return http::Problem(400, "UNKNOWN_TIMEFRAME",
                         "field 'timeframe' must be " + timeframe_ + ", which is computed here");
  }
  const SymbolEngine& engine = found->second;
  if (!engine.last()) {
    return http::Problem(503, "WARMING_UP",
                         std::to_string(engine.ensemble().features().bars()) + " of " +
                             std::to_string(FeatureEngine::kWarmUpBars) + " bars are here; try again later");
  }
  json::object answer = AssessmentJson(*engine.last(), wanted->include_reasoning);
  answer["symbol"] = found->first;
  answer["timeframe"] = timeframe_;
  answer["source"] = source_;
  answer["model_hash"] = engine.ensemble().hash();
  return http::Json(json::serialize(answer));
}

}  // namespace quantum::ai_engine
