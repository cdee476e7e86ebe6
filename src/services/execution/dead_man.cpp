#include "services/execution/dead_man.h"

#include <set>

#include "platform/log/log.h"

namespace quantum::execution {

using namespace std::chrono_literals;
using trading::OrderStatus;

void DeadMan::Assume() {
  for (const std::string& symbol : desk_.settings.symbols) {
    armed_.try_emplace(symbol);
  }
  for (const std::string& symbol : desk_.ledger.Symbols()) {
    armed_.try_emplace(symbol);
  }
}

void DeadMan::Run() {
  while (!desk_.stopping.is_set()) {
    Tick();
    work_.WaitFor(1s);
    work_.Reset();
  }
}

// Nothing is open, and nothing that protects stands: only entries can be cancelled.
bool DeadMan::Covers(const std::string& symbol) const {
  if (!desk_.ledger.PositionOf(symbol).is_flat() || desk_.ledger.LacksFills(symbol)) {
    return false;
  }
  bool rests = false;
  for (const OrderStatus status : {OrderStatus::kNew, OrderStatus::kPartiallyFilled, OrderStatus::kUnknown}) {
    for (const Order* order : desk_.ledger.OrdersWith(status)) {
      if (order->symbol != symbol) {
        continue;
      }
      if (order->leg != Leg::kEntry) {
        return false;
      }
      rests = true;
    }
  }
  return rests;
}

void DeadMan::Tick() {
  std::set<std::string> symbols;
  for (const auto& [symbol, confirmed] : armed_) {
    symbols.insert(symbol);
  }
  for (const Order* order : desk_.ledger.LiveOrders()) {
    symbols.insert(order->symbol);
  }
  for (const std::string& symbol : symbols) {
    if (!Covers(symbol)) {
      Disarm(symbol);
      continue;
    }
    const SteadyTime now = desk_.clock.Steady();
    const auto armed = armed_.find(symbol);
    if (armed != armed_.end() && armed->second && now - *armed->second < kRefresh) {
      continue;
    }
    const Status set = desk_.venue.CountdownCancelAll(symbol, kCountdown);
    if (set.ok()) {
      armed_[symbol] = now;
    } else {
      armed_.try_emplace(symbol);  // it may have come through
      log::Warning("the dead-man switch cannot be set; tried again in a second",
                   {{"symbol", symbol}, {"error", set.error().message}});
    }
  }
}

void DeadMan::Disarm(const std::string& symbol) {
  if (!armed_.contains(symbol)) {
    return;
  }
  const Status disarmed = desk_.venue.CountdownCancelAll(symbol, 0s);
  if (disarmed.ok()) {
    armed_.erase(symbol);
  } else {
    log::Warning("the dead-man switch cannot be taken back; tried again in a second",
                 {{"symbol", symbol}, {"error", disarmed.error().message}});
  }
}

void DeadMan::DisarmAll() {
  const auto armed = armed_;
  for (const auto& [symbol, confirmed] : armed) {
    Disarm(symbol);
  }
}

}  // namespace quantum::execution
