#include "services/ai_engine/ensemble.h"

#include <fmt/format.h>

#include <cmath>

namespace quantum::ai_engine {

Ensemble::Ensemble(EnsembleOptions options) : options_(options) {
  models_.push_back(MakeTrendModel());
  models_.push_back(MakeMeanReversionModel());
  std::string text = fmt::format("{}|{}|{}", FeatureSchemaHash(), options_.signal_min, options_.disagreement_max);
  for (const auto& model : models_) {
    text += "|" + std::string(model->name());
  }
  hash_ = HashText(text);
}

std::optional<Assessment> Ensemble::Update(const Bar& bar) {
  std::optional<Features> features = features_.Update(bar);
  if (!features) {
    return std::nullopt;
  }
  last_ = features;
  const double volatility = (*features)[Feature::kVolatility];
  // The usual level moves a hundred times slower than the volatility itself.
  usual_volatility_ = usual_volatility_ == 0 ? volatility : usual_volatility_ + (volatility - usual_volatility_) / 200;
  return Assess(*features);
}

Assessment Ensemble::Assess(const Features& features) const {
  Assessment result;
  result.regime = ClassifyRegime(features, usual_volatility_);
  struct Weighted {
    Opinion opinion;
    double weight;
  };
  std::vector<Weighted> opinions;
  double weights = 0;
  for (const auto& model : models_) {
    const std::optional<Opinion> opinion = model->Vote(features);
    if (!opinion) {
      continue;
    }
    const double weight = model->WeightIn(result.regime) * opinion->confidence;
    opinions.push_back({*opinion, weight});
    weights += weight;
    result.signal += weight * opinion->signal;
    result.votes.push_back({std::string(model->name()), opinion->signal, opinion->confidence});
  }
  if (opinions.empty() || weights <= 0) {
    result.reason = "every model abstains";
    return result;
  }
  result.signal /= weights;
  double spread = 0;
  double agreeing = 0;
  for (const Weighted& each : opinions) {
    spread += each.weight * (each.opinion.signal - result.signal) * (each.opinion.signal - result.signal);
    if (each.opinion.signal * result.signal > 0) {
      result.expected_move += each.weight * each.opinion.expected_move;
      agreeing += each.weight;
    }
  }
  result.disagreement = std::sqrt(spread / weights);
  result.expected_move = agreeing > 0 ? result.expected_move / agreeing : 0;
  result.probability = 0.5 + std::fabs(result.signal) / 2;
  if (std::fabs(result.signal) < options_.signal_min) {
    result.reason = fmt::format("signal {:.2f} is below {:.2f}", std::fabs(result.signal), options_.signal_min);
  } else if (result.disagreement > options_.disagreement_max) {
    result.reason = fmt::format("disagreement {:.2f} is above {:.2f}", result.disagreement, options_.disagreement_max);
  } else {
    result.action = result.signal > 0 ? 1 : -1;
  }
  return result;
}

}  // namespace quantum::ai_engine
