#pragma once

#include <optional>
#include <string>

#include "platform/http/message.h"
#include "platform/lifecycle/service.h"
#include "services/execution/desk.h"
#include "services/execution/emergency.h"
#include "services/execution/manual_orders.h"
#include "services/execution/trade_store.h"

namespace quantum::execution {

// /api/execution/*: reads from Postgres and the venue, and the writes of a person or the emergency stop.
class Routes {
 public:
  Routes(Desk& desk, Emergency& emergency, ManualOrders& manual, TradeStore& trades, lifecycle::Service& service)
      : desk_(desk), emergency_(emergency), manual_(manual), trades_(trades), service_(service) {}
  void Add();

 private:
  http::Response Orders(const http::Request& request);
  http::Response OneOrder(const http::Request& request);
  http::Response Positions();
  http::Response Trades(const http::Request& request);
  http::Response OneTrade(const http::Request& request);
  http::Response WithStore(http::Response response) const;
  http::Response Account();
  http::Response SymbolRules();
  http::Response HaltState();
  http::Response Halt(const http::Request& request);
  http::Response Rearm(const http::Request& request);
  http::Response CancelAll(const http::Request& request);

  Desk& desk_;
  Emergency& emergency_;
  ManualOrders& manual_;
  TradeStore& trades_;
  lifecycle::Service& service_;
  // Asked for every second by several: the venue's answer serves for a moment.
  std::optional<exchange::Account> account_;
  SteadyTime account_read_{};
  WallTime account_asked_{};
};

}  // namespace quantum::execution
