#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>

#include "exchange/paper/market/book.h"
#include "exchange/paper/market/calibration.h"
#include "exchange/paper/market/source.h"
#include "platform/base/random.h"

namespace quantum::paper {

enum class Regime { kTrendUp, kTrendDown, kRange, kVolatile };

struct SyntheticStart {
  std::string symbol;
  Decimal tick_size;
  Decimal step_size;
  double price = 0;  // zero: that of the calibration
  int64_t next_trade_id = 1;
};

// One symbol of the synthetic market: a fair price that wanders by regime, a book around it, and trades that take from
// that book. Pure and repeatable from its seed.
class SyntheticMarket {
 public:
  SyntheticMarket(const SyntheticStart& start, const Calibration& calibration, double rate, int64_t start_ms,
                  uint64_t seed);

  // Produces the next happening into `ready` (one or more events of one time).
  void Step();
  int64_t next_ms() const;
  std::deque<SourceEvent>& ready() { return ready_; }
  Regime regime() const { return regime_; }

 private:
  void Drift(int64_t to_ms);
  void ChooseRegime(int64_t now_ms);
  void Quote(int64_t now_ms);
  void Trade(int64_t now_ms);
  void PublishDepth(int64_t now_ms);
  void PublishTicker(int64_t now_ms);
  void MoveTo(int64_t bid, int64_t ask);
  void FillBook();
  void Set(bool bids, int64_t ticks, Decimal quantity);
  Decimal TopQuantity();
  Decimal LevelQuantity();
  Decimal Quantity(double amount) const;
  double Exponential(double rate_per_s);  // a waiting time in ms
  int64_t Later(double after_ms, double rate_per_s);
  int64_t SpreadTicks();
  int64_t NextUpdateId();

  const std::string symbol_;
  const Decimal step_size_;
  const Calibration calibration_;
  const double rate_;
  SeededRandom random_;
  BookSide bids_{true};
  BookSide asks_{false};
  Decimal tick_size_;
  std::set<int64_t> dirty_bids_;
  std::set<int64_t> dirty_asks_;
  double fair_ = 0;    // in ticks
  double anchor_ = 0;  // of a range
  Regime regime_ = Regime::kRange;
  int64_t regime_until_ms_ = 0;
  int64_t drifted_ms_ = 0;
  int64_t quote_ms_ = 0;
  int64_t trade_ms_ = 0;
  int64_t depth_ms_ = 0;
  int64_t trade_id_ = 0;
  int64_t update_id_ = 0;
  int64_t depth_update_id_ = 0;  // u of the last depth update
  int64_t depth_levels_ = 0;     // ticks on each side
  std::deque<SourceEvent> ready_;
};

}  // namespace quantum::paper
