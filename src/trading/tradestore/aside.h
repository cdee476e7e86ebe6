#pragma once

#include <set>
#include <string>
#include <vector>

#include "platform/postgres/pool.h"
#include "trading/tradestore/legacy_file.h"
#include "trading/tradestore/state.h"

// Rows of the old file that cannot become trades: the table `tradestore_aside`.
namespace quantum::tradestore {

struct AsideRow {
  int64_t rowid = 0;
  std::string trade_id;
  std::vector<std::string> reasons;
  std::string cells;  // JSON by the file's column names; text that is no UTF-8 as {"hex": ...}
};
AsideRow ToAside(const LegacyFile& file, const LegacyRow& row, std::vector<std::string> reasons);

// May run again.
postgres::Statement InsertAside(const State& state, const std::vector<AsideRow>& rows);
// The numbers of the rows of this migration that are aside, of these or of all.
Result<std::set<int64_t>> ReadAside(postgres::Pool& pool, const State& state);
Result<std::set<int64_t>> ReadAside(postgres::Pool& pool, const State& state, const std::vector<LegacyRow>& rows);

// A Postgres array in text form, of what may be NULL.
std::string ToArray(const std::vector<std::optional<std::string>>& elements);
std::string ToArray(const std::vector<const std::optional<std::string>*>& elements);

}  // namespace quantum::tradestore
