#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/paper/engine/records.h"
#include "trading/position.h"

namespace quantum::paper {

// The exchange's one account: nothing but the sum of its records. Cross margin unless set otherwise, one-way mode,
// USDT.
class Account {
 public:
  struct Symbol {
    trading::Position position;
    int leverage = 20;
    bool isolated = false;
    // What an isolated position may lose: the margin that its opening took from the wallet, less funding. It comes free
    // with the quantity that is closed; profits and losses are the wallet's.
    Decimal isolated_wallet;
    int64_t updated_ms = 0;
    // What open orders that are not reduce-only are worth at their prices.
    Decimal open_buys;
    Decimal open_sells;
    int open_reduce_only = 0;  // how many there are
  };

  // A record that contradicts the account is an assertion: it was made from this account, or read from its own journal.
  void Apply(const Record& record);

  // The fewest records that make this account again.
  std::vector<Record> Records() const;

  bool opened() const { return opened_; }
  int64_t opened_ms() const { return opened_ms_; }  // zero: of a journal that did not know
  Decimal wallet() const { return wallet_; }
  Decimal start() const { return start_; }
  const Symbol& symbol(const std::string& name) const;
  const std::map<std::string, Symbol>& symbols() const { return symbols_; }

  const PaperOrder* FindOrder(int64_t order_id) const;
  // The newest with this client id: an id may be used again once its order is no longer open.
  const PaperOrder* FindOrder(const std::string& symbol, const std::string& client_id) const;
  const AlgoOrder* FindAlgo(int64_t algo_id) const;
  const AlgoOrder* FindAlgo(const std::string& client_id) const;

  const std::map<int64_t, PaperOrder>& orders() const { return orders_; }
  const std::map<int64_t, AlgoOrder>& algos() const { return algos_; }
  const std::set<int64_t>& open_orders() const { return open_orders_; }
  const std::set<int64_t>& open_algos() const { return open_algos_; }  // waiting for their trigger
  const std::deque<PaperFill>& fills() const { return fills_; }
  const std::deque<FundingSettled>& fundings() const { return fundings_; }
  const std::map<std::string, CountdownSet>& countdowns() const { return countdowns_; }  // those that are armed

  int64_t next_order_id() const { return next_order_id_; }
  int64_t next_algo_id() const { return next_algo_id_; }
  int64_t next_trade_id() const { return next_trade_id_; }
  int64_t next_funding_id() const { return fundings_.empty() ? 1 : fundings_.back().id + 1; }
  int64_t next_priority() const { return std::max(next_priority_, next_order_id_); }

  // How much history is kept for queries; older finished orders and fills are forgotten (positions and wallet are not).
  static constexpr size_t kOrdersKept = 20'000;
  static constexpr size_t kFillsKept = 100'000;
  static constexpr size_t kFundingsKept = 5'000;

 private:
  void ApplyRecord(const WalletOpened& record);
  void ApplyRecord(const OrderChanged& record);
  void ApplyRecord(const AlgoChanged& record);
  void ApplyRecord(const Filled& record);
  void ApplyRecord(const LeverageSet& record);
  void ApplyRecord(const MarginTypeSet& record);
  void ApplyRecord(const AccountKept& record);
  void ApplyRecord(const SymbolKept& record);
  void ApplyRecord(const FillKept& record);
  void ApplyRecord(const CountdownSet& record);
  void ApplyRecord(const FundingSettled& record);
  void ApplyRecord(const FundingKept& record);
  void Keep(const FundingSettled& funding);
  Symbol& Mutable(const std::string& name);
  void Store(const PaperOrder& order);
  void Expose(const PaperOrder& order, bool open);

  bool opened_ = false;
  int64_t opened_ms_ = 0;
  Decimal start_;
  Decimal wallet_;
  std::map<std::string, Symbol> symbols_;
  std::map<int64_t, PaperOrder> orders_;
  std::map<std::pair<std::string, std::string>, int64_t> orders_by_client_;
  std::set<int64_t> open_orders_;
  std::map<int64_t, AlgoOrder> algos_;
  std::map<std::string, int64_t> algos_by_client_;
  std::set<int64_t> open_algos_;
  std::deque<PaperFill> fills_;
  std::deque<FundingSettled> fundings_;
  std::map<std::string, CountdownSet> countdowns_;
  int64_t next_priority_ = 0;
  int64_t next_order_id_ = 1'000'000'001;
  int64_t next_algo_id_ = 2'000'000'001;
  int64_t next_trade_id_ = 1;
};

}  // namespace quantum::paper
