#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trading/events.h"

// Why a decision or an order came to nothing, in codes and in words. Whoever refuses names a code with values; this is
// the one list of what the codes mean.
namespace quantum::trading {

// Every code of risk-safety and execution, sorted.
std::vector<std::string_view> RefusalCodes();
// "it is worth more than the policy allows a position to be": continues "refused: ". Empty for a code that is not in
// the list.
std::string_view MeaningOf(std::string_view code);
// The code as a metric's label: one of the list, else OTHER.
std::string RefusalLabel(std::string_view code);

// What an entry or a close was refused for, or why it came to nothing without a fill; nothing where it did not, or
// where it was cancelled on purpose. `reason` is the order's: "CODE: values" is ours, a number and a message are the
// venue's (VENUE_REFUSED). An order that the venue itself ended without a fill is NOT_FILLED.
std::optional<event::Refusal> RefusalOf(Leg leg, OrderStatus status, Decimal filled_quantity, std::string_view reason);

// A refusal as it was recorded.
struct RecordedRefusal {
  int64_t time_ms = 0;
  std::string service;  // "risk-safety-service"
  std::string decision_id;
  std::string symbol;
  event::Refusal refusal;
};
// {"items": [{time, service, decision_id, symbol, code, detail, meaning}]}
std::string ToJson(const std::vector<RecordedRefusal>& refusals);

}  // namespace quantum::trading
