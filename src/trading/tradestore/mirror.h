#pragma once

#include "trading/tradestore/copy_file.h"

namespace quantum::tradestore {

inline constexpr size_t kMirrorMax = 500;

// Brings the file up to what Postgres holds: the trades of the queue, at most kMirrorMax, as they are now. A trade
// leaves the queue once it is on disk in the file, so that whatever dies in between, it is written again, to the same
// end. Returns how many there were; less than kMirrorMax: what came since may wait for a moment, for each call costs
// the disk some flushes. Errors: the pool's and the file's. For a fiber that may be blocked by the file.
Result<size_t> MirrorSome(postgres::Pool& pool, CopyFile& file);

}  // namespace quantum::tradestore
