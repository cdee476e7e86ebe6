#pragma once

#include "trading/tradestore/copy_file.h"

namespace quantum::tradestore {

// Brings the file up to what Postgres holds: the trades of the queue, a few hundred at a time, as they are now. A trade
// leaves the queue once it is on disk in the file, so that whatever dies in between, it is written again, to the same
// end. Returns how many there were; zero: both are the same. Errors: the pool's and the file's. For a fiber that may be
// blocked by the file.
Result<size_t> MirrorSome(postgres::Pool& pool, CopyFile& file);

}  // namespace quantum::tradestore
