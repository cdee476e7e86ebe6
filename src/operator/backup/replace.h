#pragma once

#include "operator/backup/restore.h"

// A restored copy takes the place of the living database.
namespace quantum::operate {

// Makes the copy fit to be the truth: notes the restore in it (table `restores`), and lets every sequence jump, so that
// no number is given out twice. Before the copy is stopped; as its superuser. For fibers.
Status MarkRestored(postgres::Pool& copy, const std::string& label, WallTime restored_to);

// Whether a copy in this folder can be moved into the place of the database: folders do not move between disks.
// kInvalidArgument: not.
Status CheckReplaceable(const Running& running, const std::string& folder);

struct Replaced {
  std::string kept;    // the ending of the names under which the old data is kept, beside the new
  Duration without{};  // a database: from the first unit that was stopped to the last that was started
};

// Stops what uses the database, moves the old data of every node and etcd's aside, the copy into its place, and starts
// all again: the first node takes the copy over, the others copy it. New entries are halted before and stay halted.
// Precondition: the platform runs. A process that dies in between leaves a list of what is to be moved; the next `up`
// finishes it.
Result<Replaced> ReplaceDatabase(const Running& running, const Restored& restored,
                                 const std::function<void(const std::string&)>& on_step);

// Moves what an interrupted replacement has left to be moved. True: there was something.
Result<bool> FinishReplacement(const Layout& layout);

// For the task before the services: sets the consumer groups of services on Postgres back to before the restore, once.
// Returns how many. For fibers.
Result<int> ReplayAfterRestore(fiber::Loop& loop, postgres::Pool& owner, const Running& running);

}  // namespace quantum::operate
