#include "services/ai_engine/models.h"

#include <algorithm>
#include <cmath>

#include "platform/base/assert.h"

namespace quantum::ai_engine {
namespace {

constexpr double kStraight = 0.45;      // efficiency from which a path counts as a trend
constexpr double kVolatileRatio = 2.0;  // volatility against its usual level
constexpr double kStretched = 1.5;      // deviations from the mean at which reversion is worth a vote

class TrendModel final : public Model {
 public:
  std::string_view name() const override { return "trend"; }
  std::string_view kind() const override { return "rule"; }
  std::optional<Opinion> Vote(const Features& f) const override {
    const double atr = f[Feature::kAtr];
    if (atr <= 0) {
      return std::nullopt;
    }
    const double gap = f[Feature::kEmaGap] / atr;  // in average ranges
    const double momentum = f[Feature::kReturn15] / atr;
    const bool agree = gap * momentum > 0;
    if (!agree || f[Feature::kEfficiency] < kStraight / 2) {
      return std::nullopt;
    }
    const double strength = std::tanh(gap) * f[Feature::kEfficiency];
    // The move of the last 15 bars, scaled by how straight it was, is what persistence promises for the next ones.
    return Opinion{.signal = std::clamp(2 * strength, -1.0, 1.0),
                   .confidence = std::min(1.0, 0.5 + std::fabs(strength) / 2),
                   .expected_move = std::fabs(f[Feature::kReturn15]) * f[Feature::kEfficiency]};
  }
  double WeightIn(Regime regime) const override {
    return regime == Regime::kTrendUp || regime == Regime::kTrendDown ? 1.0 : regime == Regime::kVolatile ? 0.3 : 0.2;
  }
};

class MeanReversionModel final : public Model {
 public:
  std::string_view name() const override { return "mean_reversion"; }
  std::string_view kind() const override { return "rule"; }
  std::optional<Opinion> Vote(const Features& f) const override {
    const double z = f[Feature::kZScore];
    const double rsi = f[Feature::kRsi];
    const bool high = z > kStretched && rsi > 60;
    const bool low = z < -kStretched && rsi < 40;
    if (!high && !low) {
      return std::nullopt;
    }
    const double strength = std::tanh((std::fabs(z) - kStretched) + 0.5) * (1 - f[Feature::kEfficiency] / 2);
    // Half the way back to the mean.
    return Opinion{.signal = high ? -strength : strength,
                   .confidence = std::min(1.0, 0.5 + strength / 2),
                   .expected_move = std::fabs(z) * f[Feature::kVolatility] * 0.5 * std::sqrt(20.0)};
  }
  double WeightIn(Regime regime) const override {
    return regime == Regime::kRange ? 1.0 : regime == Regime::kVolatile ? 0.5 : 0.2;
  }
};

}  // namespace

std::string_view ToString(Regime regime) {
  switch (regime) {
    case Regime::kTrendUp:
      return "TREND_UP";
    case Regime::kTrendDown:
      return "TREND_DOWN";
    case Regime::kRange:
      return "RANGE";
    case Regime::kVolatile:
      return "VOLATILE";
  }
  AssertionFailed("every regime has a name", __FILE__, __LINE__);
}

Regime ClassifyRegime(const Features& features, double usual_volatility) {
  if (usual_volatility > 0 && features[Feature::kVolatility] > kVolatileRatio * usual_volatility) {
    return Regime::kVolatile;
  }
  if (features[Feature::kEfficiency] >= kStraight) {
    return features[Feature::kEmaGap] >= 0 ? Regime::kTrendUp : Regime::kTrendDown;
  }
  return Regime::kRange;
}

std::unique_ptr<Model> MakeTrendModel() { return std::make_unique<TrendModel>(); }
std::unique_ptr<Model> MakeMeanReversionModel() { return std::make_unique<MeanReversionModel>(); }

}  // namespace quantum::ai_engine
