#pragma once

#include <limits>
#include <string>
#include <vector>

#include "trading/tradestore/sqlite.h"

namespace quantum::tradestore {

// A row of the old system's table `trades`, as it stands there.
struct LegacyRow {
  int64_t rowid = 0;
  std::vector<sqlite::Value> cells;    // one for each of Columns()
  std::vector<sqlite::Value> unknown;  // one for each of LegacyFile::unknown_columns()
};

inline constexpr int64_t kBeforeTheFirst = std::numeric_limits<int64_t>::min();

// The SQLite file that the old system left. Blocks; for one thread.
class LegacyFile {
 public:
  // Read alone. Errors as of Database::Open; kInvalidArgument names the columns that are missing.
  static Result<LegacyFile> Open(const std::string& path);
  static Result<LegacyFile> Of(sqlite::Database database, const std::string& path);

  // Columns that the table in Postgres has not: they are kept in metadata.
  const std::vector<std::string>& unknown_columns() const { return unknown_; }
  // What the file calls each of Columns().
  const std::vector<std::string>& names() const { return names_; }
  Result<int64_t> Count();
  Result<int64_t> LastRowid();  // kBeforeTheFirst: there is none
  // The rows after that one, in the order of their numbers.
  Result<std::vector<LegacyRow>> Read(int64_t after_rowid, size_t limit);
  // Rows by any condition: `tail` is what follows "FROM trades".
  Result<std::vector<LegacyRow>> Select(const std::string& tail, const std::vector<sqlite::Value>& parameters);

 private:
  explicit LegacyFile(sqlite::Database database) : database_(std::move(database)) {}
  Status ReadSchema(const std::string& path);
  sqlite::Database database_;
  std::vector<std::string> names_;
  std::vector<std::string> unknown_;
};

}  // namespace quantum::tradestore
