#include "exchange/paper/engine/account.h"

#include <algorithm>

#include "platform/base/assert.h"

namespace quantum::paper {
namespace {

// Forgets the oldest entries that are not open once there are more than `kept`.
template <class Map, class Open, class Forget>
void Prune(Map& all, const Open& open, size_t kept, const Forget& forget) {
  if (all.size() <= kept + kept / 8) {
    return;
  }
  for (auto entry = all.begin(); entry != all.end() && all.size() > kept;) {
    if (open.contains(entry->first)) {
      ++entry;
    } else {
      forget(entry->second);
      entry = all.erase(entry);
    }
  }
}

}  // namespace

void Account::Apply(const Record& record) {
  std::visit([this](const auto& r) { ApplyRecord(r); }, record);
}

Account::Symbol& Account::Mutable(const std::string& name) {
  Symbol& symbol = symbols_[name];
  symbol.position.symbol = name;
  return symbol;
}

const Account::Symbol& Account::symbol(const std::string& name) const {
  static const Symbol kUntouched;
  const auto found = symbols_.find(name);
  return found == symbols_.end() ? kUntouched : found->second;
}

void Account::ApplyRecord(const WalletOpened& record) {
  QUANTUM_ASSERT(!opened_);
  opened_ = true;
  opened_ms_ = record.opened_ms;
  start_ = wallet_ = record.wallet;
}

void Account::Expose(const PaperOrder& order, bool open) {
  if (order.order_id == 0 || !IsOpen(order.status)) {
    return;
  }
  Symbol& symbol = Mutable(order.symbol);
  if (order.reduce_only) {
    symbol.open_reduce_only += open ? 1 : -1;
    return;
  }
  Decimal& sum = order.side == Side::kBuy ? symbol.open_buys : symbol.open_sells;
  const Decimal notional = order.price.Times(order.remaining());
  sum += open ? notional : -notional;
}

void Account::Store(const PaperOrder& order) {
  PaperOrder& stored = orders_[order.order_id];
  Expose(stored, false);
  stored = order;
  if (stored.priority == 0) {
    stored.priority = stored.order_id;  // of a journal that did not know priorities
  }
  next_priority_ = std::max(next_priority_, stored.priority + 1);
  Expose(stored, true);
  orders_by_client_[{order.symbol, order.client_id}] = order.order_id;
  next_order_id_ = std::max(next_order_id_, order.order_id + 1);
  if (IsOpen(order.status)) {
    open_orders_.insert(order.order_id);
  } else {
    open_orders_.erase(order.order_id);
  }
  Prune(orders_, open_orders_, kOrdersKept, [this](const PaperOrder& old) {
    const auto named = orders_by_client_.find({old.symbol, old.client_id});
    if (named != orders_by_client_.end() && named->second == old.order_id) {
      orders_by_client_.erase(named);
    }
  });
}

void Account::ApplyRecord(const OrderChanged& record) { Store(record.order); }

void Account::ApplyRecord(const AlgoChanged& record) {
  const AlgoOrder& order = record.order;
  algos_[order.algo_id] = order;
  algos_by_client_[order.client_id] = order.algo_id;
  next_algo_id_ = std::max(next_algo_id_, order.algo_id + 1);
  if (order.status == AlgoStatus::kNew) {
    open_algos_.insert(order.algo_id);
  } else {
    open_algos_.erase(order.algo_id);
  }
  Prune(algos_, open_algos_, kOrdersKept, [this](const AlgoOrder& old) {
    const auto named = algos_by_client_.find(old.client_id);
    if (named != algos_by_client_.end() && named->second == old.algo_id) {
      algos_by_client_.erase(named);
    }
  });
}

void Account::ApplyRecord(const Filled& record) {
  const PaperFill& fill = record.fill;
  QUANTUM_ASSERT(fill.trade_id >= next_trade_id_);
  next_trade_id_ = fill.trade_id + 1;
  Symbol& symbol = Mutable(fill.symbol);
  const Decimal before = symbol.position.quantity.Abs();
  const trading::PositionChange change =
      trading::Apply(symbol.position, fill.side, fill.quantity, fill.price, fill.fee);
  QUANTUM_ASSERT(change.realized_pnl == fill.realized_pnl);
  symbol.updated_ms = fill.time_ms;
  if (symbol.isolated) {
    if (change.closed_quantity == before) {  // nothing was held, or nothing is left of it
      symbol.isolated_wallet = Decimal();
    } else {
      symbol.isolated_wallet -=
          symbol.isolated_wallet.Times(change.closed_quantity).DividedBy(before, trading::Rounding::kDown);
    }
    symbol.isolated_wallet +=
        change.opened_quantity.Times(fill.price).DividedBy(Decimal::FromInt(symbol.leverage), trading::Rounding::kUp);
  }
  wallet_ += fill.realized_pnl - fill.fee;
  fills_.push_back(fill);
  if (fills_.size() > kFillsKept) {
    fills_.pop_front();
  }
  Store(record.order);
}

void Account::ApplyRecord(const LeverageSet& record) { Mutable(record.symbol).leverage = record.leverage; }

void Account::ApplyRecord(const MarginTypeSet& record) { Mutable(record.symbol).isolated = record.isolated; }

void Account::ApplyRecord(const CountdownSet& record) {
  if (record.countdown_ms == 0) {
    countdowns_.erase(record.symbol);
  } else {
    countdowns_[record.symbol] = record;
  }
}

void Account::Keep(const FundingSettled& funding) {
  fundings_.push_back(funding);
  if (fundings_.size() > kFundingsKept) {
    fundings_.pop_front();
  }
}

void Account::ApplyRecord(const FundingSettled& record) {
  Symbol& symbol = Mutable(record.symbol);
  symbol.position.funding += record.paid;
  wallet_ -= record.paid;
  if (symbol.isolated) {
    symbol.isolated_wallet -= record.paid;
  }
  Keep(record);
}

void Account::ApplyRecord(const FundingKept& record) { Keep(record.funding); }

void Account::ApplyRecord(const AccountKept& record) {
  QUANTUM_ASSERT(!opened_);
  opened_ = true;
  opened_ms_ = record.opened_ms;
  start_ = record.start;
  wallet_ = record.wallet;
  next_order_id_ = record.next_order_id;
  next_algo_id_ = record.next_algo_id;
  next_trade_id_ = record.next_trade_id;
}

void Account::ApplyRecord(const SymbolKept& record) {
  Symbol& symbol = Mutable(record.symbol);
  symbol.position.quantity = record.quantity;
  symbol.position.entry_price = record.entry_price;
  symbol.position.realized_pnl = record.realized_pnl;
  symbol.position.fees = record.fees;
  symbol.position.funding = record.funding;
  symbol.isolated_wallet = record.isolated_wallet;
  symbol.leverage = record.leverage;
  symbol.isolated = record.isolated;
  symbol.updated_ms = record.updated_ms;
}

void Account::ApplyRecord(const FillKept& record) { fills_.push_back(record.fill); }

std::vector<Record> Account::Records() const {
  std::vector<Record> records{AccountKept{start_, wallet_, next_order_id_, next_algo_id_, next_trade_id_, opened_ms_}};
  for (const auto& [name, symbol] : symbols_) {
    const trading::Position& position = symbol.position;
    records.push_back(SymbolKept{name, position.quantity, position.entry_price, position.realized_pnl, position.fees,
                                 symbol.leverage, symbol.isolated, symbol.updated_ms, position.funding,
                                 symbol.isolated_wallet});
  }
  for (const PaperFill& fill : fills_) {
    records.push_back(FillKept{fill});
  }
  for (const auto& [id, order] : orders_) {
    records.push_back(OrderChanged{order});
  }
  for (const auto& [id, order] : algos_) {
    records.push_back(AlgoChanged{order});
  }
  for (const FundingSettled& funding : fundings_) {
    records.push_back(FundingKept{funding});
  }
  for (const auto& [name, countdown] : countdowns_) {
    records.push_back(countdown);
  }
  return records;
}

const PaperOrder* Account::FindOrder(int64_t order_id) const {
  const auto found = orders_.find(order_id);
  return found == orders_.end() ? nullptr : &found->second;
}

const PaperOrder* Account::FindOrder(const std::string& symbol, const std::string& client_id) const {
  const auto found = orders_by_client_.find({symbol, client_id});
  return found == orders_by_client_.end() ? nullptr : FindOrder(found->second);
}

const AlgoOrder* Account::FindAlgo(int64_t algo_id) const {
  const auto found = algos_.find(algo_id);
  return found == algos_.end() ? nullptr : &found->second;
}

const AlgoOrder* Account::FindAlgo(const std::string& client_id) const {
  const auto found = algos_by_client_.find(client_id);
  return found == algos_by_client_.end() ? nullptr : FindAlgo(found->second);
}

}  // namespace quantum::paper
