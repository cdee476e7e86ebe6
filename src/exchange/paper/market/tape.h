#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "exchange/paper/market/source.h"

namespace quantum::paper {

// What one taker took at one price: trades of the same price and side within kAggregateMs of the first.
struct AggregateTrade {
  int64_t id = 0;
  Decimal price;
  Decimal quantity;
  int64_t first_trade_id = 0;
  int64_t last_trade_id = 0;
  int64_t time_ms = 0;   // of the first
  int64_t event_ms = 0;  // when it was complete
  bool buyer_is_maker = false;
};

// The newest trades of a symbol, one by one and aggregated. Knows nothing of a run before this one.
class Tape {
 public:
  static constexpr size_t kKept = 1000;  // of each kind: the most that an answer holds
  static constexpr int64_t kAggregateMs = 100;

  // The aggregate that this trade completes, since it is not part of it.
  std::optional<AggregateTrade> Add(const MarketTrade& trade);
  // The aggregate that time completes; at `end` whatever there is.
  std::optional<AggregateTrade> Complete(int64_t now_ms, bool end = false);

  const std::deque<MarketTrade>& trades() const { return trades_; }             // oldest first
  const std::deque<AggregateTrade>& aggregates() const { return aggregates_; }  // the complete ones, oldest first

 private:
  AggregateTrade Finish(int64_t now_ms);

  std::deque<MarketTrade> trades_;
  std::deque<AggregateTrade> aggregates_;
  std::optional<AggregateTrade> open_;
  int64_t next_id_ = 1;
};

}  // namespace quantum::paper
