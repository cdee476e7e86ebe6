#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/ai_engine/models.h"
#include "trading/events.h"

namespace quantum::ai_engine {

struct EnsembleOptions {
  double signal_min = 0.25;       // weighted signal below which the ensemble holds
  double disagreement_max = 0.6;  // spread of the votes above which it holds
};

// What the ensemble thinks of one symbol at one bar.
struct Assessment {
  double signal = 0;         // weighted, -1 … 1
  double probability = 0.5;  // of the action
  double disagreement = 0;   // weighted deviation of the votes, 0 … 1
  double expected_move = 0;  // weighted, of the models that agree with the action
  Regime regime = Regime::kRange;
  int action = 0;      // 1 buy, -1 sell, 0 hold
  std::string reason;  // why it holds
  std::vector<trading::event::Vote> votes;
};

// The models, weighted by regime. One instance a symbol; not thread-safe.
class Ensemble {
 public:
  explicit Ensemble(EnsembleOptions options = {});

  // A bar in, an assessment out; nothing while warming up.
  std::optional<Assessment> Update(const Bar& bar);

  const std::vector<std::unique_ptr<Model>>& models() const { return models_; }
  const FeatureEngine& features() const { return features_; }
  const std::optional<Features>& last() const { return last_; }
  // Of the options, the models' names and the feature schema.
  const std::string& hash() const { return hash_; }

 private:
  Assessment Assess(const Features& features) const;

  EnsembleOptions options_;
  FeatureEngine features_;
  std::vector<std::unique_ptr<Model>> models_;
  std::optional<Features> last_;
  double usual_volatility_ = 0;
  std::string hash_;
};

}  // namespace quantum::ai_engine
