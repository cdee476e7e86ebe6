#include "operator/tradestore/legacy_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "operator/tradestore/columns.h"

namespace quantum::operate::tradestore {

Result<LegacyFile> LegacyFile::Open(const std::string& path) {
  QUANTUM_TRY(sqlite::Database database, sqlite::Database::Open(path, sqlite::Database::Access::kRead));
  LegacyFile file(std::move(database));
  QUANTUM_CHECK(file.CheckSchema(path));
  return file;
}

Status LegacyFile::CheckSchema(const std::string& path) {
  QUANTUM_TRY(sqlite::Statement columns, database_.Prepare("SELECT name FROM pragma_table_info('trades')"));
  std::set<std::string, std::less<>> found;
  while (true) {
    QUANTUM_TRY(const bool row, columns.Step());
    if (!row) {
      break;
    }
    found.insert(std::get<std::string>(columns.Column(0)));
  }
  if (found.empty()) {
    return Error{Errc::kInvalidArgument, fmt::format("{} has no table trades: it is no file of the old system", path)};
  }
  std::vector<std::string> missing;
  for (const Column& column : Columns()) {
    const bool renamed = column.name == "strategy" && found.erase(std::string(kOldStrategy)) > 0;
    if (found.erase(std::string(column.name)) == 0 && !renamed) {
      missing.emplace_back(column.name);
    }
  }
  if (!missing.empty()) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("the table trades of {} lacks the columns {}", path, fmt::join(missing, ", "))};
  }
  unknown_.assign(found.begin(), found.end());
  return {};
}

Result<int64_t> LegacyFile::Count() {
  QUANTUM_TRY(sqlite::Statement count, database_.Prepare("SELECT count(*) FROM trades"));
  QUANTUM_TRY([[maybe_unused]] const bool row, count.Step());
  return std::get<int64_t>(count.Column(0));
}

Result<std::vector<LegacyRow>> LegacyFile::Read(int64_t after_rowid, size_t limit) {
  QUANTUM_TRY(sqlite::Statement read,
              database_.Prepare("SELECT rowid AS \"rowid\", * FROM trades WHERE rowid > ?1 ORDER BY rowid LIMIT ?2"));
  read.Bind(1, after_rowid);
  read.Bind(2, static_cast<int64_t>(limit));
  std::vector<LegacyRow> rows;
  while (true) {
    QUANTUM_TRY(const bool there, read.Step());
    if (!there) {
      return rows;
    }
    LegacyRow row{.rowid = std::get<int64_t>(read.Column(0)), .values = {}};
    for (int i = 1; i < read.columns(); ++i) {
      const std::string name = read.ColumnName(i);
      row.values[name == kOldStrategy ? "strategy" : name] = read.Column(i);
    }
    rows.push_back(std::move(row));
  }
}

}  // namespace quantum::operate::tradestore
