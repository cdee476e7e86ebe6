#include "operator/chaos/orders/protection_watch.h"

#include <fmt/format.h>

#include <algorithm>

namespace quantum::operate::chaos {

void ProtectionWatch::See(SteadyTime now, const std::set<std::string>& held, const std::set<std::string>& stopped) {
  const Duration apart = now - last_;
  const Duration counted = last_ == SteadyTime{} || apart > kApartMost ? Duration{} : apart;
  last_ = now;
  std::map<std::string, Duration> still;
  for (const std::string& symbol : held) {
    if (stopped.contains(symbol)) {
      told_.erase(symbol);
      continue;
    }
    const auto before = unprotected_.find(symbol);
    Duration& time = still[symbol];
    time = before == unprotected_.end() ? Duration{} : before->second + counted;
    longest_ = std::max(longest_, time);
    if (time > kMost && told_.insert(symbol).second) {
      violations_.push_back(fmt::format("position in {}: without a stop for more than {} s of a working exchange",
                                        symbol, kMost / std::chrono::seconds(1)));
    }
  }
  unprotected_ = std::move(still);
}

}  // namespace quantum::operate::chaos
