#pragma once

#include <functional>
#include <vector>

#include "platform/base/clock.h"
#include "platform/redis/client.h"
#include "tests/simulation/store.h"
#include "tests/simulation/visits.h"

namespace quantum::simulation {

// Rules that a negative control breaks.
struct Rules {
  bool wait = true;             // a publisher counts what one replica has
  bool journal = true;          // a publisher keeps events on disk
  bool sequences = true;        // the broker skips what it has
  bool seen = true;             // a consumer skips what it applied
  bool inbox = true;            // and so does its database
  bool buried_is_seen = false;  // a dead letter counts as applied
  bool buries_at_once = true;   // an event stands among the dead letters and is acknowledged in one step
  bool rereads = true;          // a consumer looks again at what is pending for it
  bool one_reading = true;      // what arrives over a consumer's earlier connection reads nothing
};

inline constexpr size_t kNodes = 3;

// What a master does with a command, as Redis 7.0 and infra/redis/functions/bus.lua do it. Every change of the store
// goes through `change`. (model_test.cpp holds it against the real server.)
class Commands {
 public:
  // node: of all `kNodes`, which it is.
  Commands(const Store& store, WallTime now, size_t node, const Rules& rules, Visits& visits,
           std::function<void(Store::Change)> change)
      : store_(store), now_(now), node_(node), rules_(rules), visits_(visits), change_(std::move(change)) {}

  static bool Writes(const redis::Command& command);
  redis::Reply Run(const redis::Command& command);

 private:
  redis::Reply Append(const redis::Command& words);
  std::optional<redis::Reply> Fence(const std::string& producers, const std::string& producer,
                                    const std::string& session);
  uint64_t Last(const std::string& producers, const std::string& lane) const;
  redis::Reply ReadGroup(const redis::Command& words);
  redis::Reply Acknowledge(const redis::Command& words);
  redis::Reply Bury(const redis::Command& words);
  redis::Reply Guard(const redis::Command& words);
  EntryId Add(const std::string& stream, std::vector<std::string> fields);

  const Store& store_;
  const WallTime now_;
  const size_t node_;
  const Rules& rules_;
  Visits& visits_;
  const std::function<void(Store::Change)> change_;
};

redis::Reply TextReply(std::string text);
redis::Reply NumberReply(int64_t number);
redis::Reply ErrorReply(std::string text);
redis::Reply ArrayReply(std::vector<redis::Reply> elements);

redis::Reply FieldsReply(const Store::Entry& entry);

// The reply as bytes of the protocol.
std::string EncodeReply(const redis::Reply& reply);

}  // namespace quantum::simulation
