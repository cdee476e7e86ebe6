#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "exchange/paper/engine/records.h"
#include "exchange/paper/engine/rules.h"
#include "exchange/paper/market/book.h"

namespace quantum::paper {

// What the account may trade against in one symbol: the replayed book, with the newer best prices of the book ticker on
// top, less what the account's own orders took.
//
// A simplification, since the replayed participants do not see us: quantity taken from a level stays taken until the
// market changes that level's displayed quantity; then the level counts as refreshed and is offered in full.
//
// The mark price is the mean of the last five samples of the mid price, one every 200 ms of market time (a recording
// has no mark price; the true one follows an index of spot prices, which differs from the mid by some basis points).
class SymbolMarket {
 public:
  static constexpr int64_t kMarkSampleMs = 200;
  static constexpr size_t kMarkSamples = 5;

  explicit SymbolMarket(const PaperRules& rules) : rules_(&rules), book_(rules.rules.tick_size) {}

  void Reset(const DepthSnapshot& snapshot);
  Book::Applied Apply(const DepthUpdate& update);
  void Apply(const BookTicker& ticker);
  void Apply(const MarketTrade& trade) { last_price_ = trade.price; }
  // True when the mark price changed.
  bool SampleMark();

  struct Offer {
    Decimal price;
    Decimal quantity;
  };
  // What a taker of this side finds, best first: not worse than limit_price (when given), and no more levels than it
  // takes to fill `wanted`.
  std::vector<Offer> Offers(Side taker, std::optional<Decimal> limit_price, Decimal wanted) const;
  // The best price a taker of this side finds, taken or not. Precondition: ready().
  PriceLevel Best(Side taker) const;
  void Take(Side taker, Decimal price, Decimal quantity);
  // What is displayed at a price on the side where an order of this side would rest.
  Decimal Displayed(Side resting, Decimal price) const;

  bool ready() const { return book_.ready(); }
  Decimal last_price() const { return last_price_.is_zero() ? mark_price_ : last_price_; }
  Decimal mark_price() const { return mark_price_; }
  Decimal mid_price() const;
  const Book& book() const { return book_; }
  const PaperRules& rules() const { return *rules_; }

 private:
  struct Taken {
    Decimal quantity;
    Decimal displayed;  // when it was taken
  };
  struct Touch {
    int64_t ticks = 0;
    Decimal quantity;
  };
  const BookSide& SideOf(bool asks) const { return asks ? book_.asks() : book_.bids(); }
  Decimal DisplayedAt(bool asks, int64_t ticks) const;
  Decimal Left(bool asks, int64_t ticks, Decimal displayed) const;
  void ForgetRefreshed(bool asks);

  const PaperRules* rules_;
  Book book_;
  bool touched_ = false;  // the book ticker is newer than the book
  Touch touch_[2];        // bid, ask
  std::map<int64_t, Taken> taken_[2];
  Decimal last_price_;
  Decimal mark_price_;
  std::deque<Decimal> mids_;
};

}  // namespace quantum::paper
