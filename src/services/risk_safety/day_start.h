#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "platform/base/clock.h"
#include "platform/base/result.h"
#include "trading/decimal.h"

namespace quantum::risk_safety {

using trading::Decimal;

// The equity that a UTC day began with, the base of the daily drawdown. Known in memory from the first look of the day;
// Postgres is told aside and has the last word (another life may have looked earlier). Pure.
class DayStart {
 public:
  struct Entry {
    std::string day;  // "2026-11-23"
    Decimal equity;
    bool settled = false;  // as Postgres has it

    bool operator==(const Entry&) const = default;
  };

  // Of the day of `now`; the first look of a day takes the equity of now.
  Decimal For(WallTime now, Decimal equity_now);
  const std::optional<Entry>& entry() const { return entry_; }
  // What Postgres says of a day; another day's is passed over.
  void Settle(std::string_view day, Decimal equity);

  std::string ToJson() const;  // empty before the first look
  // A damaged text restores nothing: Postgres has it.
  void Restore(std::string_view json);

 private:
  std::optional<Entry> entry_;
};

}  // namespace quantum::risk_safety
