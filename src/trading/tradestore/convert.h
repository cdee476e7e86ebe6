#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "trading/decimal.h"
#include "trading/tradestore/legacy_file.h"
#include "trading/tradestore/trade_row.h"

namespace quantum::tradestore {

// What a symbol's prices and quantities are multiples of, from the venue.
struct Precision {
  trading::Decimal tick_size;
  trading::Decimal step_size;
};
using Precisions = std::map<std::string, Precision, std::less<>>;

// How the row's number stands in the text of metadata: the first member of `legacy`.
inline const std::string kRowidInMetadata = R"("legacy":{"rowid":)";

// What became of a row. Either it is a trade, or there are reasons why it is kept aside for a person to look at.
struct Converted {
  std::optional<TradeRow> trade;
  std::vector<std::string> reasons;
};

// The old system kept money as REAL, which is an approximation of the number that was meant: what is within a REAL's
// noise of a multiple of the symbol's tick or step becomes that multiple. Other prices are averages and keep eight
// decimals; a quantity that is no multiple is odd. So are: what is missing or unreadable, numbers that are not finite
// or out of range, sides and statuses nobody knows, times that contradict each other, text that Postgres cannot hold,
// and a trade that is not over, which would be a position here that nobody has. Columns that the table has not go into
// metadata, as `legacy`. No I/O.
Converted Convert(const LegacyRow& row, const std::vector<std::string>& unknown_columns, const Precisions& precisions);

}  // namespace quantum::tradestore
