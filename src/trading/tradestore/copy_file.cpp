#include "trading/tradestore/copy_file.h"

#include <fmt/format.h>

#include <filesystem>

#include "trading/tradestore/columns.h"

namespace quantum::tradestore {

namespace {

namespace fs = std::filesystem;

// What look-ups by trade and status need. Older files have lower case in places.
constexpr const char* kIndexes =
    "CREATE INDEX IF NOT EXISTS quantum_trades_id ON trades (trade_id);"
    "CREATE INDEX IF NOT EXISTS quantum_trades_status ON trades (upper(status))";

// The file has to be one file, and a COMMIT has to be on disk.
constexpr const char* kDurable = "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL";

// A trade of ours with every column filled.
TradeRow Specimen(std::string_view status, std::string_view side) {
  TradeRow trade;
  for (const Column& column : Columns()) {
    trade.emplace_back(column.kind == Kind::kText      ? "quantum-trader-tries-to-write"
                       : column.kind == Kind::kInteger ? "3"
                       : column.kind == Kind::kTime    ? "2024-05-01T12:00:00.123456Z"
                       : column.kind == Kind::kJson    ? R"({"planned_quantity":"0.002"})"
                                                       : "60000.1");
  }
  trade[IndexOf("symbol")] = "BTCUSDT";
  trade[IndexOf("status")] = status;
  trade[IndexOf("side")] = side;
  return trade;
}

}  // namespace

Status CopyFile::Make(const std::string& source, const std::string& path,
                      const std::function<void(int64_t, int64_t)>& on_pages) {
  const std::string partial = path + ".partial";
  std::error_code error;
  fs::remove(partial, error);
  Status made = MakePartial(source, partial, on_pages);
  if (made.ok()) {
    fs::rename(partial, path, error);
    return error ? Status(Error{Errc::kInternal, fmt::format("{}: {}", path, error.message())}) : Status();
  }
  fs::remove(partial, error);
  return made;
}

Status CopyFile::MakePartial(const std::string& source, const std::string& partial,
                             const std::function<void(int64_t, int64_t)>& on_pages) {
  QUANTUM_TRY(const sqlite::Database original, sqlite::Database::Open(source, sqlite::Database::Access::kRead));
  QUANTUM_TRY(const LegacyFile check, LegacyFile::Of(original, source));
  QUANTUM_CHECK(original.CopyTo(partial, on_pages));
  QUANTUM_TRY(CopyFile copy, Open(partial, kBeforeTheFirst));
  QUANTUM_CHECK(copy.database_.Run(kIndexes));
  if (const Status tried = copy.TryToWrite(); !tried.ok()) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("{} would refuse the platform's trades: {}", source, tried.error().message)};
  }
  return {};
}

Result<CopyFile> CopyFile::Open(const std::string& path, int64_t last_legacy_rowid) {
  QUANTUM_TRY(sqlite::Database database, sqlite::Database::Open(path, sqlite::Database::Access::kWrite));
  QUANTUM_CHECK(database.Run(kDurable));
  QUANTUM_TRY(LegacyFile rows, LegacyFile::Of(database, path));
  CopyFile file(std::move(database), std::move(rows), last_legacy_rowid);
  QUANTUM_CHECK(file.Prepare());
  return file;
}

Status CopyFile::Prepare() {
  std::string assignments;
  std::string names;
  std::string marks;
  for (size_t i = 0; i < rows_.names().size(); ++i) {
    const std::string name = sqlite::Quoted(rows_.names()[i]);
    assignments += fmt::format("{}{} = ?{}", i == 0 ? "" : ", ", name, i + 1);
    names += (i == 0 ? "" : ", ") + name;
    marks += fmt::format("{}?{}", i == 0 ? "" : ", ", i + 1);
  }
  QUANTUM_TRY(update_, database_.Prepare(fmt::format("UPDATE trades SET {} WHERE trade_id = ?1", assignments)));
  QUANTUM_TRY(insert_, database_.Prepare(fmt::format("INSERT INTO trades ({}) VALUES ({})", names, marks)));
  QUANTUM_TRY(give_way_, database_.Prepare("DELETE FROM trades WHERE trade_id = ?1 AND rowid <= ?2"));
  QUANTUM_TRY(has_, database_.Prepare("SELECT count(*) FROM trades WHERE trade_id = ?1"));
  return {};
}

// Whatever we may have to write: each status and side, new and once more, and it reads as it was written.
Status CopyFile::TryToWrite() {
  QUANTUM_CHECK(Begin());
  const Status tried = [&]() -> Status {
    for (const char* side : {"LONG", "SHORT"}) {
      for (const char* status : {"PENDING", "OPEN", "PARTIAL_TP", "CLOSED", "CANCELLED", "FAILED"}) {
        const TradeRow trade = Specimen(status, side);
        QUANTUM_CHECK(Put(trade));
        QUANTUM_TRY(const std::vector<LegacyRow> rows, Find(*trade.front()));
        if (rows.size() != 1 || !SameCells(trade, rows.front().cells)) {
          return Error{Errc::kInvalidArgument,
                       fmt::format("a {} trade that is {} reads otherwise than it was written", side, status)};
        }
      }
    }
    return {};
  }();
  Rollback();
  return tried;
}

Result<std::vector<LegacyRow>> CopyFile::Find(const std::string& trade_id) {
  return rows_.Select("WHERE trade_id = ?1 ORDER BY rowid", {trade_id});
}

Result<bool> CopyFile::Has(const std::string& trade_id) {
  has_->Bind(1, trade_id);
  QUANTUM_TRY([[maybe_unused]] const bool row, has_->Step());
  const bool has = std::get<int64_t>(has_->Column(0)) > 0;
  QUANTUM_TRY([[maybe_unused]] const bool more, has_->Step());  // ends the read
  return has;
}

Result<std::vector<LegacyRow>> CopyFile::Newest(const std::string& status, const std::string& symbol,
                                                int64_t before_rowid, size_t limit) {
  std::string condition = "WHERE rowid < ?1";
  std::vector<sqlite::Value> parameters = {before_rowid, static_cast<int64_t>(limit)};
  for (const auto& [name, value] : {std::pair("status", status), std::pair("symbol", symbol)}) {
    if (!value.empty()) {
      parameters.emplace_back(value);
      condition += fmt::format(" AND upper({}) = ?{}", name, parameters.size());
    }
  }
  return rows_.Select(condition + " ORDER BY rowid DESC LIMIT ?2", parameters);
}

Status CopyFile::Begin() { return database_.Run("BEGIN IMMEDIATE"); }

Status CopyFile::Put(const TradeRow& trade) {
  const std::vector<sqlite::Value> cells = ToCells(trade);
  const bool is_ours = trade[IndexOf("metadata")].value_or("").find(R"("legacy")") == std::string::npos;
  if (is_ours) {
    give_way_->Bind(1, cells.front());
    give_way_->Bind(2, last_legacy_rowid_);
    QUANTUM_TRY([[maybe_unused]] const bool row, give_way_->Step());
  }
  QUANTUM_TRY(const bool was_there, Run(*update_, cells));
  if (!was_there) {
    QUANTUM_TRY([[maybe_unused]] const bool row, Run(*insert_, cells));
  }
  return {};
}

Result<bool> CopyFile::Run(sqlite::Statement& statement, const std::vector<sqlite::Value>& cells) {
  for (size_t i = 0; i < cells.size(); ++i) {
    statement.Bind(static_cast<int>(i) + 1, cells[i]);
  }
  QUANTUM_TRY([[maybe_unused]] const bool row, statement.Step());
  return database_.changed() > 0;
}

Status CopyFile::Commit() { return database_.Run("COMMIT"); }
void CopyFile::Rollback() { static_cast<void>(database_.Run("ROLLBACK")); }

}  // namespace quantum::tradestore
