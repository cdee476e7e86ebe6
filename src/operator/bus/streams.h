#pragma once

#include <optional>
#include <string>
#include <vector>

#include "platform/bus/event.h"
#include "platform/redis/client.h"

// What `quantum bus` shows of the streams and does to them. For fibers; the client is the operator's.
namespace quantum::operate {

struct GroupState {
  std::string name;            // of the service: "execution-service"
  std::optional<int64_t> lag;  // entries, not events, that are not delivered yet; absent while the broker cannot tell
  int64_t pending = 0;         // delivered and not acknowledged
  int64_t oldest_pending_ms = 0;
  std::vector<std::string> consumers;
  std::string reader;          // the process that holds the lease; empty: none
  std::string last_delivered;  // id of an entry
};

struct StreamState {
  std::string family;
  int64_t length = 0;  // entries
  int64_t memory_bytes = 0;
  int64_t dead_letters = 0;
  std::string over_quota;  // why its publishers wait; empty when they do not
  std::vector<GroupState> groups;
};

Result<std::vector<StreamState>> ReadStreams(redis::Client& client);

struct Entry {
  std::string id;  // in the stream: "1700000000000-0"
  bus::Event event;
};
// The newest `count` entries, oldest first.
Result<std::vector<Entry>> ReadNewest(redis::Client& client, const std::string& family, int count);
// What came after this id, waiting at most so long for it.
Result<std::vector<Entry>> ReadAfter(redis::Connection& connection, const std::string& family, const std::string& id,
                                     Duration wait);

struct DeadLetter {
  std::string id;     // in the dead letters
  std::string entry;  // where it stood in the stream
  std::string group;  // whose handler failed, as it stands in Redis
  std::string reason;
  int64_t attempts = 0;
  std::string type;  // "" when the entry could not be read
  std::string key;
  std::string event_id;
};
// The id of the last one; empty: there is none.
Result<std::string> NewestDeadLetter(redis::Client& client, const std::string& family);
// The oldest first, up to the one with the id `newest` ("+": to the last).
Result<std::vector<DeadLetter>> ReadDeadLetters(redis::Client& client, const std::string& family, int count,
                                                const std::string& newest = "+");

// Puts these dead letters back at the end of their stream, for the group alone that failed, and takes them out of the
// dead letters in the same step. An unreadable entry is kInvalidArgument; one whose group is gone kNotFound.
Status ReplayDeadLetters(redis::Client& client, const std::string& family, const std::vector<std::string>& ids);
Status DropDeadLetters(redis::Client& client, const std::string& family, const std::vector<std::string>& ids);

// Delivers to the group once more what stands in the stream after this id ("0": everything). What it has applied it
// recognises as a repeat, as far back as it remembers. kInvalidArgument: the group has not been given so much yet, so
// that something would be skipped.
Status ReplayGroup(redis::Client& client, const std::string& family, const std::string& service, const std::string& id);
// The group and its place in the stream are gone; what it has not read is not kept for it any more. kConflict: a
// process reads for it (waits for a second to see).
Status DropGroup(redis::Client& client, const std::string& family, const std::string& service);

}  // namespace quantum::operate
