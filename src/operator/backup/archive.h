#pragma once

#include <string>

#include "operator/state/launch.h"
#include "platform/postgres/pool.h"

// The archive of the write-ahead log, as the primary sees it. For fibers.
namespace quantum::operate {

// Until the archive has this segment, and all before it; how long that took. kTimeout after 90 s, with the newest there
// is.
Result<Duration> AwaitArchived(postgres::Pool& pool, const std::string& segment);

// Ends the segment that is being written, and waits until the archive has it: a restore can then reach this moment. At
// the primary, by the database `postgres`, which is there when ours is not. kUnavailable: there is no primary.
Status FlushLog(const Running& running);

}  // namespace quantum::operate
