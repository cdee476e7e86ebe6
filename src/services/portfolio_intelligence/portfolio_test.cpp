#include "services/portfolio_intelligence/portfolio.h"

#include <gtest/gtest.h>

#include "services/portfolio_intelligence/json.h"

namespace quantum::portfolio_intelligence {
namespace {

using trading::operator""_dec;
using trading::event::PositionUpdate;

const WallTime kNow = FromUnixMs(1'723'161'256'299);

trading::AccountReport Account(Decimal wallet, Decimal unrealized = {}) {
  return {.wallet_balance = wallet, .available_balance = wallet, .unrealized_pnl = unrealized};
}

TEST(Portfolio, ASnapshotAddsUp) {
  Portfolio portfolio;
  portfolio.OnPosition({.symbol = "BTCUSDT",
                        .quantity = "0.01"_dec,
                        .entry_price = "60000"_dec,
                        .realized_pnl = "12"_dec,
                        .fees = "0.6"_dec,
                        .funding = "0.25"_dec,
                        .time = 1});
  portfolio.OnPosition(
      {.symbol = "ETHUSDT", .quantity = "-2"_dec, .entry_price = "2500"_dec, .fees = "2.5"_dec, .time = 1});
  portfolio.OnPrice("BTCUSDT", "61000"_dec);
  portfolio.OnPrice("ETHUSDT", "2510"_dec);
  const Snapshot snapshot = portfolio.Take(Account("10008.65"_dec, "-9.5"_dec), kNow).value();
  EXPECT_EQ(snapshot.open_pnl, "-10"_dec);  // +10 and -20
  EXPECT_EQ(snapshot.equity, "9999.15"_dec);
  EXPECT_EQ(snapshot.net_pnl, "-1.35"_dec) << "realized 12, open -10, fees 3.1, funding 0.25";
  EXPECT_EQ(snapshot.exposure_long, "610"_dec);
  EXPECT_EQ(snapshot.exposure_short, "5020"_dec);
  EXPECT_EQ(snapshot.fees, "3.1"_dec);
}

TEST(Portfolio, Pain9WithoutAPriceThereIsNoSnapshotRatherThanAnInventedOne) {
  Portfolio portfolio;
  portfolio.OnPosition({.symbol = "BTCUSDT", .quantity = "0.01"_dec, .entry_price = "60000"_dec, .time = 1});
  EXPECT_FALSE(portfolio.Take(Account("10000"_dec), kNow).has_value());
}

TEST(Portfolio, AnOldUpdateChangesNothing) {
  Portfolio portfolio;
  EXPECT_TRUE(portfolio.OnPosition({.symbol = "BTCUSDT", .quantity = "0"_dec, .time = 2}));
  EXPECT_FALSE(portfolio.OnPosition({.symbol = "BTCUSDT", .quantity = "1"_dec, .time = 1}));
  EXPECT_TRUE(portfolio.holdings().at("BTCUSDT").quantity.is_zero());
}

TEST(Portfolio, TheDrawdownIsMeasuredFromTheHighestEquityAlsoAfterARestart) {
  Portfolio portfolio;
  portfolio.Take(Account("10000"_dec), kNow);
  portfolio.Take(Account("12000"_dec), kNow);
  EXPECT_EQ(portfolio.Take(Account("9000"_dec), kNow)->drawdown_percent, "25"_dec);
  Portfolio restarted;
  restarted.Restore({}, portfolio.peak());
  EXPECT_EQ(restarted.Take(Account("11400"_dec), kNow)->drawdown_percent, "5"_dec);
  EXPECT_EQ(restarted.peak()->drawdown_max_percent, "25"_dec);
}

TEST(Portfolio, AProfitIsCountedOnceBetweenAnExitAndItsEvent) {
  Portfolio portfolio;
  portfolio.OnPosition({.symbol = "BTCUSDT", .quantity = "1"_dec, .entry_price = "60000"_dec, .time = 1});
  portfolio.OnPrice("BTCUSDT", "60100"_dec);
  EXPECT_EQ(portfolio.Take(Account("10000"_dec, "100"_dec), kNow)->equity, "10100"_dec);
  // The exit is in the wallet; position.updated is still on its way.
  EXPECT_EQ(portfolio.Take(Account("10100"_dec), kNow)->equity, "10100"_dec);
  EXPECT_EQ(portfolio.peak()->equity, "10100"_dec) << "a false peak would be kept for ever";
}

TEST(Json, NamesTheMarketsSourceAndTheFunding) {
  Portfolio portfolio;
  portfolio.OnPosition({.symbol = "BTCUSDT", .funding = "-0.5"_dec, .time = 1});
  Snapshot snapshot = portfolio.Take(Account("10000"_dec), kNow).value();
  snapshot.source = "synthetic";
  const std::string pnl = PnlJson(snapshot);
  for (const std::string& json : {SnapshotJson(snapshot), pnl, ExposureJson(snapshot),
                                  DrawdownJson(snapshot, *portfolio.peak()), PerformanceJson({}, 7, "synthetic")}) {
    EXPECT_NE(json.find(R"("source":"synthetic")"), std::string::npos) << json;
  }
  EXPECT_NE(pnl.find(R"("funding":"-0.5","net_pnl":"0.5")"), std::string::npos) << pnl;
}

TEST(Json, SymbolsAreOfTheSameMomentAsTheirSums) {
  Portfolio portfolio;
  portfolio.OnPosition({.symbol = "BTCUSDT", .realized_pnl = "1"_dec, .fees = "0.25"_dec, .time = 1});
  const Snapshot snapshot = portfolio.Take(Account("10000"_dec), kNow).value();
  const std::string pnl = PnlJson(snapshot);
  portfolio.OnPosition({.symbol = "BTCUSDT", .realized_pnl = "3"_dec, .fees = "0.5"_dec, .time = 2});
  EXPECT_EQ(PnlJson(snapshot), pnl);
  EXPECT_NE(pnl.find(R"("symbols":{"BTCUSDT":{"realized_pnl":"1","unrealized_pnl":"0","fees":"0.25")"),
            std::string::npos)
      << pnl;
}

TEST(Json, DaysAreAWholeNumberAndNothingElse) {
  EXPECT_EQ(ReadDays("7").value(), 7);
  for (const char* text : {"", "7abc", "0", "-1", "3651", " 7", "7.5", "99999999999999999999"}) {
    const auto days = ReadDays(text);
    ASSERT_FALSE(days.ok()) << text;
    EXPECT_NE(days.error().message.find("'days'"), std::string::npos);
  }
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
