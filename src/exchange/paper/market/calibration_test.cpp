#include "exchange/paper/market/calibration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "exchange/paper/market/recording_source.h"
#include "tests/support/market_data.h"

namespace quantum::paper {
namespace {

struct Measured {
  int64_t begin_ms = 0;
  int64_t end_ms = 0;
  double trades = 0;
  std::set<int64_t> trade_times;
  std::vector<double> trade_logs;
  double tickers = 0;
  double one_tick = 0;
  double wide_ticks = 0;
  std::vector<double> tops;
  std::vector<double> depth_levels;
  std::map<int64_t, double> mids;  // the last one of each second

  double seconds() const { return static_cast<double>(end_ms - begin_ms) / 1000; }
};

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) {
    sum += value;
  }
  return sum / static_cast<double>(values.size());
}

double Deviation(const std::vector<double>& values) {
  const double mean = Mean(values);
  double sum = 0;
  for (double value : values) {
    sum += (value - mean) * (value - mean);
  }
  return std::sqrt(sum / static_cast<double>(values.size()));
}

double Quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(share * static_cast<double>(values.size()))];
}

void Add(Measured& measured, const SourceEvent& event, double tick) {
  measured.begin_ms = measured.begin_ms == 0 ? event.time_ms : measured.begin_ms;
  measured.end_ms = event.time_ms;
  if (const auto* trade = std::get_if<MarketTrade>(&event.what)) {
    ++measured.trades;
    measured.trade_times.insert(trade->time_ms);
    measured.trade_logs.push_back(std::log(trade->quantity.ToDouble()));
  } else if (const auto* ticker = std::get_if<BookTicker>(&event.what)) {
    const double spread = std::round((ticker->ask.price - ticker->bid.price).ToDouble() / tick);
    ++measured.tickers;
    measured.one_tick += spread <= 1 ? 1 : 0;
    measured.wide_ticks += spread <= 1 ? 0 : spread;
    measured.tops.push_back(ticker->bid.quantity.ToDouble());
    measured.tops.push_back(ticker->ask.quantity.ToDouble());
    measured.mids[event.time_ms / 1000] = (ticker->ask.price + ticker->bid.price).ToDouble() / 2;
  } else if (const auto* update = std::get_if<DepthUpdate>(&event.what)) {
    measured.depth_levels.push_back(static_cast<double>(update->bids.size() + update->asks.size()));
  }
}

double VolatilityBps(const Measured& measured) {
  std::vector<double> moves;
  double before = 0;
  for (const auto& [second, mid] : measured.mids) {
    if (before > 0) {
      moves.push_back(std::log(mid / before) * 10'000);
    }
    before = mid;
  }
  return Deviation(moves);
}

class CalibrationTest : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

// The constants of the synthetic market are what the recording shows, within a twentieth.
TEST_P(CalibrationTest, IsWhatTheRecordingShows) {
  const auto [symbol, name] = GetParam();
  const std::string file = quantum::testing::MarketData(name);
  if (file.empty()) {
    return;
  }
  auto source = RecordingSource::Open({file});
  ASSERT_TRUE(source.ok()) << source.error().message;
  const double tick = std::string(symbol) == "BTCUSDT" ? 0.1 : 0.01;
  Measured measured;
  for (;;) {
    auto next = (*source)->Next();
    ASSERT_TRUE(next.ok()) << next.error().message;
    if (!*next) {
      break;
    }
    Add(measured, **next, tick);
  }
  const Calibration expected = *FindCalibration(symbol);
  const auto near = [](double got, double wanted, const char* what) {
    EXPECT_NEAR(got / wanted, 1.0, 0.05) << what << ": measured " << got << ", constant " << wanted;
  };
  const double seconds = measured.seconds();
  const auto bursts = static_cast<double>(measured.trade_times.size());
  near(measured.tickers / seconds, expected.tickers_per_s, "tickers per second");
  near(bursts / seconds, expected.bursts_per_s, "bursts per second");
  near(measured.trades / bursts, expected.trades_per_burst, "trades per burst");
  near(static_cast<double>(measured.depth_levels.size()) / seconds, expected.depth_per_s, "depth updates per second");
  near(Quantile(measured.depth_levels, 0.5), expected.levels_per_depth, "levels of a depth update");
  EXPECT_NEAR(measured.one_tick / measured.tickers, expected.one_tick_share, 0.002);
  near(measured.wide_ticks / (measured.tickers - measured.one_tick), expected.wide_spread_ticks, "wide spread");
  near(Mean(measured.trade_logs), expected.trade_log_mean, "logarithm of trade sizes");
  near(Deviation(measured.trade_logs), expected.trade_log_deviation, "deviation of that logarithm");
  near(Quantile(measured.tops, 0.5), expected.top_median, "median quantity at the best price");
  near(std::log(Quantile(measured.tops, 0.75) / Quantile(measured.tops, 0.25)) / 1.349, expected.top_log_deviation,
       "deviation of its logarithm");
  near(VolatilityBps(measured), expected.volatility_bps, "volatility of one second");
}

INSTANTIATE_TEST_SUITE_P(Recordings, CalibrationTest,
                         ::testing::Values(std::pair("BTCUSDT", "usdm_btcusdt_20240808.gz"),
                                           std::pair("ETHUSDT", "usdm_ethusdt_20240808.gz")),
                         [](const auto& with) { return std::string(with.param.first); });

}  // namespace
}  // namespace quantum::paper
