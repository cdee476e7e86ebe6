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
  for (auto& [symbol, market] : markets_) {
    if (market.SampleMark()) {
      TriggerAlgos(market, symbol, true, now_ms);
    }
  }
}

std::vector<int64_t> Engine::RestingIn(const std::string& symbol) {
  std::vector<int64_t> resting;
  for (int64_t id : account_.open_orders()) {
    const PaperOrder& order = *account_.FindOrder(id);
    if (order.symbol == symbol && !order.market) {
      resting.push_back(id);
    }
  }
  return resting;
}

void Engine::MatchTrade(SymbolMarket& market, const MarketTrade& trade, int64_t now_ms) {
  // The aggressor of a trade whose buyer is the maker sells, and meets the bids.
  const Side met = trade.buyer_is_maker ? Side::kBuy : Side::kSell;
  for (int64_t id : RestingIn(trade.symbol)) {
    const PaperOrder order = *account_.FindOrder(id);
    if (!IsOpen(order.status) || order.side != met) {
      continue;
    }
    if (!queue_ahead_.contains(id)) {
      Rest(market, order);
    }
    const bool through = met == Side::kBuy ? trade.price < order.price : trade.price > order.price;
    if (through) {
      Fill(market, id, order.price, order.remaining(), true, now_ms);
    } else if (trade.price == order.price) {
      Decimal& ahead = queue_ahead_[id];
      const Decimal reaches_us = std::max(Decimal(), trade.quantity - ahead);
      ahead = std::max(Decimal(), ahead - trade.quantity);
      if (reaches_us.is_positive()) {
        Fill(market, id, order.price, std::min(reaches_us, order.remaining()), true, now_ms);
      }
    }
  }
  ExpireUseless(trade.symbol, now_ms);
}

void Engine::MatchBook(SymbolMarket& market, const std::string& symbol, int64_t now_ms) {
  if (account_.open_orders().empty() || !market.ready()) {
    return;
  }
  for (int64_t id : RestingIn(symbol)) {
    const PaperOrder order = *account_.FindOrder(id);
    if (!IsOpen(order.status)) {
      continue;
    }
    if (!queue_ahead_.contains(id)) {
      Rest(market, order);  // after a restart: at the back of the queue
    }
    // The opposite side stands at our price: everybody ahead of us has been served.
    for (const SymbolMarket::Offer& offer : market.Offers(order.side, order.price, order.remaining())) {
      const Decimal wanted = std::min(offer.quantity, account_.FindOrder(id)->remaining());
      const Decimal filled = wanted.is_zero() ? wanted : Fill(market, id, order.price, wanted, true, now_ms);
      if (filled.is_zero()) {
        break;
      }
      market.Take(order.side, offer.price, filled);
    }
  }
  ExpireUseless(symbol, now_ms);
}

}  // namespace quantum::paper
