#pragma once

#include <string>
#include <vector>

#include "tests/platform/stack.h"
#include "trading/decimal.h"

// The exchange's own books, asked for by a signed request made here: it shares no code with the connector.
namespace quantum::testing {

struct ExchangeFill {
  int64_t id = 0;
  int64_t order_id = 0;
  int64_t time_ms = 0;  // by the exchange's wall clock
  bool buy = false;
  bool maker = false;
  trading::Decimal price;
  trading::Decimal quantity;
  trading::Decimal fee;  // USDT
};

// All fills of the account in a symbol, oldest first. Throws when the exchange refuses.
std::vector<ExchangeFill> FillsOf(const Stack& stack, const std::string& symbol);

struct ExchangeOrder {
  trading::Decimal price;
  trading::Decimal quantity;
  int64_t time_ms = 0;  // when it was placed
};
ExchangeOrder OrderOf(const Stack& stack, const std::string& symbol, int64_t order_id);

trading::Decimal ToDecimal(const boost::json::value& text);  // throws for anything but a decimal string

}  // namespace quantum::testing
