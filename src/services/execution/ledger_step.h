#pragma once

#include <set>
#include <string>
#include <vector>

#include "services/execution/ledger.h"

namespace quantum::execution {

struct Ledger::Step {
  std::set<std::string> orders;
  std::set<std::string> silent_orders;  // rows without an event
  std::set<std::string> trades;
  std::set<std::string> positions;
  std::set<std::string> stops;  // symbols whose protection may have changed
  std::vector<trading::Fill> fills;
  std::vector<exchange::FundingPayment> funding;
  std::vector<std::string> opened;  // trade ids
  std::vector<std::string> ended;
};

}  // namespace quantum::execution
