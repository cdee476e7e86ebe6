#pragma once

#include <optional>
#include <string>
#include <vector>

#include "trading/tradestore/legacy_file.h"
#include "trading/tradestore/trade_row.h"

namespace quantum::tradestore {

// The platform's copy of the old system's file, which takes the trades of the platform too, so that the old system
// could go on with it. On disk when Commit returns. Blocks; for one thread.
class CopyFile {
 public:
  // Copies `source`, as it is at one moment, to `path`, and makes there what look-ups need. The copy is complete when
  // it has its name. kInvalidArgument: its schema is not the old system's, or it refuses what would be written to it.
  static Status Make(const std::string& source, const std::string& path,
                     const std::function<void(int64_t, int64_t)>& on_pages);
  // Rows up to last_legacy_rowid are the old system's.
  static Result<CopyFile> Open(const std::string& path, int64_t last_legacy_rowid);

  LegacyFile& rows() { return rows_; }
  // Rows of one trade; more than one where the old system had it twice.
  Result<std::vector<LegacyRow>> Find(const std::string& trade_id);
  Result<bool> Has(const std::string& trade_id);
  // The rows that were written last, newest first, before that one. Empty status or symbol: any.
  Result<std::vector<LegacyRow>> Newest(const std::string& status, const std::string& symbol, int64_t before_rowid,
                                        size_t limit);

  // Nobody else may write from Begin to Commit or Rollback. kUnavailable: somebody does.
  Status Begin();
  // By its trade_id, whether it is there or not. A trade of the platform is a row of the platform: where the old
  // system's file has it, since it was handed out before and is migrated anew, that row gives way.
  Status Put(const TradeRow& trade);
  Status Commit();
  void Rollback();

 private:
  CopyFile(sqlite::Database database, LegacyFile rows, int64_t last_legacy_rowid)
      : database_(std::move(database)), rows_(std::move(rows)), last_legacy_rowid_(last_legacy_rowid) {}
  static Status MakePartial(const std::string& source, const std::string& partial,
                            const std::function<void(int64_t, int64_t)>& on_pages);
  Status Prepare();
  Status TryToWrite();
  Result<bool> Run(sqlite::Statement& statement, const std::vector<sqlite::Value>& cells);  // whether it hit a row

  sqlite::Database database_;
  LegacyFile rows_;
  int64_t last_legacy_rowid_;
  std::optional<sqlite::Statement> has_;
  std::optional<sqlite::Statement> update_;
  std::optional<sqlite::Statement> give_way_;
  std::optional<sqlite::Statement> insert_;
};

}  // namespace quantum::tradestore
