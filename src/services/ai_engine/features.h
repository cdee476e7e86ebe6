#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

// One incremental feature engine, used live and offline, so that what a model sees in trading is what it saw in
// research. O(1) a bar; no look-ahead: features of a bar use that bar and earlier ones only.
namespace quantum::ai_engine {

struct Bar {
  double open = 0;
  double high = 0;
  double low = 0;
  double close = 0;
  double volume = 0;
  double taker_buy = 0;  // part of volume
};

// In this order; the schema hash covers the names and the parameters.
enum class Feature : size_t {
  kReturn1,         // log return over 1 bar
  kReturn5,         // over 5 bars
  kReturn15,        // over 15 bars
  kVolatility,      // deviation of 1-bar log returns, exponentially weighted, span 20
  kEmaGap,          // (EMA 8 - EMA 21) / close
  kZScore,          // (close - EMA 20) / deviation of close around it
  kRsi,             // Wilder's RSI of 14 bars, 0 … 100
  kAtr,             // Wilder's average true range of 14 bars / close
  kEfficiency,      // Kaufman: |change over 10| / sum of |changes|, 0 … 1
  kTakerImbalance,  // (2 taker_buy - volume) / volume, exponentially weighted, span 10
  kCount
};
inline constexpr size_t kFeatureCount = static_cast<size_t>(Feature::kCount);
std::string_view NameOf(Feature feature);

struct Features {
  std::array<double, kFeatureCount> values{};
  double close = 0;
  double operator[](Feature feature) const { return values[static_cast<size_t>(feature)]; }
};

// FNV-1a as 16 hexadecimal digits: the same on every machine, for identity, not for secrecy.
std::string HashText(std::string_view text);

// Hash of names and parameters, as 16 hexadecimal digits: a model whose schema differs must not vote (pains.md 9).
const std::string& FeatureSchemaHash();

class FeatureEngine {
 public:
  static constexpr int kWarmUpBars = 30;

  // Nothing during the warm-up, and for a bar that is not finite, not positive or not consistent: such a bar is
  // ignored and counted.
  std::optional<Features> Update(const Bar& bar);
  int bars() const { return bars_; }
  int bad_bars() const { return bad_bars_; }

 private:
  int bars_ = 0;
  int bad_bars_ = 0;
  double previous_close_ = 0;
  double ema8_ = 0;
  double ema20_ = 0;
  double ema21_ = 0;
  double variance_return_ = 0;
  double variance_close_ = 0;
  double gain_ = 0;
  double loss_ = 0;
  double atr_ = 0;
  double imbalance_ = 0;
  double path_ = 0;            // sum of |changes| over the efficiency window
  std::deque<double> closes_;  // the last 16
};

}  // namespace quantum::ai_engine
