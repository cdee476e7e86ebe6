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
#include "exchange/paper/engine/resting.h"
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
  SelfTradePrevention self_trade = SelfTradePrevention::kExpireTaker;
};

struct AmendRequest {
  int64_t order_id = 0;
  Side side = Side::kBuy;  // the order's: an amendment does not change it
  Decimal quantity;        // of the whole order, with what is filled of it
  Decimal price;
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
  Decimal activate_price;  // of TRAILING_STOP_MARKET; zero: the price at its placing
  Decimal callback_rate;   // of TRAILING_STOP_MARKET, percent
  SelfTradePrevention self_trade = SelfTradePrevention::kExpireTaker;
};

struct EngineOptions {
  // Binance does not say whether the dead-man switch cancels conditional orders as well.
  bool countdown_spares_conditional = false;
  int64_t funding_interval_ms = 8LL * 3600 * 1000;  // of market time
};

// What the account's user data stream tells, in this order.
struct OrderEvent {
  PaperOrder order;
  std::string execution;  // x: NEW, TRADE, AMENDMENT, CALCULATED (liquidation), CANCELED, EXPIRED
  std::optional<PaperFill> fill;
};
struct AccountEvent {
  std::string reason;  // m: ORDER, FUNDING_FEE
  std::string symbol;
  Decimal wallet;
  Decimal cross_wallet;
  Decimal change;  // of the wallet, but for realized results and fees
  trading::Position position;
  Decimal unrealized_pnl;
  bool isolated = false;
  Decimal isolated_wallet;
  bool tells_position = true;  // funding of a cross position does not
};
struct MarginCallEvent {
  struct Row {
    std::string symbol;
    Decimal quantity;
    bool isolated = false;
    Decimal isolated_wallet;
    Decimal mark_price;
    Decimal unrealized_pnl;
    Decimal maintenance_margin;
  };
  std::optional<Decimal> cross_wallet;  // of a cross margin call
  std::vector<Row> positions;
};
struct AlgoEvent {
  AlgoOrder order;
};
struct LeverageEvent {
  std::string symbol;
  int leverage = 0;
};
using EngineEvent = std::variant<OrderEvent, AccountEvent, AlgoEvent, LeverageEvent, MarginCallEvent>;

// The matching core: one account against a replayed market. Deterministic, exact, without I/O or a clock of its own.
//
// Market orders walk the replayed book. Limit orders rest behind everything displayed at their price: the queue ahead
// shrinks only by trades at that price (who cancels counts as behind us), and the order fills when the queue is used
// up, when the market trades through its price, or when the opposite best price reaches it. Of one trade's quantity the
// orders take their shares by price, then time, and never more than was traded. Where orders of the account would meet
// each other, the incoming one's self-trade prevention decides who expires (EXPIRED_IN_MATCH).
//
// A conditional order whose trigger price is reached spawns an order that carries the conditional order's client id as
// its own (c = clientAlgoId); ALGO_UPDATE goes TRIGGERING, TRIGGERED (with the order's id), and FINISHED when that
// order is final, or REJECTED when it is refused. Reduce-only and margin are judged at the trigger, not at the placing.
//
// Every funding interval of market time each position pays its notional at the mark price times the rate
// (engine_funding). Where the balance no longer covers the maintenance margin the position is closed by force
// (engine_liquidation).
//
// Every call leaves its records and events in TakeOutput(): the caller makes the records durable before it tells
// anybody.
class Engine {
 public:
  // The account as its journal left it.
  Engine(const std::vector<std::string>& symbols, Account account, EngineOptions options = {});

  Answer<PaperOrder> Place(const OrderRequest& request, int64_t now_ms);
  Answer<PaperOrder> Cancel(int64_t order_id, int64_t now_ms);
  void CancelAll(const std::string& symbol, int64_t now_ms);
  // Changes price and quantity of a limit order. It keeps its place in the queue only when the price stays and the
  // quantity shrinks; it is cancelled when as much as the new quantity is filled already, and when it is post-only and
  // would take now.
  Answer<PaperOrder> Amend(const AmendRequest& request, int64_t now_ms);
  // Arms the dead-man switch: all orders of the symbol are cancelled when the countdown is over. Zero disarms.
  std::optional<ApiError> SetCountdown(const std::string& symbol, int64_t countdown_ms, int64_t now_ms);
  Answer<AlgoOrder> PlaceAlgo(const AlgoRequest& request, int64_t now_ms);
  Answer<AlgoOrder> CancelAlgo(int64_t algo_id, int64_t now_ms);
  void CancelAllAlgos(const std::string& symbol, int64_t now_ms);
  Answer<int> SetLeverage(const std::string& symbol, int leverage, int64_t now_ms);
  std::optional<ApiError> SetMarginType(const std::string& symbol, bool isolated);

  // For fault injection: of the next order that Place accepts only this share is filled, and the rest is cancelled.
  void CutNext(std::optional<Decimal> filled_share) { cut_ = filled_share; }
  // For fault injection: funding is settled now, of one symbol or (empty) of all; a position is taken over and closed
  // now, at most 1 % from the mark price. Nothing where there is no such symbol, or nothing is held.
  void SettleFundingNow(const std::string& symbol, int64_t now_ms);
  void LiquidateNow(const std::string& symbol, int64_t now_ms);

  // The market moved. A depth update that does not fit is reported and otherwise ignored.
  Book::Applied OnMarket(const SourceEvent& event, int64_t now_ms);
  // The same without matching: history that the account has lived through already.
  void Replay(const SourceEvent& event);
  // Every SymbolMarket::kMarkSampleMs of market time.
  void SampleMarks(int64_t now_ms);
  // Every few milliseconds of server time: what is due by the clock.
  void OnTime(int64_t now_ms);
  // As the market's time goes on: funding that is due. After a pause only the last one is settled.
  void OnMarketTime(int64_t market_ms, int64_t now_ms);
  // What the next funding would be by the premium so far, and when it is due.
  Decimal FundingRate(const std::string& symbol) const;
  int64_t NextFundingMs(int64_t market_ms) const;

  struct Output {
    std::vector<Record> records;
    std::vector<EngineEvent> events;
    bool empty() const { return records.empty() && events.empty(); }
  };
  Output TakeOutput();
  const Output& output() const { return output_; }  // what is to be taken

  const Account& account() const { return account_; }
  const SymbolMarket* market(const std::string& symbol) const;
  const std::map<std::string, SymbolMarket>& markets() const { return markets_; }
  MarkPrices marks() const;

 private:
  std::optional<ApiError> CheckOrder(const SymbolMarket& market, const OrderRequest& request) const;
  std::optional<ApiError> CheckAlgo(const SymbolMarket& market, const AlgoRequest& request) const;
  std::optional<ApiError> CheckMargin(const SymbolMarket& market, const OrderRequest& request,
                                      const PaperOrder* amended) const;
  std::optional<ApiError> CheckAmendment(const SymbolMarket& market, const PaperOrder& order, Decimal quantity,
                                         Decimal price) const;
  std::optional<ApiError> CheckImmediate(const SymbolMarket& market, const OrderRequest& request) const;
  // What resting orders of the account offer within the limit of an incoming one.
  Decimal OwnWithin(const OrderRequest& request) const;
  Decimal Closable(const std::string& symbol, Side side) const;

  void Commit(Record record);
  void Tell(EngineEvent event) { output_.events.push_back(std::move(event)); }
  PaperOrder Accept(PaperOrder order);
  void TakeLiquidity(SymbolMarket& market, int64_t order_id, int64_t now_ms);
  void CutShort(SymbolMarket& market, int64_t order_id, Decimal filled_share, int64_t now_ms);
  // The account's own resting order that a taker with this limit meets first.
  const RestingOrders::Entry* OwnBest(const std::string& symbol, Side taker, std::optional<Decimal> limit) const;
  // What the taker's self-trade prevention says. False when the taker is done.
  bool MeetOwn(int64_t order_id, int64_t own_id, int64_t now_ms);
  void Rest(const SymbolMarket& market, const PaperOrder& order);
  // The quantity of others that stands before an order which comes to the end of the queue at its price.
  Decimal OthersAhead(const SymbolMarket& market, const PaperOrder& order) const;
  enum class Role { kMaker, kTaker, kLiquidated };
  // Fills at most what the order still may; the quantity filled.
  Decimal Fill(int64_t order_id, Decimal price, Decimal quantity, Role role, int64_t now_ms);
  AccountEvent AccountNow(const std::string& reason, const std::string& symbol) const;
  void Finish(int64_t order_id, Execution status, int64_t now_ms);
  void FinishAlgoOf(const PaperOrder& order, int64_t now_ms);
  // After a position shrank: orders that can no longer reduce it expire, and those that would reduce more than is left
  // are cut.
  void TrimReduceOnly(const std::string& symbol, int64_t now_ms);
  void TrimToPosition(PaperOrder order, int64_t now_ms);

  Book::Applied ApplyToMarket(const SourceEvent& event);
  void MatchTrade(SymbolMarket& market, const MarketTrade& trade, int64_t now_ms);
  void MatchBook(SymbolMarket& market, const std::string& symbol, int64_t now_ms);
  void TriggerAlgos(SymbolMarket& market, const std::string& symbol, bool on_mark_price, int64_t now_ms);
  bool IsReached(const AlgoOrder& algo, Decimal price);
  bool IsTrailReached(AlgoOrder algo, Decimal price);
  void Trigger(SymbolMarket& market, AlgoOrder algo, int64_t now_ms);

  // Positions that stand or fall together: the one isolated symbol, or (empty) all that are cross.
  struct MarginPool {
    std::string isolated_symbol;
    Decimal balance;
    Decimal maintenance_margin;
    std::vector<std::string> symbols;  // those with a position
  };
  std::vector<MarginPool> MarginPools(const Margin& margin) const;
  void WatchMargin(int64_t now_ms);
  void Liquidate(const std::string& isolated_symbol, int64_t now_ms);
  void CloseByForce(const std::string& symbol, Decimal balance, int64_t now_ms);
  void SettleFunding(const std::string& symbol, int64_t funding_ms, int64_t now_ms);
  void ChangeAlgo(const AlgoOrder& algo);

  EngineOptions options_;
  Account account_;
  std::map<std::string, SymbolMarket> markets_;
  std::map<std::string, RestingOrders> resting_;
  std::map<int64_t, Decimal> trails_;  // the best price that each trailing stop has seen
  struct Premium {
    int64_t sum = 0;  // of samples of (mid - mark) / mark, raw
    int64_t samples = 0;
  };
  std::map<std::string, Premium> premiums_;  // since the last funding, or the start
  int64_t funding_period_ = 0;               // the newest that was seen; zero: none yet
  std::set<std::string> called_;             // margin pools that are told of by MARGIN_CALL
  std::set<std::string> shrunk_;             // symbols whose position was reduced in this call
  std::optional<Decimal> cut_;
  Output output_;
};

}  // namespace quantum::paper
