#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "exchange/venue.h"

// A book of price levels. Prices and quantities are the raw integers of Decimal (ticks of 1e-8), so that no rule of the
// symbol is needed and comparisons are exact. No I/O, no clock, no locks: for one fiber or thread.
namespace quantum::exchange {

// One side, sorted with the best level at the back: most changes of a live book happen there, and cost a short move.
class BookSide {
 public:
  BookSide(trading::Side side, size_t levels_max) : sign_(side == trading::Side::kBuy ? 1 : -1), max_(levels_max) {}

  // Sets a level's quantity; zero removes it. Levels far from the market are dropped when there are more than
  // levels_max and an eighth.
  void Set(Decimal price, Decimal quantity) {
    const int64_t key = sign_ * price.raw();
    const auto at = std::lower_bound(levels_.begin(), levels_.end(), key,
                                     [](const Level& level, int64_t wanted) { return level.key < wanted; });
    const bool found = at != levels_.end() && at->key == key;
    if (quantity.is_zero()) {
      if (found) {
        levels_.erase(at);
      }
    } else if (found) {
      at->quantity = quantity.raw();
    } else {
      levels_.insert(at, {key, quantity.raw()});
      Trim();
    }
  }

  void Clear() { levels_.clear(); }
  size_t size() const { return levels_.size(); }
  bool empty() const { return levels_.empty(); }
  // 0 is the best level. Precondition: index < size().
  PriceLevel At(size_t index) const {
    const Level& level = levels_[levels_.size() - 1 - index];
    return {Decimal::FromRaw(sign_ * level.key), Decimal::FromRaw(level.quantity)};
  }

 private:
  struct Level {
    int64_t key;  // higher is better on both sides
    int64_t quantity;
  };

  void Trim() {
    if (levels_.size() > max_ + max_ / 8) {
      levels_.erase(levels_.begin(), levels_.end() - static_cast<std::ptrdiff_t>(max_));
    }
  }

  int64_t sign_;
  size_t max_;
  std::vector<Level> levels_;
};

class OrderBook {
 public:
  explicit OrderBook(size_t levels_max = 4096)
      : bids_(trading::Side::kBuy, levels_max), asks_(trading::Side::kSell, levels_max) {}

  void Clear() {
    bids_.Clear();
    asks_.Clear();
  }
  void Load(const DepthSnapshot& snapshot);
  void Apply(const DepthUpdate& update);

  const BookSide& bids() const { return bids_; }
  const BookSide& asks() const { return asks_; }
  std::optional<PriceLevel> best_bid() const;
  std::optional<PriceLevel> best_ask() const;
  // A bid at or above an ask: such a book is wrong.
  bool crossed() const;

 private:
  BookSide bids_;
  BookSide asks_;
};

}  // namespace quantum::exchange
