#include "trading/tradestore/legacy_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "trading/tradestore/columns.h"

namespace quantum::tradestore {

Result<LegacyFile> LegacyFile::Open(const std::string& path) {
  QUANTUM_TRY(sqlite::Database database, sqlite::Database::Open(path, sqlite::Database::Access::kRead));
  return Of(std::move(database), path);
}

Result<LegacyFile> LegacyFile::Of(sqlite::Database database, const std::string& path) {
  LegacyFile file(std::move(database));
  QUANTUM_CHECK(file.ReadSchema(path));
  return file;
}

Status LegacyFile::ReadSchema(const std::string& path) {
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
    const bool renamed = column.name == "strategy" && !found.contains(column.name) && found.contains(kOldStrategy);
    names_.emplace_back(renamed ? kOldStrategy : column.name);
    if (found.erase(names_.back()) == 0) {
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

Result<int64_t> LegacyFile::LastRowid() {
  QUANTUM_TRY(sqlite::Statement last, database_.Prepare("SELECT max(rowid) FROM trades"));
  QUANTUM_TRY([[maybe_unused]] const bool row, last.Step());
  const sqlite::Value value = last.Column(0);
  const auto* const rowid = std::get_if<int64_t>(&value);
  return rowid == nullptr ? kBeforeTheFirst : *rowid;
}

Result<std::vector<LegacyRow>> LegacyFile::Read(int64_t after_rowid, size_t limit) {
  return Select("WHERE rowid > ?1 ORDER BY rowid LIMIT ?2", {after_rowid, static_cast<int64_t>(limit)});
}

Result<std::vector<LegacyRow>> LegacyFile::Select(const std::string& tail,
                                                  const std::vector<sqlite::Value>& parameters) {
  std::string columns = "rowid";
  for (const std::string& name : names_) {
    columns += ", " + sqlite::Quoted(name);
  }
  for (const std::string& name : unknown_) {
    columns += ", " + sqlite::Quoted(name);
  }
  QUANTUM_TRY(sqlite::Statement read, database_.Prepare(fmt::format("SELECT {} FROM trades {}", columns, tail)));
  for (size_t i = 0; i < parameters.size(); ++i) {
    read.Bind(static_cast<int>(i) + 1, parameters[i]);
  }
  const int known = static_cast<int>(names_.size());
  std::vector<LegacyRow> rows;
  while (true) {
    QUANTUM_TRY(const bool there, read.Step());
    if (!there) {
      return rows;
    }
    LegacyRow& row =
        rows.emplace_back(LegacyRow{.rowid = std::get<int64_t>(read.Column(0)), .cells = {}, .unknown = {}});
    row.cells.reserve(names_.size());
    for (int i = 1; i <= known; ++i) {
      row.cells.push_back(read.Column(i));
    }
    for (int i = known + 1; i < read.columns(); ++i) {
      row.unknown.push_back(read.Column(i));
    }
  }
}

}  // namespace quantum::tradestore
