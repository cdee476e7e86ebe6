#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "trading/decimal.h"
#include "trading/types.h"

// The recorded frames read anew, by code that the paper exchange does not share: what stood in the book, and what was
// traded, when.
namespace quantum::testing {

struct RecordedTrade {
  trading::Decimal price;
  trading::Decimal quantity;
  bool buyer_is_maker = false;
};

// The book as a taker finds it: the depth updates, and the newest best prices on top of them.
class RecordedBook {
 public:
  // Displayed at a price to a taker of this side.
  trading::Decimal Offered(trading::Side taker, trading::Decimal price) const;
  // Displayed at prices better for the taker than this one.
  trading::Decimal OfferedBetter(trading::Side taker, trading::Decimal price) const;
  std::optional<trading::Decimal> Best(trading::Side taker) const;

 private:
  friend class RecordedMarket;
  using Levels = std::map<trading::Decimal, trading::Decimal>;
  struct Touch {
    trading::Decimal price;
    trading::Decimal quantity;
  };
  // A level of the side that a taker meets, best first, until `visit` says false.
  void Walk(trading::Side taker, const std::function<bool(trading::Decimal, trading::Decimal)>& visit) const;

  Levels bids_;
  Levels asks_;
  int64_t update_id_ = 0;          // of the newest depth update
  std::optional<Touch> best_bid_;  // newer than the depth updates
  std::optional<Touch> best_ask_;
};

class RecordedMarket {
 public:
  // Calls on_event for every frame in the order in which it was played: the venue's time of it in ms (never
  // decreasing), the book as it stood before it, and its trade if it is one; and once more for the book that the last
  // frame left, at the end of time. Throws for a file that cannot be read.
  using OnEvent = std::function<void(int64_t time_ms, const RecordedBook& before, const RecordedTrade* trade)>;
  static void Replay(const std::string& path, const OnEvent& on_event);
};

}  // namespace quantum::testing
