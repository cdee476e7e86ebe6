#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "exchange/paper/engine/account.h"
#include "exchange/paper/engine/api_error.h"
#include "exchange/paper/engine/margin.h"
#include "exchange/paper/engine/symbol_market.h"
#include "exchange/paper/market/source.h"

namespace quantum::paper {

struct OrderRequest {
  std::string client_id;  // empty: the exchange chooses
  std::string symbol;
  Side side = Side::kBuy;
  bool market = false;
  TimeInForce time_in_force = TimeInForce::kGtc;
  Decimal quantity;
  Decimal price;
  bool reduce_only = false;
};

struct AlgoRequest {
  std::string client_id;
  std::string symbol;
  Side side = Side::kBuy;
  std::string type;
  TimeInForce time_in_force = TimeInForce::kGtc;
  Decimal quantity;
  Decimal price;
  Decimal trigger_price;
  bool on_mark_price = false;
  bool reduce_only = false;
  bool close_position = false;
};

// What the account's user data stream tells, in this order.
struct OrderEvent {
  PaperOrder order;
  std::string execution;  // x: NEW, TRADE, CANCELED, EXPIRED
  std::optional<PaperFill> fill;
};
struct AccountEvent {
  std::string symbol;
  Decimal wallet;
  trading::Position position;
  Decimal unrealized_pnl;
  bool isolated = false;
};
struct AlgoEvent {
  AlgoOrder order;
};
struct LeverageEvent {
  std::string symbol;
  int leverage = 0;
};
using EngineEvent = std::variant<OrderEvent, AccountEvent, AlgoEvent, LeverageEvent>;

// The matching core: one account against a replayed market. Deterministic, exact, without I/O or a clock of its own.
//
// Market orders walk the replayed book. Limit orders rest behind everything displayed at their price: the queue ahead
// shrinks only by trades at that price (who cancels counts as behind us), and the order fills when the queue is used
// up, when the market trades through its price, or when the opposite best price reaches it. Orders of the account never
// meet each other: the incoming one expires where it would (EXPIRED_IN_MATCH).
//
// A conditional order whose trigger price is reached spawns an order that carries the conditional order's client id as
// its own (c = clientAlgoId); ALGO_UPDATE goes TRIGGERING, TRIGGERED (with the order's id), and FINISHED when that
// order is final, or REJECTED when it is refused. Reduce-only and margin are judged at the trigger, not at the placing.
//
// Every call leaves its records and events in TakeOutput(): the caller makes the records durable before it tells
// anybody.
class Engine {
 public:
  // The account as its journal left it.
  Engine(const std::vector<std::string>& symbols, Account account);

  Answer<PaperOrder> Place(const OrderRequest& request, int64_t now_ms);
  Answer<PaperOrder> Cancel(int64_t order_id, int64_t now_ms);
  void CancelAll(const std::string& symbol, int64_t now_ms);
  Answer<AlgoOrder> PlaceAlgo(const AlgoRequest& request, int64_t now_ms);
  Answer<AlgoOrder> CancelAlgo(int64_t algo_id, int64_t now_ms);
  void CancelAllAlgos(const std::string& symbol, int64_t now_ms);
  Answer<int> SetLeverage(const std::string& symbol, int leverage, int64_t now_ms);
  std::optional<ApiError> SetMarginType(const std::string& symbol, bool isolated);

  // The market moved. A depth update that does not fit is reported and otherwise ignored.
  Book::Applied OnMarket(const SourceEvent& event, int64_t now_ms);
  // The same without matching: history that the account has lived through already.
  void Replay(const SourceEvent& event);
  // Every SymbolMarket::kMarkSampleMs of market time.
  void SampleMarks(int64_t now_ms);

  struct Output {
    std::vector<Record> records;
    std::vector<EngineEvent> events;
    bool empty() const { return records.empty() && events.empty(); }
  };
  Output TakeOutput();

  const Account& account() const { return account_; }
  const SymbolMarket* market(const std::string& symbol) const;
  const std::map<std::string, SymbolMarket>& markets() const { return markets_; }
  MarkPrices marks() const;

 private:
  std::optional<ApiError> CheckOrder(const SymbolMarket& market, const OrderRequest& request) const;
  std::optional<ApiError> CheckAlgo(const SymbolMarket& market, const AlgoRequest& request) const;
  std::optional<ApiError> CheckMargin(const SymbolMarket& market, const OrderRequest& request) const;
  std::optional<ApiError> CheckImmediate(const SymbolMarket& market, const OrderRequest& request) const;
  Decimal Closable(const std::string& symbol, Side side) const;

  void Commit(Record record);
  void Tell(EngineEvent event) { output_.events.push_back(std::move(event)); }
  PaperOrder Accept(PaperOrder order);
  void TakeLiquidity(SymbolMarket& market, int64_t order_id, int64_t now_ms);
  // The price at which the account's own resting orders stand in the way of a taker.
  std::optional<Decimal> OwnBest(const std::string& symbol, Side taker) const;
  void Rest(const SymbolMarket& market, const PaperOrder& order);
  // Fills at most what the order still may; the quantity filled.
  Decimal Fill(SymbolMarket& market, int64_t order_id, Decimal price, Decimal quantity, bool maker, int64_t now_ms);
  void Finish(int64_t order_id, Execution status, int64_t now_ms);
  void FinishAlgoOf(const PaperOrder& order, int64_t now_ms);
  // After a position shrank: orders that can no longer reduce it expire.
  void ExpireUseless(const std::string& symbol, int64_t now_ms);

  Book::Applied ApplyToMarket(const SourceEvent& event);
  std::vector<int64_t> RestingIn(const std::string& symbol);
  void MatchTrade(SymbolMarket& market, const MarketTrade& trade, int64_t now_ms);
  void MatchBook(SymbolMarket& market, const std::string& symbol, int64_t now_ms);
  void TriggerAlgos(SymbolMarket& market, const std::string& symbol, bool on_mark_price, int64_t now_ms);
  void Trigger(SymbolMarket& market, AlgoOrder algo, int64_t now_ms);
  void ChangeAlgo(const AlgoOrder& algo);

  Account account_;
  std::map<std::string, SymbolMarket> markets_;
  std::map<int64_t, Decimal> queue_ahead_;  // of resting orders; rebuilt from the book after a restart
  std::set<std::string> shrunk_;            // symbols whose position was reduced in this call
  Output output_;
};

}  // namespace quantum::paper
