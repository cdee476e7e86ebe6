#pragma once

#include <optional>
#include <string>
#include <vector>

#include "platform/base/clock.h"

namespace quantum::bus {

// An entry's id in a stream: milliseconds and a number.
struct EntryId {
  uint64_t milliseconds = 0;
  uint64_t number = 0;
  auto operator<=>(const EntryId&) const = default;
  static std::optional<EntryId> Parse(const std::string& text);
  std::string ToString() const;
};

// Where one group stands in a stream.
struct GroupPosition {
  EntryId last_delivered;
  std::optional<EntryId> oldest_pending;
};

// Below which id a stream may be trimmed: what every group has been given and has acknowledged, and what is older than
// `keep`. Of a stream that has no group at all a day is kept, unless `keep` is zero.
std::optional<EntryId> TrimBelow(const std::vector<GroupPosition>& groups, WallTime now,
                                 Duration keep = std::chrono::hours(1));

}  // namespace quantum::bus
