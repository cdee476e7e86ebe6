#include "exchange/paper/market/book.h"

#include <algorithm>

namespace quantum::paper {

std::vector<BookSide::Level>::iterator BookSide::Find(int64_t ticks) {
  // Levels are ordered from the worst to the best.
  return std::lower_bound(levels_.begin(), levels_.end(), ticks,
                          [this](const Level& level, int64_t wanted) { return Better(wanted, level.ticks); });
}

void BookSide::Set(int64_t ticks, Decimal quantity) {
  const auto at = Find(ticks);
  const bool found = at != levels_.end() && at->ticks == ticks;
  if (quantity.is_zero()) {
    if (found) {
      levels_.erase(at);
    }
  } else if (found) {
    at->quantity = quantity;
  } else {
    levels_.insert(at, Level{ticks, quantity});
  }
}

Decimal BookSide::At(int64_t ticks) const {
  const auto at = const_cast<BookSide*>(this)->Find(ticks);
  return at != levels_.end() && at->ticks == ticks ? at->quantity : Decimal();
}

void Book::Reset(const DepthSnapshot& snapshot) {
  bids_.Clear();
  asks_.Clear();
  ApplyLevels(bids_, snapshot.bids);
  ApplyLevels(asks_, snapshot.asks);
  last_update_id_ = snapshot.last_update_id;
  spanned_ = false;
}

void Book::ApplyLevels(BookSide& side, const std::vector<PriceLevel>& levels) {
  for (const PriceLevel& level : levels) {
    side.Set(ToTicks(level.price), level.quantity);
  }
}

Book::Applied Book::Apply(const DepthUpdate& update) {
  if (spanned_) {
    if (update.last_update_id <= last_update_id_) {
      return Applied::kOld;
    }
    if (update.previous_update_id != last_update_id_) {
      return Applied::kGap;
    }
  } else {
    if (update.last_update_id < last_update_id_) {
      return Applied::kOld;
    }
    const bool spans = update.first_update_id <= last_update_id_ || update.previous_update_id == last_update_id_;
    if (!spans) {
      return Applied::kGap;
    }
  }
  ApplyLevels(bids_, update.bids);
  ApplyLevels(asks_, update.asks);
  last_update_id_ = update.last_update_id;
  spanned_ = true;
  return Applied::kApplied;
}

DepthSnapshot Book::Snapshot(size_t levels_max) const {
  DepthSnapshot snapshot;
  snapshot.last_update_id = last_update_id_;
  const auto copy = [&](const BookSide& side, std::vector<PriceLevel>& levels) {
    levels.reserve(std::min(levels_max, side.size()));
    for (auto level = side.begin(); level != side.end() && levels.size() < levels_max; ++level) {
      levels.push_back({ToPrice(level->ticks), level->quantity});
    }
  };
  copy(bids_, snapshot.bids);
  copy(asks_, snapshot.asks);
  return snapshot;
}

}  // namespace quantum::paper
