#pragma once

#include <map>
#include <string>

#include "platform/lifecycle/service.h"
#include "services/risk_safety/policy.h"
#include "services/risk_safety/store.h"

namespace quantum::risk_safety {

// The policies in force: read from Postgres, cached in Redis for others, and kept in a file so that a start without
// Postgres still knows the last limits.
class PolicyBook {
 public:
  explicit PolicyBook(lifecycle::Service& service);

  // From Postgres; when that is away, from the file of the last run.
  Status Load();
  // kInvalidArgument for a value that does not fit the key.
  static Status Validate(const std::string& key, const std::string& value);
  Result<PolicyDocument> Put(const std::string& key, const std::string& value, int64_t expected_version,
                             const std::string& by);

  const Policy& active() const { return active_; }
  TradingState trading_state() const { return trading_state_; }
  const std::map<std::string, PolicyDocument>& documents() const { return documents_; }

 private:
  Status Adopt(std::map<std::string, PolicyDocument> documents);
  void Cache();

  lifecycle::Service& service_;
  std::string file_;
  std::map<std::string, PolicyDocument> documents_;
  Policy active_;
  TradingState trading_state_ = TradingState::kHalted;  // until the policies are known
};

}  // namespace quantum::risk_safety
