#include "services/ai_engine/sizing.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace quantum::ai_engine {
namespace {

using trading::Side;
using trading::operator""_dec;

SizingLimits Limits() {
  return {.tick_size = "0.1"_dec,
          .step_size = "0.001"_dec,
          .min_notional = "100"_dec,
          .position_usd_max = "1000"_dec,
          .risk_percent_max = 1.5,
          .scaling_factor = 1,
          .leverage_max = 5,
          .leverage_min = 1};
}

TEST(Sizing, PutsStopAndProfitOnTheirSides) {
  const auto buy = SizePosition(
      {.side = Side::kBuy, .price = "60000"_dec, .equity = "10000"_dec, .confidence = 1, .stop_distance = 0.01},
      Limits());
  EXPECT_EQ(buy->stop_loss, "59400"_dec);
  EXPECT_EQ(buy->take_profit, "61200"_dec);
  const auto sell = SizePosition(
      {.side = Side::kSell, .price = "60000"_dec, .equity = "10000"_dec, .confidence = 1, .stop_distance = 0.01},
      Limits());
  EXPECT_EQ(sell->stop_loss, "60600"_dec);
  EXPECT_EQ(sell->take_profit, "58800"_dec);
}

TEST(Sizing, RefusesWhatTheVenueWouldRefuse) {
  const auto size = SizePosition(
      {.side = Side::kBuy, .price = "60000"_dec, .equity = "10"_dec, .confidence = 1, .stop_distance = 0.01}, Limits());
  EXPECT_FALSE(size.ok());
  EXPECT_FALSE(SizePosition({.price = "60000"_dec, .equity = "10000"_dec, .stop_distance = 0}, Limits()).ok());
}

TEST(Sizing, TheProfilesScalingMakesSizesLargerAndSmallerWithinTheAllowedRisk) {
  const auto risk = [](double confidence, double scaling) {
    SizingLimits limits = Limits();
    limits.position_usd_max = "1000000"_dec;
    limits.step_size = "0.00001"_dec;
    limits.scaling_factor = scaling;
    return SizePosition({.side = Side::kBuy,
                         .price = "60000"_dec,
                         .equity = "10000"_dec,
                         .confidence = confidence,
                         .stop_distance = 0.01},
                        limits)
        ->risk_percent;
  };
  EXPECT_NEAR(risk(0.2, 1.0), 1.5 * 0.6, 0.01);
  EXPECT_NEAR(risk(0.2, 1.5), 1.5 * 0.9, 0.01) << "AGGRESSIVE_SMALL_ACCOUNT takes more of it";
  EXPECT_NEAR(risk(0.2, 0.7), 1.5 * 0.42, 0.01) << "DEFENSIVE takes less";
  EXPECT_NEAR(risk(1.0, 1.5), 1.5, 0.01) << "never more than the policy allows";
}

RC_GTEST_PROP(Sizing, NeverExceedsTheLimits, ()) {
  const SizingLimits limits = Limits();
  const SizingRequest request{
      .side = *rc::gen::element(Side::kBuy, Side::kSell),
      .price = trading::Decimal::FromRaw(*rc::gen::inRange<int64_t>(100'000, 1'000'000) * 10'000'000),
      .equity = trading::Decimal::FromInt(*rc::gen::inRange(100, 1'000'000)),
      .confidence = *rc::gen::inRange(0, 100) / 100.0,
      .stop_distance = *rc::gen::inRange(1, 400) / 1000.0};
  const auto size = SizePosition(request, limits);
  if (!size.ok()) {
    return;
  }
  RC_ASSERT(size->notional <= limits.position_usd_max);
  RC_ASSERT(size->notional >= limits.min_notional);
  RC_ASSERT(size->quantity.IsMultipleOf(limits.step_size));
  RC_ASSERT(size->stop_loss.IsMultipleOf(limits.tick_size));
  RC_ASSERT(size->leverage >= limits.leverage_min && size->leverage <= limits.leverage_max);
  // The stop is rounded outwards by at most a tick.
  RC_ASSERT(size->risk_percent <= limits.risk_percent_max * 1.01);
}

}  // namespace
}  // namespace quantum::ai_engine
