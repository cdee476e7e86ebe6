#include "services/ai_engine/features.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "platform/base/random.h"

namespace quantum::ai_engine {
namespace {

std::vector<Bar> Walk(int bars, uint64_t seed, double drift = 0) {
  SeededRandom random(seed);
  std::vector<Bar> walk;
  double price = 60'000;
  for (int i = 0; i < bars; ++i) {
    const double open = price;
    price *= std::exp(drift + 0.0005 * random.Normal());
    const double volume = 1 + random.Unit();
    walk.push_back({.open = open,
                    .high = std::max(open, price) * 1.0001,
                    .low = std::min(open, price) * 0.9999,
                    .close = price,
                    .volume = volume,
                    .taker_buy = volume * random.Unit()});
  }
  return walk;
}

TEST(FeatureEngine, SaysNothingWhileWarmingUp) {
  FeatureEngine engine;
  const auto bars = Walk(FeatureEngine::kWarmUpBars, 1);
  for (size_t i = 0; i + 1 < bars.size(); ++i) {
    EXPECT_FALSE(engine.Update(bars[i]).has_value());
  }
  EXPECT_TRUE(engine.Update(bars.back()).has_value());
}

TEST(FeatureEngine, NeverLooksAhead) {
  auto bars = Walk(200, 2);
  FeatureEngine one;
  std::optional<Features> before;
  for (size_t i = 0; i < 150; ++i) {
    before = one.Update(bars[i]);
  }
  for (size_t i = 150; i < bars.size(); ++i) {
    bars[i].close = bars[i].high = bars[i].low = bars[i].open = 1;  // another future
  }
  FeatureEngine two;
  std::optional<Features> again;
  for (size_t i = 0; i < 150; ++i) {
    again = two.Update(bars[i]);
  }
  EXPECT_EQ(before->values, again->values);
}

TEST(FeatureEngine, AgreesWithTheDefinitions) {
  const auto bars = Walk(100, 3);
  FeatureEngine engine;
  std::optional<Features> features;
  for (const Bar& bar : bars) {
    features = engine.Update(bar);
  }
  const size_t n = bars.size() - 1;
  EXPECT_DOUBLE_EQ((*features)[Feature::kReturn5], std::log(bars[n].close / bars[n - 5].close));
  EXPECT_DOUBLE_EQ((*features)[Feature::kReturn15], std::log(bars[n].close / bars[n - 15].close));
  double path = 0;
  for (size_t i = n - 9; i <= n; ++i) {
    path += std::fabs(bars[i].close - bars[i - 1].close);
  }
  EXPECT_NEAR((*features)[Feature::kEfficiency], std::fabs(bars[n].close - bars[n - 10].close) / path, 1e-9);
  EXPECT_GE((*features)[Feature::kRsi], 0);
  EXPECT_LE((*features)[Feature::kRsi], 100);
}

TEST(FeatureEngine, IgnoresAndCountsBarsThatCannotBe) {
  FeatureEngine engine;
  EXPECT_FALSE(engine.Update({.open = 1, .high = 0.5, .low = 1, .close = 1, .volume = 1, .taker_buy = 0}));
  EXPECT_FALSE(engine.Update({.open = 1, .high = std::numeric_limits<double>::quiet_NaN(), .low = 1, .close = 1}));
  EXPECT_FALSE(engine.Update({.open = 1, .high = 1, .low = 1, .close = 1, .volume = 1, .taker_buy = 2}));
  EXPECT_EQ(engine.bad_bars(), 3);
  EXPECT_EQ(engine.bars(), 0);
}

}  // namespace
}  // namespace quantum::ai_engine
