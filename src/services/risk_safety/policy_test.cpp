#include "services/risk_safety/policy.h"

#include <gtest/gtest.h>

#include <string>

namespace quantum::risk_safety {
namespace {

const std::string kNormal =
    R"({"leverage_max": 5, "leverage_min": 1, "risk_per_trade_percent_max": "1.5", "daily_drawdown_percent_max": "5",)"
    R"( "positions_max": 30, "confidence_min": 0.50, "scaling_factor": 1.0, "position_usd_max": "1000"})";

std::string With(const std::string& from, const std::string& to) {
  std::string text = kNormal;
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(Policy, SurvivesItsJson) {
  const Policy policy = ParsePolicy("NORMAL", kNormal, 7).value();
  const Policy again = ParsePolicy("NORMAL", ToJson(policy), 7).value();
  EXPECT_EQ(again.leverage_max, 5);
  EXPECT_EQ(again.positions_max, 30);
  EXPECT_EQ(again.version, 7);
  EXPECT_EQ(again.position_usd_max, policy.position_usd_max);
}

TEST(Policy, BoundsAreCheckedAndTheFieldIsNamed) {
  const auto complaint = [](const std::string& json) { return ParsePolicy("NORMAL", json, 1).error().message; };
  EXPECT_EQ(complaint(With(R"("leverage_max": 5)", R"("leverage_max": 126)")),
            "field 'leverage_max' must be an integer from 1 to 125");
  EXPECT_EQ(complaint(With(R"("positions_max": 30)", R"("positions_max": 101)")),
            "field 'positions_max' must be an integer from 1 to 100");
  EXPECT_EQ(complaint(With(R"("leverage_min": 1)", R"("leverage_min": 6)")),
            "field 'leverage_min' must be an integer from 1 to 5");
  EXPECT_EQ(complaint(With(R"("1.5")", "1.5")), "field 'risk_per_trade_percent_max' must be a decimal string");
  for (const std::string number : {"1.01", "1e400", "0e8888"}) {  // Boost.JSON reads the last as no number
    EXPECT_EQ(complaint(With("0.50", number)), "field 'confidence_min' must be a number from 0.000000 to 1.000000")
        << number;
  }
  EXPECT_FALSE(ParsePolicy("NORMAL", "[]", 1).ok());
}

}  // namespace
}  // namespace quantum::risk_safety
