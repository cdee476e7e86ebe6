#pragma once

#include "trading/tradestore/copy_file.h"
#include "trading/tradestore/migrate.h"
#include "trading/tradestore/state.h"

namespace quantum::tradestore {

// Compares all of both stores while both are written: every row of the file is a trade of Postgres with the same
// contents, or aside; every trade of Postgres is in the file. A trade that waits for the file does not count, and one
// that differs is looked at three times, since it may have been written in between. `pause`: the fiber sleeps so long
// after each page of a thousand rows. For a fiber that may be blocked by the file. Errors: the pool's and the file's.
// kCancelled: on_rows said so by returning false.
Result<Comparison> Compare(postgres::Pool& pool, CopyFile& file, const State& state, Duration pause,
                           const std::function<bool(int64_t, int64_t)>& on_rows, const Clock& clock);

}  // namespace quantum::tradestore
