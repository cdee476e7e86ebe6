#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "trading/types.h"

// What the paper exchange remembers of its one account. Every change of the account is one Record; the account is the
// sum of its records (account.h), and the journal holds them in order (journal.h). Times are milliseconds of server
// time.
namespace quantum::paper {

using trading::Decimal;
using trading::OrderType;
using trading::Side;
using trading::TimeInForce;

enum class Execution { kNew, kPartiallyFilled, kFilled, kCanceled, kExpired, kExpiredInMatch };
std::string_view ToString(Execution status);  // as Binance spells an order's status
inline bool IsOpen(Execution status) { return status == Execution::kNew || status == Execution::kPartiallyFilled; }

// What happens when an order would trade against another of the same account; the incoming order's mode counts.
enum class SelfTradePrevention { kExpireTaker, kExpireMaker, kExpireBoth, kNone };
std::string_view ToString(SelfTradePrevention mode);
std::optional<SelfTradePrevention> ParseSelfTradePrevention(std::string_view text);

struct PaperOrder {
  int64_t order_id = 0;
  std::string client_id;
  std::string symbol;
  Side side = Side::kBuy;
  bool market = false;        // MARKET, otherwise LIMIT
  std::string original_type;  // "LIMIT", "MARKET", or the conditional type that spawned it
  TimeInForce time_in_force = TimeInForce::kGtc;
  Decimal quantity;
  Decimal price;          // zero for MARKET
  Decimal trigger_price;  // of the conditional order that spawned it
  bool reduce_only = false;
  bool close_position = false;
  Execution status = Execution::kNew;
  Decimal filled;
  Decimal quote;        // sum of price times quantity of the fills
  int64_t algo_id = 0;  // of the conditional order that spawned it
  int64_t created_ms = 0;
  int64_t updated_ms = 0;
  int64_t priority = 0;  // among orders of the account at one price the lower is filled first
  int amendments = 0;
  SelfTradePrevention self_trade = SelfTradePrevention::kExpireTaker;
  Decimal activate_price;  // of the trailing stop that spawned it
  Decimal callback_rate;   // percent

  Decimal remaining() const { return quantity - filled; }
  Decimal average() const { return filled.is_zero() ? Decimal() : quote.DividedBy(filled); }
};

enum class AlgoStatus { kNew, kTriggering, kTriggered, kFinished, kCanceled, kExpired, kRejected };
std::string_view ToString(AlgoStatus status);

struct AlgoOrder {
  int64_t algo_id = 0;
  std::string client_id;
  std::string symbol;
  Side side = Side::kBuy;
  std::string type;  // STOP_MARKET, TAKE_PROFIT_MARKET, STOP, TAKE_PROFIT, TRAILING_STOP_MARKET
  TimeInForce time_in_force = TimeInForce::kGtc;
  Decimal quantity;  // zero with close_position
  Decimal price;     // of STOP and TAKE_PROFIT
  Decimal trigger_price;
  bool on_mark_price = false;  // workingType
  bool reduce_only = false;
  bool close_position = false;
  AlgoStatus status = AlgoStatus::kNew;
  int64_t order_id = 0;  // the order it spawned
  Decimal executed;      // of that order, once finished
  Decimal average_price;
  std::string reject_reason;
  int64_t created_ms = 0;
  int64_t updated_ms = 0;
  int64_t triggered_ms = 0;
  SelfTradePrevention self_trade = SelfTradePrevention::kExpireTaker;
  // Of a trailing stop. It follows the price from the activation price on (zero: from its placing), and is triggered
  // when the price has come back by the callback rate from its extreme.
  Decimal activate_price;
  Decimal callback_rate;  // percent
  bool activated = false;
  Decimal extreme;  // the best price since the activation, as of the last record

  bool is_trailing() const { return type == "TRAILING_STOP_MARKET"; }
  bool is_stop() const { return type.starts_with("STOP"); }
  bool is_market() const { return type.ends_with("_MARKET"); }
};

struct PaperFill {
  int64_t trade_id = 0;
  int64_t order_id = 0;
  std::string symbol;
  Side side = Side::kBuy;
  Decimal price;
  Decimal quantity;
  Decimal fee;  // USDT, paid
  Decimal realized_pnl;
  bool maker = false;
  int64_t time_ms = 0;
  Decimal liquidation_fee;  // part of the fee
};

// The records.
struct WalletOpened {  // the first one
  Decimal wallet;
  int64_t opened_ms = 0;
};
struct OrderChanged {  // as it is now
  PaperOrder order;
};
struct AlgoChanged {
  AlgoOrder order;
};
struct Filled {  // and what the fill made of its order; the account derives position and wallet
  PaperFill fill;
  PaperOrder order;
};
struct LeverageSet {
  std::string symbol;
  int leverage = 0;
};
struct MarginTypeSet {
  std::string symbol;
  bool isolated = false;
};
// The dead-man switch of a symbol: its orders are cancelled at the deadline unless it is set again. Zero: disarmed.
struct CountdownSet {
  std::string symbol;
  int64_t countdown_ms = 0;
  int64_t deadline_ms = 0;  // server time
};
// Funding of one symbol; also where no position was held, since the rate belongs to the symbol's history.
struct FundingSettled {
  int64_t id = 0;
  std::string symbol;
  Decimal rate;
  Decimal mark_price;
  Decimal paid;            // USDT; negative: received
  int64_t funding_ms = 0;  // market time: a multiple of the interval
  int64_t time_ms = 0;     // server time
};
// What a compacted journal begins with instead of WalletOpened: the account without its history, then the fills that
// are still told of; its orders follow as changes.
struct AccountKept {
  Decimal start;  // the wallet that it was opened with
  Decimal wallet;
  int64_t next_order_id = 0;
  int64_t next_algo_id = 0;
  int64_t next_trade_id = 0;
  int64_t opened_ms = 0;
};
struct SymbolKept {
  std::string symbol;
  Decimal quantity;  // signed
  Decimal entry_price;
  Decimal realized_pnl;
  Decimal fees;
  int leverage = 0;
  bool isolated = false;
  int64_t updated_ms = 0;
  Decimal funding;
  Decimal isolated_wallet;
};
struct FillKept {
  PaperFill fill;
};
struct FundingKept {
  FundingSettled funding;
};
using Record = std::variant<WalletOpened, OrderChanged, AlgoChanged, Filled, LeverageSet, MarginTypeSet, AccountKept,
                            SymbolKept, FillKept, CountdownSet, FundingSettled, FundingKept>;

}  // namespace quantum::paper
