#include "exchange/paper/engine/symbol_market.h"

namespace quantum::paper {

void SymbolMarket::Reset(const DepthSnapshot& snapshot) {
  book_.Reset(snapshot);
  touched_ = false;
  taken_[0].clear();
  taken_[1].clear();
  if (mark_price_.is_zero() && book_.ready()) {
    SampleMark();
  }
}

Book::Applied SymbolMarket::Apply(const DepthUpdate& update) {
  const Book::Applied applied = book_.Apply(update);
  if (applied == Book::Applied::kApplied) {
    touched_ = false;
    ForgetRefreshed(false);
    ForgetRefreshed(true);
  }
  return applied;
}

void SymbolMarket::Apply(const BookTicker& ticker) {
  if (ticker.update_id <= book_.last_update_id()) {
    return;
  }
  touched_ = true;
  touch_[0] = {book_.ToTicks(ticker.bid.price), ticker.bid.quantity};
  touch_[1] = {book_.ToTicks(ticker.ask.price), ticker.ask.quantity};
  ForgetRefreshed(false);
  ForgetRefreshed(true);
}

Decimal SymbolMarket::DisplayedAt(bool asks, int64_t ticks) const {
  if (touched_) {
    const Touch& touch = touch_[asks];
    if (ticks == touch.ticks) {
      return touch.quantity;
    }
    if (SideOf(asks).Better(ticks, touch.ticks)) {
      return Decimal();
    }
  }
  return SideOf(asks).At(ticks);
}

void SymbolMarket::ForgetRefreshed(bool asks) {
  std::erase_if(taken_[asks],
                [&](const auto& entry) { return DisplayedAt(asks, entry.first) != entry.second.displayed; });
}

Decimal SymbolMarket::Left(bool asks, int64_t ticks, Decimal displayed) const {
  const auto taken = taken_[asks].find(ticks);
  return taken == taken_[asks].end() ? displayed : displayed - std::min(displayed, taken->second.quantity);
}

std::vector<SymbolMarket::Offer> SymbolMarket::Offers(Side taker, std::optional<Decimal> limit_price,
                                                      Decimal wanted) const {
  const bool asks = taker == Side::kBuy;
  const BookSide& side = SideOf(asks);
  std::vector<Offer> offers;
  // False when nothing further is needed.
  const auto add = [&](int64_t ticks, Decimal displayed) {
    const Decimal price = book_.ToPrice(ticks);
    if (!wanted.is_positive() || (limit_price && (asks ? price > *limit_price : price < *limit_price))) {
      return false;
    }
    const Decimal left = Left(asks, ticks, displayed);
    if (left.is_positive()) {
      offers.push_back({price, left});
      wanted -= left;
    }
    return true;
  };
  if (touched_ && !add(touch_[asks].ticks, touch_[asks].quantity)) {
    return offers;
  }
  for (const BookSide::Level& level : side) {
    if (touched_ && !side.Better(touch_[asks].ticks, level.ticks)) {
      continue;
    }
    if (!add(level.ticks, level.quantity)) {
      break;
    }
  }
  return offers;
}

PriceLevel SymbolMarket::Best(Side taker) const {
  const bool asks = taker == Side::kBuy;
  if (touched_) {
    return {book_.ToPrice(touch_[asks].ticks), touch_[asks].quantity};
  }
  const BookSide::Level& best = SideOf(asks).best();
  return {book_.ToPrice(best.ticks), best.quantity};
}

void SymbolMarket::Take(Side taker, Decimal price, Decimal quantity) {
  const bool asks = taker == Side::kBuy;
  const int64_t ticks = book_.ToTicks(price);
  Taken& taken = taken_[asks][ticks];
  taken.quantity += quantity;
  taken.displayed = DisplayedAt(asks, ticks);
}

Decimal SymbolMarket::Displayed(Side resting, Decimal price) const {
  return DisplayedAt(resting == Side::kSell, book_.ToTicks(price));
}

Decimal SymbolMarket::mid_price() const {
  return Decimal::FromRaw((Best(Side::kBuy).price.raw() + Best(Side::kSell).price.raw()) / 2);
}

bool SymbolMarket::SampleMark() {
  if (!ready()) {
    return false;
  }
  mids_.push_back(mid_price());
  if (mids_.size() > kMarkSamples) {
    mids_.pop_front();
  }
  int64_t sum = 0;
  for (Decimal mid : mids_) {
    sum += mid.raw() / static_cast<int64_t>(mids_.size());
  }
  const Decimal before = mark_price_;
  mark_price_ = Decimal::FromRaw(sum);
  return mark_price_ != before;
}

}  // namespace quantum::paper
