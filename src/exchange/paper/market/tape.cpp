#include "exchange/paper/market/tape.h"

namespace quantum::paper {
namespace {

template <class T>
void Keep(std::deque<T>& all, T one) {
  all.push_back(std::move(one));
  if (all.size() > Tape::kKept) {
    all.pop_front();
  }
}

}  // namespace

std::optional<AggregateTrade> Tape::Add(const MarketTrade& trade) {
  Keep(trades_, trade);
  std::optional<AggregateTrade> complete;
  if (open_ && (open_->price != trade.price || open_->buyer_is_maker != trade.buyer_is_maker ||
                trade.time_ms - open_->time_ms >= kAggregateMs)) {
    complete = Finish(trade.event_ms);
  }
  if (open_) {
    open_->quantity += trade.quantity;
    open_->last_trade_id = trade.trade_id;
  } else {
    open_ = AggregateTrade{next_id_++,     trade.price,   trade.quantity, trade.trade_id,
                           trade.trade_id, trade.time_ms, trade.event_ms, trade.buyer_is_maker};
  }
  return complete;
}

std::optional<AggregateTrade> Tape::Complete(int64_t now_ms, bool end) {
  if (!open_ || (!end && now_ms - open_->time_ms < kAggregateMs)) {
    return std::nullopt;
  }
  return Finish(now_ms);
}

AggregateTrade Tape::Finish(int64_t now_ms) {
  AggregateTrade complete = *open_;
  open_.reset();
  complete.event_ms = now_ms;
  Keep(aggregates_, complete);
  return complete;
}

}  // namespace quantum::paper
