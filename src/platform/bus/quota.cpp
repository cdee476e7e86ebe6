#include "platform/bus/quota.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace quantum::bus {

std::map<std::string, int64_t> QuotasOf(const std::vector<EventType>& types, int64_t broker_bytes_max) {
  std::map<std::string, int64_t> quotas;
  if (broker_bytes_max <= 0) {
    return quotas;
  }
  std::set<std::string> money;
  std::set<std::string> others;
  for (const EventType& type : types) {
    (type.money ? money : others).insert(FamilyOf(type.name));
  }
  std::erase_if(others, [&](const std::string& family) { return money.contains(family); });
  for (const auto* const half : {&money, &others}) {
    for (const std::string& family : *half) {
      quotas[family] = broker_bytes_max / 10 * 4 / static_cast<int64_t>(half->size());
    }
  }
  return quotas;
}

std::optional<std::string> OverQuota(int64_t bytes, int64_t quota, bool was_over, const std::vector<Laggard>& groups) {
  if (bytes <= (was_over ? quota / 10 * 9 : quota)) {
    return std::nullopt;
  }
  const auto slowest =
      std::max_element(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.behind < b.behind; });
  const std::string who = slowest == groups.end() || slowest->behind == 0
                              ? std::string("no group lags")
                              : fmt::format("group {} lags by {} events", slowest->group, slowest->behind);
  return fmt::format("the stream takes {} of {} MB; {}", bytes / 1'000'000, quota / 1'000'000, who);
}

}  // namespace quantum::bus
