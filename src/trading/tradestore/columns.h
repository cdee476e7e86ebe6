#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace quantum::tradestore {

// What a column of the table `trades` holds; it says how a cell of the old file is read.
enum class Kind {
  kText,
  kPrice,     // a multiple of the symbol's tick, or an average of such
  kQuantity,  // a multiple of the symbol's step
  kMoney,     // USD, and ratios: eight decimals
  kInteger,
  kReal,
  kTime,
  kJson,
};

struct Column {
  std::string_view name;
  Kind kind;
  bool required;  // NULL makes the row odd
};

// The columns of the table in Postgres, in its order (infra/postgres/migrations/0020_execution.sql).
std::span<const Column> Columns();
// Of the column of that name among Columns(), which must be one of them.
size_t IndexOf(std::string_view name);

// Older files have this name for `strategy`.
inline constexpr std::string_view kOldStrategy = "meta_strategy_id";

}  // namespace quantum::tradestore
