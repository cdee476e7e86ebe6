#include "platform/bus/quota.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace quantum::bus {

namespace {

std::string SlowestOf(const std::vector<Laggard>& groups) {
  const auto slowest =
      std::max_element(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.behind < b.behind; });
  if (slowest == groups.end() || slowest->behind == 0) {
    return "no group lags";
  }
  return fmt::format("group {} lags by {} events{}", slowest->group, slowest->behind,
                     slowest->family.empty() ? "" : " of stream " + slowest->family);
}

}  // namespace

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
  return fmt::format("the stream takes {} of {} MB; {}", bytes / 1'000'000, quota / 1'000'000, SlowestOf(groups));
}

std::optional<std::string> BrokerFull(int64_t bytes, int64_t bytes_max, bool was_full,
                                      const std::vector<Laggard>& groups) {
  if (bytes_max <= 0 || bytes <= bytes_max / 100 * (was_full ? 90 : 95)) {
    return std::nullopt;
  }
  return fmt::format("{} of the broker's {} MB are used; {}", bytes / 1'000'000, bytes_max / 1'000'000,
                     SlowestOf(groups));
}

}  // namespace quantum::bus
