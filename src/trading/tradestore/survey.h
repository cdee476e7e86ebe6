#pragma once

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "trading/tradestore/convert.h"

namespace quantum::tradestore {

struct OddRow {
  int64_t rowid = 0;
  std::string trade_id;
  std::vector<std::string> reasons;
};

// What a file holds, before anything is copied.
struct Survey {
  int64_t rows = 0;
  int64_t good = 0;
  int64_t repeated = 0;                    // the same trade once more, word by word
  int64_t odd = 0;                         // kept aside
  std::map<std::string, int64_t> reasons;  // odd rows by the column that is complained of; a row may count in several
  std::vector<OddRow> examples;            // the first ones
  std::vector<std::string> unknown_columns;
};

// Sorts rows into good ones, repeats and odd ones. Remembers each trade_id with a digest of its row: some 100 bytes a
// row.
class Sorter {
 public:
  // Both outlive it.
  Sorter(const std::vector<std::string>& unknown_columns, const Precisions& precisions)
      : unknown_columns_(unknown_columns), precisions_(precisions) {}

  enum class Sort { kGood, kRepeated, kOdd };
  struct Sorted {
    Sort sort = Sort::kOdd;
    Converted converted;  // without a trade where it is odd
  };
  Sorted Take(const LegacyRow& row);

 private:
  const std::vector<std::string>& unknown_columns_;
  const Precisions& precisions_;
  std::unordered_map<std::string, size_t> digests_;  // by trade_id
};

// Reads all of it, a page at a time. on_progress: rows read, rows there are. Blocks.
Result<Survey> Look(LegacyFile& file, const Precisions& precisions,
                    const std::function<void(int64_t, int64_t)>& on_progress);

}  // namespace quantum::tradestore
