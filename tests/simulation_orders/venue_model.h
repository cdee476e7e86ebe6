#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "exchange/venue.h"
#include "tests/simulation_orders/step.h"
#include "tests/simulation_orders/visits.h"
#include "trading/position.h"

namespace quantum::orders_simulation {

using trading::Decimal;

// What a venue does with orders, as docs of USD-M futures have it: one net position a symbol, client order ids unique
// among open orders only, conditional orders that spawn a plain one, reduce-only orders cut to the position, trade ids
// one after the other. It is asked and acted upon at once; what is late, lost or repeated is the network's doing.
class VenueModel {
 public:
  struct Entry {
    exchange::VenueOrder order;  // its report is cumulative
    bool triggered = false;
    Decimal notional;  // of its fills
  };
  struct Refusals {
    int next = 0;  // so many orders are refused
    int code = 0;
    WallTime no_conditional_until{};
  };

  VenueModel(Visits& visits) : visits_(visits) {}

  // Every change of an order, as the user stream tells it.
  std::function<void(const exchange::UserEvent&)> tell;
  // An order was taken on.
  std::function<void(const exchange::NewOrder&)> accepted;
  // One that has no fills is gone, and the venue knows nothing of it.
  std::function<void(const std::string& client_order_id)> forgotten;
  Refusals refusals;

  // `now` is the venue's clock. A request that comes later than signed_for + window is refused.
  exchange::Outcome Place(const exchange::NewOrder& request, WallTime signed_for, Duration window, WallTime now);
  Status Cancel(const std::string& client_order_id, bool conditional, WallTime now);
  Result<exchange::VenueOrder> Find(const std::string& client_order_id, bool conditional, bool visible) const;
  std::vector<exchange::VenueOrder> OpenOrders() const;
  std::vector<trading::Fill> Fills(const std::string& symbol, int64_t from) const;
  std::vector<exchange::VenuePosition> Positions() const;
  std::vector<exchange::FundingPayment> Funding(WallTime from) const;

  // What the market does, to an order of its choice.
  void FillSome(Choices& choices, WallTime now);
  void TriggerOne(Choices& choices, WallTime now);
  void CancelOne(Choices& choices, WallTime now);  // or forgets one that has no fills
  void SettleFunding(WallTime now);
  // Everything that the market takes at once is filled.
  void FillAll(WallTime now);

  // By client order id; of several that bore it one after the other, the last.
  const std::map<std::string, Entry>& orders() const { return orders_; }
  const std::map<std::string, trading::Position>& positions() const { return positions_; }
  const std::vector<trading::Fill>& fills() const { return fills_; }
  const std::vector<exchange::FundingPayment>& funding() const { return funding_; }
  uint64_t accepted_count() const { return accepted_count_; }

 private:
  Entry* Pick(Choices& choices, const std::function<bool(const Entry&)>& wanted);
  void Fill(Entry& entry, Decimal quantity, Decimal price, WallTime now);
  Decimal Reducible(const Entry& entry) const;  // how much of the position it may take
  void End(Entry& entry, trading::OrderStatus status, WallTime now);
  std::optional<exchange::Outcome> Refuse(const exchange::NewOrder& request, WallTime now);

  Visits& visits_;
  std::map<std::string, Entry> orders_;
  std::map<std::string, trading::Position> positions_;
  std::vector<trading::Fill> fills_;
  std::vector<exchange::FundingPayment> funding_;
  std::map<std::string, int64_t> last_trade_;  // by symbol
  // Conditional orders are numbered apart from plain ones.
  int64_t last_plain_ = 0;
  int64_t last_conditional_ = 0;
  uint64_t accepted_count_ = 0;
};

}  // namespace quantum::orders_simulation
