#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "platform/base/clock.h"
#include "platform/base/result.h"
#include "trading/order.h"
#include "trading/types.h"

// The venue port: what execution and marketdata ask of an exchange, in the platform's words. Binance stands behind it
// (binance/), and the paper exchange is just another Binance host. All calls suspend the calling fiber.
namespace quantum::exchange {

using trading::Decimal;

// ---- Trading ----------------------------------------------------------------------------------------------------

struct NewOrder {
  std::string client_order_id;
  std::string symbol;
  trading::Side side = trading::Side::kBuy;
  trading::OrderType type = trading::OrderType::kMarket;  // conditional types go to the venue's algo orders
  trading::TimeInForce time_in_force = trading::TimeInForce::kGtc;
  Decimal quantity;
  Decimal price;          // LIMIT
  Decimal trigger_price;  // conditional, but a trailing stop
  // A trailing stop follows the price at this distance, in percent (0.1 to 10 by 0.1), from the moment the market
  // reaches activation_price (zero: at once).
  Decimal callback_percent;
  Decimal activation_price;
  bool reduce_only = false;
  bool allowed_in_doubt = false;  // see SendGuard
};

// An order's outcome is one of three, and unknown is asked about, never guessed.
struct Accepted {
  trading::OrderReport report;
};
struct Rejected {
  int code = 0;  // the venue's: -2019
  std::string message;
};
struct Unknown {
  std::string reason;
  // What the request was signed for, on the venue's clock: it may still be accepted until then plus the receive window.
  std::optional<WallTime> signed_for = std::nullopt;
};
using Outcome = std::variant<Accepted, Rejected, Unknown>;

// An order as the venue lists it (orders and algo orders alike).
struct VenueOrder {
  trading::OrderReport report;
  trading::Side side = trading::Side::kBuy;
  trading::OrderType type = trading::OrderType::kMarket;
  Decimal quantity;
  Decimal price;
  Decimal trigger_price;     // zero of a trailing stop: it has none that stands
  Decimal callback_percent;  // trailing stop
  Decimal activation_price;  // trailing stop
  bool reduce_only = false;
};

struct VenuePosition {
  std::string symbol;
  Decimal quantity;  // signed
  Decimal entry_price;
  Decimal mark_price;
  Decimal unrealized_pnl;
  int leverage = 1;
};

enum class MarginType { kCrossed, kIsolated };

// How the venue trades a symbol for this account.
struct SymbolConfig {
  int leverage = 1;
  MarginType margin_type = MarginType::kCrossed;
};

// One settlement of funding: holders of a position pay each other every few hours.
struct FundingPayment {
  std::string symbol;
  int64_t id = 0;  // the venue's, unique per symbol
  Decimal paid;    // USDT; negative: received
  WallTime time{};
};

// A page of what the venue keeps of the past, ascending by the venue's order id.
struct OrderPage {
  std::vector<VenueOrder> orders;
  int64_t next_id = 0;  // where the next page begins; zero: this was the last
};

struct Account {
  Decimal wallet_balance;  // USDT, without unrealized result
  Decimal available_balance;
  Decimal unrealized_pnl;
  Decimal initial_margin;
};

// The events of the account, from the user data stream, in the order of arrival; repeats and gaps are possible.
struct BalanceChanged {
  Decimal wallet_balance;
  std::string reason;  // "ORDER", "FUNDING_FEE", …
};
struct PositionChanged {
  std::string symbol;
  Decimal quantity;
  Decimal entry_price;
};
// The stream was (re)connected: whatever happened before must be asked by REST.
struct StreamConnected {};
using UserEvent = std::variant<trading::OrderReport, BalanceChanged, PositionChanged, StreamConnected>;

// Whether this process may still act for the account. Asked for every request that places, changes or cancels, when a
// connection is in hand, after the venue's time was taken and right before the request is signed for that time.
// `valid_for`: for how long from now on the venue may accept the request (receive window and clock error); say yes only
// if the right to act lasts at least as long. The refusal's message becomes that of the Rejected (code 0) or of the
// Error (kConflict), and nothing was sent. Must not suspend.
// `allowed_in_doubt`: whoever may act by now, the request does no harm: an order of which the caller says so, or the
// cancel of one that is not conditional.
using SendGuard = std::function<Status(Duration valid_for, bool allowed_in_doubt)>;

class TradingVenue {
 public:
  virtual ~TradingVenue() = default;

  // Holds for every request from now on. Without one all may go out.
  virtual void SetSendGuard(SendGuard guard) = 0;

  virtual Result<std::vector<trading::SymbolRules>> Rules() = 0;

  // Never repeated by the connector. A request that was refused locally (weight budget, not connected) is Rejected
  // with code 0.
  virtual Outcome Place(const NewOrder& order) = 0;
  // kNotFound: the venue knows no such open order (it may be final: ask).
  virtual Status Cancel(const std::string& symbol, const std::string& client_order_id, bool conditional) = 0;
  virtual Status CancelAll(const std::string& symbol) = 0;  // plain orders and conditional ones

  // kNotFound only when the venue says so (-2013).
  virtual Result<VenueOrder> Find(const std::string& symbol, const std::string& client_order_id, bool conditional) = 0;
  virtual Result<std::vector<VenueOrder>> OpenOrders() = 0;  // both kinds
  // The same of these symbols: a fraction of the request weight for some twenty of them at most.
  virtual Result<std::vector<VenueOrder>> OpenOrdersOf(const std::vector<std::string>& symbols) = 0;
  virtual Result<std::vector<trading::Fill>> Fills(const std::string& symbol, int64_t from_trade_id) = 0;  // ascending
  // The same as the venue lists them, without client order ids: one question a thousand fills.
  // From zero: the newest ones.
  virtual Result<std::vector<trading::Fill>> FillsUnnamed(const std::string& symbol, int64_t from_trade_id) = 0;
  // Every order the venue still has, finished ones too; how far back is the venue's choice. `from_id` zero: from the
  // oldest. A conditional order that has triggered is kTriggered here and bears the number of the order it spawned,
  // which is among the plain ones.
  virtual Result<OrderPage> OrderHistory(const std::string& symbol, int64_t from_id, bool conditional) = 0;
  // Funding settled at or after `from`, ascending by time, of all symbols.
  virtual Result<std::vector<FundingPayment>> Funding(WallTime from) = 0;
  virtual Result<std::vector<VenuePosition>> Positions() = 0;  // only those that are not flat
  virtual Result<Account> GetAccount() = 0;
  // The venue's answer is compared: anything but this leverage is kConflict.
  virtual Status SetLeverage(const std::string& symbol, int leverage) = 0;
  // One that stands already is ok. Refused while the symbol has a position or open orders.
  virtual Status SetMarginType(const std::string& symbol, MarginType type) = 0;
  virtual Result<SymbolConfig> GetSymbolConfig(const std::string& symbol) = 0;
  // Long and short positions of one symbol beside each other. The platform trades in one-way mode only.
  virtual Result<bool> IsHedgeMode() = 0;
  // The dead-man switch: the venue cancels the symbol's open orders unless this is called again within `countdown`
  // (whole milliseconds); zero disarms it. Whether conditional orders are cancelled too is the venue's choice.
  virtual Status CountdownCancelAll(const std::string& symbol, Duration countdown) = 0;

  // Keeps a user data stream alive (listen key, reconnects) and calls back from its own fiber until Stop().
  virtual void StreamUser(std::function<void(const UserEvent&)> on_event) = 0;
  virtual bool user_stream_connected() const = 0;
  // The venue's clock minus ours; nothing while it is not known, and then nothing can be proven by it.
  virtual std::optional<Duration> clock_offset() const = 0;
  virtual Status Ping() = 0;
  virtual void Stop() = 0;
};

// ---- Market data ------------------------------------------------------------------------------------------------

struct PriceLevel {
  Decimal price;
  Decimal quantity;  // 0 removes the level
};

struct MarketTrade {
  std::string symbol;
  int64_t trade_id = 0;
  Decimal price;
  Decimal quantity;
  bool buyer_is_maker = false;
  int64_t time_ms = 0;   // T
  int64_t event_ms = 0;  // E
};

// U, u, pu as the venue numbers them.
struct DepthUpdate {
  std::string symbol;
  int64_t first_update_id = 0;
  int64_t last_update_id = 0;
  int64_t previous_update_id = 0;
  int64_t event_ms = 0;
  std::vector<PriceLevel> bids;
  std::vector<PriceLevel> asks;
};

struct BookTicker {
  std::string symbol;
  int64_t update_id = 0;
  PriceLevel bid;
  PriceLevel ask;
  int64_t event_ms = 0;
};

struct MarkPrice {
  std::string symbol;
  Decimal mark_price;
  Decimal funding_rate;
  int64_t event_ms = 0;
};

struct DepthSnapshot {
  int64_t last_update_id = 0;
  std::vector<PriceLevel> bids;  // best first
  std::vector<PriceLevel> asks;
};

struct Candle {
  int64_t open_time = 0;  // ms
  Decimal open;
  Decimal high;
  Decimal low;
  Decimal close;
  Decimal volume;
  int64_t trades = 0;
  Decimal taker_buy;
};

using MarketEvent = std::variant<MarketTrade, DepthUpdate, BookTicker, MarkPrice>;

// The venue says how its market data came to be: {"synthetic", "seed 1"}; shown everywhere.
struct MarketLabel {
  std::string source;  // "synthetic", "recording", "live"
  std::string detail;
};

class MarketVenue {
 public:
  virtual ~MarketVenue() = default;
  virtual Result<DepthSnapshot> Depth(const std::string& symbol, int limit) = 0;
  // Closed and current 1 m klines from start_ms (market time) on, ascending, at most limit. Zero: the latest ones.
  virtual Result<std::vector<Candle>> Klines(const std::string& symbol, int64_t start_ms, int limit) = 0;
  // Keeps the streams of the symbols alive and calls back from its own fiber until Stop(). `connected` is called with
  // each (re)connection, before its first event: books must be built anew.
  virtual void Stream(const std::vector<std::string>& symbols, std::function<void(const MarketEvent&)> on_event,
                      std::function<void()> connected) = 0;
  virtual Result<MarketLabel> Label() = 0;
  virtual Status Ping() = 0;
  virtual void Stop() = 0;
};

}  // namespace quantum::exchange
