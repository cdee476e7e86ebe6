#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <string>

#include "platform/postgres/pool.h"
#include "services/execution/change_set.h"
#include "services/execution/ledger.h"

// Orders, fills, positions and trades as rows of Postgres (infra/postgres/migrations/0020_execution.sql).
namespace quantum::execution {

// The rows of several change sets, each as the last of them left it, for one statement. Older snapshots never overwrite
// newer ones in the database, and a fill is inserted once, so that running it again does no harm.
class ChangedRows {
 public:
  // `fence`: the token of the lease that they are written under.
  ChangedRows(std::string mode, int64_t fence) : mode_(std::move(mode)), fence_(fence) {}
  // In the order in which they were made.
  void Add(const ChangeSet& changes);
  postgres::Statement Write() const;

 private:
  std::string mode_;
  int64_t fence_;
  std::map<std::string, std::map<std::string, boost::json::object>> tables_;  // by table, then by key
};

// Records a new plan. One row when it is recorded now, none when its decision was before: then nothing is changed.
postgres::Statement RecordPlan(const Plan& plan, const std::string& mode, int64_t fence);

// Makes COMMIT wait until a standby has everything that is visible now: rows may be seen that only this server has,
// where the wait of the transaction that wrote them was cut off.
postgres::Statement AwaitStandby();

// One row when the entry of exactly this plan is recorded and was not carried out, none when that of another attempt at
// the decision is.
postgres::Statement AskWhetherRecorded(const Plan& plan, int64_t fence);

// When a restore last replaced the database; the epoch: never.
Result<WallTime> LastRestore(postgres::Pool& pool);

// Everything that is not over: active trades with all their orders, orders that are not final, positions, cursors.
Result<LedgerSnapshot> LoadLedger(postgres::Pool& pool);

}  // namespace quantum::execution
