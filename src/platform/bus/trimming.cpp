#include "platform/bus/trimming.h"

#include <algorithm>
#include <charconv>

namespace quantum::bus {

namespace {

constexpr Duration kKeepUnread = std::chrono::hours(24);

}  // namespace

std::optional<EntryId> EntryId::Parse(const std::string& text) {
  EntryId id;
  const char* const end = text.data() + text.size();
  auto result = std::from_chars(text.data(), end, id.milliseconds);
  if (result.ec != std::errc() || result.ptr == end || *result.ptr != '-') {
    return std::nullopt;
  }
  result = std::from_chars(result.ptr + 1, end, id.number);
  if (result.ec != std::errc() || result.ptr != end) {
    return std::nullopt;
  }
  return id;
}

std::string EntryId::ToString() const { return std::to_string(milliseconds) + "-" + std::to_string(number); }

std::optional<EntryId> TrimBelow(const std::vector<GroupPosition>& groups, WallTime now, Duration keep) {
  const Duration kept = groups.empty() && keep > Duration(0) ? kKeepUnread : keep;
  EntryId below{static_cast<uint64_t>(std::max<int64_t>(0, ToUnixMs(now - kept))), 0};
  for (const GroupPosition& group : groups) {
    below = std::min(below, group.last_delivered);
    if (group.oldest_pending) {
      below = std::min(below, *group.oldest_pending);
    }
  }
  return below;
}

}  // namespace quantum::bus
