#include "exchange/book/order_book.h"

namespace quantum::exchange {

void OrderBook::Load(const DepthSnapshot& snapshot) {
  Clear();
  // Worst first, so that every insertion is at the back.
  for (auto level = snapshot.bids.rbegin(); level != snapshot.bids.rend(); ++level) {
    bids_.Set(level->price, level->quantity);
  }
  for (auto level = snapshot.asks.rbegin(); level != snapshot.asks.rend(); ++level) {
    asks_.Set(level->price, level->quantity);
  }
}

void OrderBook::Apply(const DepthUpdate& update) {
  for (const PriceLevel& level : update.bids) {
    bids_.Set(level.price, level.quantity);
  }
  for (const PriceLevel& level : update.asks) {
    asks_.Set(level.price, level.quantity);
  }
}

std::optional<PriceLevel> OrderBook::best_bid() const {
  return bids_.empty() ? std::nullopt : std::optional(bids_.At(0));
}

std::optional<PriceLevel> OrderBook::best_ask() const {
  return asks_.empty() ? std::nullopt : std::optional(asks_.At(0));
}

bool OrderBook::crossed() const { return !bids_.empty() && !asks_.empty() && bids_.At(0).price >= asks_.At(0).price; }

}  // namespace quantum::exchange
