#pragma once

#include <cstdint>
#include <string_view>

#include "platform/base/result.h"
#include "trading/decimal.h"

namespace quantum::trading {

// The account as the venue told it in one answer, so that its parts belong together: adding the wallet of one moment to
// the open result of another counts a profit twice while it moves from the one to the other. Quote currency.
struct AccountReport {
  Decimal wallet_balance;     // without the open result
  Decimal available_balance;  // free for margin
  Decimal unrealized_pnl;     // of all open positions, at the venue's mark price
  int64_t time_ms = 0;        // when execution gave it, UTC; zero: it did not say
  int64_t as_of_ms = 0;       // when execution asked the venue, likewise

  Decimal equity() const { return wallet_balance + unrealized_pnl; }
};

// The answer of GET /api/execution/account. kInvalidArgument naming the field that is missing or is no decimal string:
// unknown is never a default.
Result<AccountReport> ParseAccountReport(std::string_view json);

}  // namespace quantum::trading
