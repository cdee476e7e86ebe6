#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "platform/postgres/pool.h"

// What is in a database, so that two can be compared. For fibers.
namespace quantum::operate {

struct TableFingerprint {
  int64_t rows = 0;
  std::string hash;  // of all rows, whatever their order
  bool operator==(const TableFingerprint&) const = default;
};
using Fingerprint = std::map<std::string, TableFingerprint>;  // by table, of the schema public

// Of what the transaction sees; it should be of isolation level REPEATABLE READ.
Result<Fingerprint> TakeFingerprint(postgres::Transaction& transaction);

// A sentence for each difference.
std::vector<std::string> Differences(const Fingerprint& expected, const Fingerprint& found);

// A point in the write-ahead log, and what the database held there.
struct Mark {
  std::string name;     // of the restore point
  std::string segment;  // of the log, that holds it
  WallTime time{};
  Fingerprint content;
};

// Makes one in the living database. Writers wait for the moment in which the point is set, not while the tables are
// read: they are locked until a second transaction has its snapshot, and the point. Errors: as Pool; kConflict: the
// tables could not be locked within two seconds, three times.
Result<Mark> SetMark(fiber::Loop& loop, const postgres::PoolOptions& owner, const std::string& name);

}  // namespace quantum::operate
