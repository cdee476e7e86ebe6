#include "services/ai_engine/ensemble.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace quantum::ai_engine {
namespace {

// Feeds closes and returns the last assessment.
std::optional<Assessment> After(int bars, const std::function<double(int)>& close, EnsembleOptions options = {}) {
  Ensemble ensemble(options);
  std::optional<Assessment> last;
  double previous = close(0);
  for (int i = 0; i < bars; ++i) {
    const double now = close(i);
    last = ensemble.Update({.open = previous,
                            .high = std::max(previous, now) + 1,
                            .low = std::min(previous, now) - 1,
                            .close = now,
                            .volume = 1,
                            .taker_buy = 0.5});
    previous = now;
  }
  return last;
}

TEST(Ensemble, FollowsASteadyRiseAndASteadyFall) {
  const auto up = After(80, [](int i) { return 60'000.0 + 20 * i; });
  EXPECT_EQ(up->action, 1);
  EXPECT_EQ(up->regime, Regime::kTrendUp);
  EXPECT_GT(up->expected_move, 0);
  const auto down = After(80, [](int i) { return 60'000.0 - 20 * i; });
  EXPECT_EQ(down->action, -1);
  EXPECT_EQ(down->regime, Regime::kTrendDown);
}

TEST(Ensemble, Pain9AStillMarketMakesEveryModelAbstain) {
  const auto still = After(80, [](int) { return 60'000.0; });
  EXPECT_EQ(still->action, 0);
  EXPECT_TRUE(still->votes.empty());
  EXPECT_EQ(still->reason, "every model abstains");
}

TEST(Ensemble, FadesAStretchInARange) {
  // A zigzag, and at the end a jump out of it.
  const auto stretched = After(81, [](int i) { return 60'000.0 + (i % 2 == 0 ? 10 : -10) + (i >= 80 ? 60 : 0); });
  EXPECT_EQ(stretched->action, -1);
}

TEST(Ensemble, HoldsWhileItsModelsDisagreeMoreThanItMay) {
  // A steady rise, and at the end a jump ahead of it: one model follows, the other fades.
  const auto jump = [](int i) { return 60'000.0 + 20 * i + (i >= 80 ? 200 : 0); };
  const auto held = After(81, jump);
  ASSERT_EQ(held->votes.size(), 2u);
  EXPECT_GT(held->votes[0].signal, 0);
  EXPECT_LT(held->votes[1].signal, 0);
  EXPECT_GT(held->signal, EnsembleOptions().signal_min) << "the signal alone would do";
  EXPECT_EQ(held->action, 0);
  EXPECT_EQ(held->reason, "disagreement 0.64 is above 0.60");
  for (const double enough : {held->disagreement, 0.7}) {
    const auto acts = After(81, jump, {.disagreement_max = enough});
    EXPECT_EQ(acts->disagreement, held->disagreement);
    EXPECT_EQ(acts->action, 1);
    EXPECT_EQ(acts->reason, "");
  }
}

TEST(Ensemble, Pain9AbstainsDuringTheWarmUp) {
  EXPECT_FALSE(After(FeatureEngine::kWarmUpBars - 1, [](int i) { return 60'000.0 + i; }).has_value());
}

TEST(Ensemble, ItsHashCoversItsOptions) {
  EXPECT_EQ(Ensemble().hash(), Ensemble().hash());
  EXPECT_NE(Ensemble().hash(), Ensemble({.signal_min = 0.3}).hash());
}

}  // namespace
}  // namespace quantum::ai_engine
