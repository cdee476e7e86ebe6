#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "operator/chaos/apart.h"
#include "operator/chaos/orders/orders_report.h"

namespace quantum::operate::chaos {

struct OrdersRunOptions {
  int rounds = 26;
  uint64_t seed = 1;
  int per_second = 28;              // decisions
  std::vector<std::string> faults;  // only these; empty: all
  bool control = false;             // the negative control: one round that must double orders
  std::string folder;               // temporary, made by the caller, who removes it
  std::string manifest;             // the checkout's quantum.yml
  std::string program;              // quantum itself
};

// Brings up a platform of its own, breaks it round by round while it trades, prints a line a round, and judges. Blocks.
// Errors: the run could not begin; what went wrong later stands in the report.
Result<OrdersReport> RunOrdersChaos(const OrdersRunOptions& options, const Apart& apart);

}  // namespace quantum::operate::chaos
