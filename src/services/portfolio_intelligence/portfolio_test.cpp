#include "services/portfolio_intelligence/portfolio.h"

#include <gtest/gtest.h>

namespace quantum::portfolio_intelligence {
namespace {

using trading::operator""_dec;
using trading::event::PositionUpdate;

const WallTime kNow = FromUnixMs(1'723'161'256'299);

TEST(Portfolio, ASnapshotAddsUp) {
  Portfolio portfolio;
  portfolio.OnPosition({.symbol = "BTCUSDT", .quantity = "0.01"_dec, .entry_price = "60000"_dec,
                        .realized_pnl = "12"_dec, .fees = "0.6"_dec, .time = 1});
  portfolio.OnPosition({.symbol = "ETHUSDT", .quantity = "-2"_dec, .entry_price = "2500"_dec, .fees = "2.5"_dec, .time = 1});
  portfolio.OnPrice("BTCUSDT", "61000"_dec);
  portfolio.OnPrice("ETHUSDT", "2510"_dec);
  const Snapshot snapshot = portfolio.Take("10008.9"_dec, kNow).value();
  EXPECT_EQ(snapshot.unrealized_pnl, "-10"_dec);  // +10 and -20
  EXPECT_EQ(snapshot.equity, "9998.9"_dec);
  EXPECT_EQ(snapshot.exposure_long, "610"_dec);
  EXPECT_EQ(snapshot.exposure_short, "5020"_dec);
  EXPECT_EQ(snapshot.fees, "3.1"_dec);
}

TEST(Portfolio, WithoutAPriceThereIsNoSnapshotRatherThanAnInventedOne) {
  Portfolio portfolio;
  portfolio.OnPosition({.symbol = "BTCUSDT", .quantity = "0.01"_dec, .entry_price = "60000"_dec, .time = 1});
  EXPECT_FALSE(portfolio.Take("10000"_dec, kNow).has_value());
}

TEST(Portfolio, AnOldUpdateChangesNothing) {
  Portfolio portfolio;
  EXPECT_TRUE(portfolio.OnPosition({.symbol = "BTCUSDT", .quantity = "0"_dec, .time = 2}));
  EXPECT_FALSE(portfolio.OnPosition({.symbol = "BTCUSDT", .quantity = "1"_dec, .time = 1}));
  EXPECT_TRUE(portfolio.holdings().at("BTCUSDT").quantity.is_zero());
}

TEST(Portfolio, TheDrawdownIsMeasuredFromTheHighestEquityAlsoAfterARestart) {
  Portfolio portfolio;
  portfolio.Take("10000"_dec, kNow);
  portfolio.Take("12000"_dec, kNow);
  EXPECT_EQ(portfolio.Take("9000"_dec, kNow)->drawdown_percent, "25"_dec);
  Portfolio restarted;
  restarted.Restore({}, portfolio.peak());
  EXPECT_EQ(restarted.Take("11400"_dec, kNow)->drawdown_percent, "5"_dec);
  EXPECT_EQ(restarted.peak()->drawdown_max_percent, "25"_dec);
}

TEST(Performance, CountsWinsAndLossesAndLeavesUnknownUnknown) {
  EXPECT_FALSE(Summarize({}).win_rate.has_value());
  const Performance result = Summarize({{"a", "10"_dec, 1}, {"b", "-4"_dec, 2}, {"c", "2"_dec, 3}});
  EXPECT_EQ(result.net_pnl, "8"_dec);
  EXPECT_DOUBLE_EQ(*result.profit_factor, 3.0);
  EXPECT_DOUBLE_EQ(*result.win_rate, 2.0 / 3);
  EXPECT_FALSE(Summarize({{"a", "10"_dec, 1}}).profit_factor.has_value());
}

}  // namespace
}  // namespace quantum::portfolio_intelligence
