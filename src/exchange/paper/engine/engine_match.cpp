// What the market does to the account's orders.
#include <algorithm>

#include "exchange/paper/engine/engine.h"

namespace quantum::paper {

namespace {

const std::string& SymbolOf(const SourceEvent& event) {
  return std::visit([](const auto& what) -> const std::string& { return what.symbol; }, event.what);
}

}  // namespace

Book::Applied Engine::ApplyToMarket(const SourceEvent& event) {
  const auto found = markets_.find(SymbolOf(event));
  if (found == markets_.end()) {
    return Book::Applied::kOld;
  }
  SymbolMarket& market = found->second;
  if (const auto* reset = std::get_if<BookReset>(&event.what)) {
    market.Reset(reset->snapshot);
  } else if (const auto* update = std::get_if<DepthUpdate>(&event.what)) {
    return market.Apply(*update);
  } else if (const auto* ticker = std::get_if<BookTicker>(&event.what)) {
    market.Apply(*ticker);
  } else {
    market.Apply(std::get<MarketTrade>(event.what));
  }
  return Book::Applied::kApplied;
}

void Engine::Replay(const SourceEvent& event) { static_cast<void>(ApplyToMarket(event)); }

Book::Applied Engine::OnMarket(const SourceEvent& event, int64_t now_ms) {
  const Book::Applied applied = ApplyToMarket(event);
  const std::string& symbol = SymbolOf(event);
  const auto found = markets_.find(symbol);
  if (found == markets_.end() || !found->second.ready()) {
    return applied;
  }
  if (const auto* trade = std::get_if<MarketTrade>(&event.what)) {
    MatchTrade(found->second, *trade, now_ms);
    TriggerAlgos(found->second, symbol, false, now_ms);
  } else {
    MatchBook(found->second, symbol, now_ms);
  }
  return applied;
}

void Engine::SampleMarks(int64_t now_ms) {
  bool moved = false;
  for (auto& [symbol, market] : markets_) {
    if (market.SampleMark()) {
      moved = true;
      TriggerAlgos(market, symbol, true, now_ms);
    }
    if (market.ready()) {
      const Decimal mark = market.mark_price();
      Premium& premium = premiums_[symbol];
      premium.sum += (market.mid_price() - mark).DividedBy(mark).raw();
      ++premium.samples;
    }
  }
  if (moved) {
    WatchMargin(now_ms);
  }
}

void Engine::MatchTrade(SymbolMarket& market, const MarketTrade& trade, int64_t now_ms) {
  // The aggressor of a trade whose buyer is the maker sells, and meets the bids.
  const Side met = trade.buyer_is_maker ? Side::kBuy : Side::kSell;
  RestingOrders::Queue& queue = resting_.at(trade.symbol).Of(met);
  Decimal left = trade.quantity;
  Decimal others_served;  // at the trade's price
  for (auto at = queue.begin(); at != queue.end();) {
    const RestingOrders::Key key = at->first;
    RestingOrders::Entry& entry = at->second;
    if (met == Side::kBuy ? entry.price < trade.price : entry.price > trade.price) {
      break;
    }
    const PaperOrder& order = *account_.FindOrder(entry.order_id);
    if (entry.price == trade.price) {
      const Decimal ahead = entry.others_ahead.value_or(OthersAhead(market, order));
      const Decimal served = std::min(left, ahead - std::min(ahead, others_served));
      left -= served;
      others_served += served;
      entry.others_ahead = ahead - std::min(ahead, others_served);
    }
    const Decimal share = std::min(left, order.remaining());
    if (share.is_positive()) {
      left -= Fill(entry.order_id, entry.price, share, Role::kMaker, now_ms);
    }
    at = queue.upper_bound(key);
  }
  TrimReduceOnly(trade.symbol, now_ms);
}

void Engine::MatchBook(SymbolMarket& market, const std::string& symbol, int64_t now_ms) {
  RestingOrders& resting = resting_.at(symbol);
  if (resting.size() == 0) {
    return;
  }
  for (const Side side : {Side::kBuy, Side::kSell}) {
    RestingOrders::Queue& queue = resting.Of(side);
    for (auto at = queue.begin(); at != queue.end();) {
      const RestingOrders::Key key = at->first;
      const RestingOrders::Entry entry = at->second;
      // The opposite side stands at our price: everybody ahead of us has been served.
      const auto offers = market.Offers(side, entry.price, account_.FindOrder(entry.order_id)->remaining());
      if (offers.empty()) {
        break;  // nor for a worse price
      }
      for (const SymbolMarket::Offer& offer : offers) {
        const Decimal wanted = std::min(offer.quantity, account_.FindOrder(entry.order_id)->remaining());
        const Decimal filled =
            wanted.is_zero() ? wanted : Fill(entry.order_id, entry.price, wanted, Role::kMaker, now_ms);
        if (filled.is_zero()) {
          break;
        }
        market.Take(side, offer.price, filled);
      }
      at = queue.upper_bound(key);
    }
  }
  TrimReduceOnly(symbol, now_ms);
}

}  // namespace quantum::paper
