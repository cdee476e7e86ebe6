#pragma once

#include <map>
#include <optional>
#include <utility>

#include "exchange/paper/engine/records.h"

namespace quantum::paper {

// The account's resting orders in one symbol, in the order in which the market fills them: price, then time.
class RestingOrders {
 public:
  struct Entry {
    int64_t order_id = 0;
    Decimal price;
    // The quantity of others that is served before this order: what was displayed when it came, less what was traded
    // there since. Nothing after a restart, until somebody trades there.
    std::optional<Decimal> others_ahead;
  };
  using Key = std::pair<int64_t, int64_t>;  // price (negated for bids), priority
  using Queue = std::map<Key, Entry>;

  void Add(const PaperOrder& order, std::optional<Decimal> others_ahead);
  void Remove(const PaperOrder& order) { Of(order.side).erase(KeyOf(order)); }
  const Entry* Find(const PaperOrder& order) const;
  // The order that stands right before this key at the same price.
  const Entry* Before(Side side, const Key& key) const;

  Queue& Of(Side side) { return side == Side::kBuy ? bids_ : asks_; }
  const Queue& Of(Side side) const { return side == Side::kBuy ? bids_ : asks_; }
  size_t size() const { return bids_.size() + asks_.size(); }

  static Key KeyOf(const PaperOrder& order);

 private:
  Queue bids_;
  Queue asks_;
};

}  // namespace quantum::paper
