#pragma once

#include <cstdint>
#include <string>

#include "trading/tradestore/convert.h"

namespace quantum::tradestore {

// A file as the old system left it, for tests and benchmarks: the documented columns, money as REAL that has been
// through a few operations, times as text, every so often a row that is broken.
struct LegacyOptions {
  int64_t rows = 1000;
  uint64_t seed = 1;
  bool old_strategy_name = false;  // meta_strategy_id
  int64_t broken_every = 0;        // each such row is odd, in one of a dozen ways; 0: none is
  int64_t repeated_every = 0;      // each such row stands there once more; 0: none does
};
struct LegacyCounts {
  int64_t good = 0;
  int64_t odd = 0;
  int64_t repeated = 0;
};
Result<LegacyCounts> WriteLegacyFile(const std::string& path, const LegacyOptions& options);

// Of the symbols in such a file.
Precisions LegacyPrecisions();

}  // namespace quantum::tradestore
