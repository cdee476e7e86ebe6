#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "exchange/paper/market/source.h"

namespace quantum::paper {

// One side of a book: price levels in ticks, the best at the back, where nearly all changes happen.
class BookSide {
 public:
  struct Level {
    int64_t ticks = 0;
    Decimal quantity;
  };
  explicit BookSide(bool bids) : bids_(bids) {}

  void Set(int64_t ticks, Decimal quantity);  // zero removes
  void Clear() { levels_.clear(); }
  Decimal At(int64_t ticks) const;  // zero when there is no such level
  bool empty() const { return levels_.empty(); }
  const Level& best() const { return levels_.back(); }  // precondition: !empty()
  // Best first.
  auto begin() const { return levels_.rbegin(); }
  auto end() const { return levels_.rend(); }
  size_t size() const { return levels_.size(); }
  bool Better(int64_t a, int64_t b) const { return bids_ ? a > b : a < b; }

 private:
  std::vector<Level>::iterator Find(int64_t ticks);

  bool bids_;
  std::vector<Level> levels_;
};

// A local order book kept by Binance's rule for futures: updates with u below the snapshot are old, the first one spans
// it, and from then on each pu equals the u before.
class Book {
 public:
  explicit Book(Decimal tick_size) : tick_size_(tick_size) {}

  void Reset(const DepthSnapshot& snapshot);

  enum class Applied {
    kApplied,
    kOld,  // the book already contains it
    kGap,  // updates are missing: the book is no longer right, take a new snapshot
  };
  Applied Apply(const DepthUpdate& update);

  DepthSnapshot Snapshot(size_t levels_max) const;
  int64_t last_update_id() const { return last_update_id_; }
  const BookSide& bids() const { return bids_; }
  const BookSide& asks() const { return asks_; }
  bool ready() const { return last_update_id_ != 0 && !bids_.empty() && !asks_.empty(); }

  int64_t ToTicks(Decimal price) const { return price.raw() / tick_size_.raw(); }
  Decimal ToPrice(int64_t ticks) const { return Decimal::FromRaw(ticks * tick_size_.raw()); }

 private:
  void ApplyLevels(BookSide& side, const std::vector<PriceLevel>& levels);

  Decimal tick_size_;
  BookSide bids_{true};
  BookSide asks_{false};
  int64_t last_update_id_ = 0;
  bool spanned_ = false;  // an update after the snapshot was applied
};

}  // namespace quantum::paper
