#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <string_view>

namespace quantum::paper {

// What the synthetic market is calibrated on: Binance USD-M futures frames of 2024-08-08 (usdm_btcusdt_20240808 and
// usdm_ethusdt_20240808, 345 s each). calibration_test.cpp measures them anew.
struct Calibration {
  std::string_view symbol;
  double start_price;    // the first mid price of the recording
  double tickers_per_s;  // changes of the best bid or ask
  double bursts_per_s;   // trades at distinct times
  double trades_per_burst;
  double depth_per_s;        // depth updates
  double levels_per_depth;   // levels in one, median
  double one_tick_share;     // of the tickers, a spread of one tick
  double wide_spread_ticks;  // mean spread of the others
  double trade_log_mean;     // trade quantity is log-normal: mean and deviation of the natural logarithm
  double trade_log_deviation;
  double top_median;         // quantity at the best bid or ask
  double top_log_deviation;  // from its quartiles
  double level_density;      // levels per tick, within 50 ticks of the best
  double level_mean;         // quantity of those levels
  double volatility_bps;     // deviation of the mid price's logarithm over one second, in basis points
};

inline constexpr Calibration kCalibrations[] = {
    {"BTCUSDT", 61800.0, 191.7, 15.25, 4.05, 19.0, 34, 0.942, 18.9, -3.997, 1.872, 2.68, 1.46, 0.263, 0.406, 1.207},
    {"ETHUSDT", 2681.6, 156.6, 10.09, 4.05, 19.1, 39, 0.953, 6.4, -2.515, 2.167, 13.34, 1.51, 0.588, 2.565, 1.174},
};

// How the regimes differ from the recording, whose 345 s are too short to show several. A trend's drift is some twice
// the recorded deviation of one minute (6 to 8 bp); the recording itself drifted by 22 bp in 345 s.
inline constexpr double kTrendDriftBpsPerS = 0.2;
inline constexpr double kVolatileFactor = 2.5;
inline constexpr double kRangeReversionPerS = 0.02;
inline constexpr double kTrendBuyShare = 0.60;  // of the trades, in the direction of a trend
inline constexpr int kRegimeSecondsMin = 60;
inline constexpr int kRegimeSecondsMax = 240;
// Price levels the synthetic book holds on each side: some 10 bp.
inline constexpr double kBookDepthBps = 10.0;

// Symbols of which nothing was recorded: they move as ETHUSDT does, at a price of their own, quantities worth the same.
struct Borrowed {
  std::string_view symbol;
  double start_price;
};
inline constexpr Borrowed kBorrowed[] = {{"BNBUSDT", 515}, {"SOLUSDT", 160}, {"BCHUSDT", 350}, {"LTCUSDT", 61},
                                         {"XMRUSDT", 150}, {"ZECUSDT", 32},  {"DASHUSDT", 25}, {"AAVEUSDT", 101},
                                         {"COMPUSDT", 43}, {"QNTUSDT", 70.0}};

// Symbols that no exchange lists, QT00USDT to QT99USDT, for desks that hold more than there are of the others.
inline constexpr int kMadeUpSymbols = 100;
inline constexpr double kMadeUpStartPrice = 100;
inline std::string MadeUpSymbol(int number) {
  return {'Q', 'T', static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10), 'U', 'S', 'D', 'T'};
}

// At which price a symbol begins of which nothing was recorded.
inline std::optional<double> BorrowedStartPrice(std::string_view symbol) {
  for (const Borrowed& borrowed : kBorrowed) {
    if (borrowed.symbol == symbol) {
      return borrowed.start_price;
    }
  }
  for (int number = 0; number < kMadeUpSymbols; ++number) {
    if (MadeUpSymbol(number) == symbol) {
      return kMadeUpStartPrice;
    }
  }
  return std::nullopt;
}

inline std::optional<Calibration> FindCalibration(std::string_view symbol) {
  for (const Calibration& calibration : kCalibrations) {
    if (calibration.symbol == symbol) {
      return calibration;
    }
  }
  const std::optional<double> start_price = BorrowedStartPrice(symbol);
  if (!start_price) {
    return std::nullopt;
  }
  Calibration calibration = kCalibrations[1];
  const double ratio = calibration.start_price / *start_price;
  calibration.symbol = symbol;
  calibration.start_price = *start_price;
  calibration.trade_log_mean += std::log(ratio);
  calibration.top_median *= ratio;
  calibration.level_mean *= ratio;
  return calibration;
}

}  // namespace quantum::paper
