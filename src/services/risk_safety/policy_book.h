#pragma once

#include <map>
#include <string>

#include "platform/bus/bus.h"
#include "platform/redis/client.h"
#include "services/risk_safety/policy.h"
#include "services/risk_safety/store.h"

namespace quantum::risk_safety {

// The policies in force: read from Postgres, cached in Redis for others, and kept in a file so that a start without
// Postgres still knows the last limits. Versions only rise: what is in force is never replaced by something older.
class PolicyBook {
 public:
  // `redis` may be null: then nothing is cached there.
  PolicyBook(postgres::Pool& pool, bus::Bus& bus, redis::Client* redis, const Clock& clock, std::string file);

  // At the start: from Postgres; when that is away, from the file of the last run.
  Status Load();
  // Every few seconds: what others have put, directly in the database or through an earlier life of this process. An
  // error leaves in force what is.
  Status Refresh();
  // kInvalidArgument for a value that does not fit the key.
  static Status Validate(const std::string& key, const std::string& value);
  // What this returns is in force.
  Result<PolicyDocument> Put(const std::string& key, const std::string& value, int64_t expected_version,
                             const std::string& by);

  const Policy& active() const { return active_; }
  TradingState trading_state() const { return trading_state_; }
  const std::map<std::string, PolicyDocument>& documents() const { return documents_; }

 private:
  // Takes what is newer; true when something was.
  Result<bool> Adopt(const std::map<std::string, PolicyDocument>& documents);
  void Keep();   // on disk, and in Redis
  void Cache();  // in Redis alone

  postgres::Pool& pool_;
  bus::Bus& bus_;
  redis::Client* redis_;
  const Clock& clock_;
  std::string file_;
  std::map<std::string, PolicyDocument> documents_;
  Policy active_;
  TradingState trading_state_ = TradingState::kHalted;  // until the policies are known
  bool cached_ = true;                                  // false: Redis did not take them, and is asked again
};

}  // namespace quantum::risk_safety
