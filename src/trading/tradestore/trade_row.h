#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/clock.h"
#include "platform/postgres/pool.h"
#include "trading/tradestore/sqlite.h"

namespace quantum::tradestore {

// One trade as Postgres takes it and gives it: a text or NULL for each of Columns(). Numbers are plain and shortest,
// times UTC in microseconds ("2024-05-01T12:00:00.250000Z").
using TradeRow = std::vector<std::optional<std::string>>;

// "2024-05-01T12:00:00.250000Z"
std::string FormatMicroseconds(WallTime time);

// Whether Postgres can hold it as text: UTF-8 without control characters but tab and line ends.
bool IsText(std::string_view text);

// Selects Columns() so that ReadTradeRow finds them, in that notation.
std::string SelectTradeRow();
// What follows it for the trades of the ids in $1, an array of text. One look into the index each: of `= ANY` the
// planner makes a scan of all trades.
std::string FromWanted();
TradeRow ReadTradeRow(const postgres::Rows& rows, size_t row);

// The same trade, whatever the notation of its numbers and of its metadata. What a migration has put into metadata does
// not count.
bool SameTrade(const TradeRow& left, const TradeRow& right);

// Whether a trade of the old system is the same in the columns too that Postgres has not. One that was not migrated
// from there has none.
bool SameLegacy(const TradeRow& stands, const TradeRow& incoming);

// As the old system wrote a trade: numbers as REAL, times as text without a zone. A cell for each of Columns().
std::vector<sqlite::Value> ToCells(const TradeRow& trade);
// Whether the cells are what ToCells made of the trade, as the file's own column types hold it.
bool SameCells(const TradeRow& trade, const std::vector<sqlite::Value>& cells);
// Back from what ToCells made; numbers with more than fifteen digits are no longer what they were.
TradeRow FromCells(const std::vector<sqlite::Value>& cells);

}  // namespace quantum::tradestore
