#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exchange/venue.h"
#include "platform/bus/event.h"
#include "services/execution/trade.h"
#include "trading/order.h"
#include "trading/position.h"

namespace quantum::execution {

struct PositionRow {
  trading::Position position;
  bool is_protected = true;
  WallTime updated{};  // of the last change, as in its event
};

// What one step changed: rows to be written and events to be published in one transaction. Rows are whole snapshots, so
// that writing a change again does no harm.
struct ChangeSet {
  std::vector<trading::Order> orders;
  std::vector<trading::Fill> fills;
  std::vector<exchange::FundingPayment> funding;
  std::vector<PositionRow> positions;
  std::vector<Trade> trades;
  std::map<std::string, int64_t> cursors;  // per symbol: every fill up to this trade id is known
  std::vector<bus::Event> events;
  std::vector<Trade> milestones;  // trades that opened or ended in this step, for metrics and logs

  bool empty() const {
    return orders.empty() && fills.empty() && funding.empty() && positions.empty() && trades.empty() &&
           cursors.empty() && events.empty();
  }
  // The first row of this order is among them.
  bool Adds(std::string_view client_order_id) const {
    return std::ranges::any_of(orders, [&](const trading::Order& order) {
      return order.version == 1 && order.client_order_id == client_order_id;
    });
  }
};

// Takes what the ledger changed; writes it to Postgres in this order, later if Postgres is away.
class ChangeSink {
 public:
  virtual ~ChangeSink() = default;
  virtual void Enqueue(ChangeSet changes) = 0;
  // True when everything enqueued so far is committed.
  virtual bool WaitWritten(Duration timeout) = 0;
  // Whether an order's first record is not committed yet.
  virtual bool Awaits(const std::string& client_order_id) const = 0;
};

}  // namespace quantum::execution
