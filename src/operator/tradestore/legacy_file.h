#pragma once

#include <map>
#include <string>
#include <vector>

#include "operator/tradestore/sqlite.h"

namespace quantum::operate::tradestore {

// A row of the old system's table `trades`, as it stands there, by the columns' names of today.
struct LegacyRow {
  int64_t rowid = 0;
  std::map<std::string, sqlite::Value, std::less<>> values;
};

// The SQLite file that the old system left. Read alone. Blocks; for one thread.
class LegacyFile {
 public:
  // Errors as of Database::Open; kInvalidArgument names the columns that are missing.
  static Result<LegacyFile> Open(const std::string& path);

  // Columns that the table in Postgres has not: they are kept in metadata.
  const std::vector<std::string>& unknown_columns() const { return unknown_; }
  Result<int64_t> Count();
  // The rows after that one, in the order of their numbers.
  Result<std::vector<LegacyRow>> Read(int64_t after_rowid, size_t limit);

 private:
  explicit LegacyFile(sqlite::Database database) : database_(std::move(database)) {}
  Status CheckSchema(const std::string& path);
  sqlite::Database database_;
  std::vector<std::string> unknown_;
};

}  // namespace quantum::operate::tradestore
