#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/ai_engine/features.h"

namespace quantum::ai_engine {

enum class Regime { kTrendUp, kTrendDown, kRange, kVolatile };
std::string_view ToString(Regime regime);  // "TREND_UP", …

// From Kaufman's efficiency (how straight the path was) and the volatility against its recent normal.
Regime ClassifyRegime(const Features& features, double usual_volatility);

struct Opinion {
  double signal = 0;         // -1 sell … 1 buy
  double confidence = 0;     // 0 … 1
  double expected_move = 0;  // log return the model expects in its direction over its horizon, ≥ 0
};

// A model votes or abstains; it never falls back to a constant (pains.md 9).
class Model {
 public:
  virtual ~Model() = default;
  virtual std::string_view name() const = 0;
  virtual std::string_view kind() const = 0;  // "rule"
  virtual std::optional<Opinion> Vote(const Features& features) const = 0;
  virtual double WeightIn(Regime regime) const = 0;
};

std::unique_ptr<Model> MakeTrendModel();          // follows EMA gap and momentum on straight paths
std::unique_ptr<Model> MakeMeanReversionModel();  // fades stretched prices on crooked paths

}  // namespace quantum::ai_engine
