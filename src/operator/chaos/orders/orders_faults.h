#pragma once

#include <functional>
#include <string>
#include <vector>

#include "operator/chaos/orders/orders_stage.h"

namespace quantum::operate::chaos {

// One way to break what an order passes through. strike breaks, says so, waits as long as it lasts, and heals; an
// error: it could not be done. A new one is a line in the table of orders_faults.cpp.
struct OrdersFault {
  std::string name;
  std::string what;  // for the help
  std::function<Status(OrdersStage& stage, const std::function<void()>& struck)> strike;
  bool cuts = false;  // needs a network of our own
};

const std::vector<OrdersFault>& OrdersFaults();

// The negative control's: execution is killed again and again while the exchange answers late.
extern const OrdersFault kKilledAgainAndAgain;

}  // namespace quantum::operate::chaos
