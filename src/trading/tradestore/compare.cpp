#include "trading/tradestore/compare.h"

#include <fmt/format.h>

#include <iterator>
#include <map>
#include <set>

#include "platform/fiber/fiber.h"
#include "trading/tradestore/aside.h"

namespace quantum::tradestore {

namespace {

using postgres::Rows;
using namespace std::chrono_literals;

constexpr size_t kPageRows = 1000;
constexpr size_t kExamplesMax = 20;
constexpr int kLooks = 3;
constexpr Duration kBetweenLooks = 300ms;

struct InPostgres {
  TradeRow trade;
  bool waiting = false;  // for the file
};

class Comparer {
 public:
  Comparer(postgres::Pool& pool, CopyFile& file, const State& state, Comparison& result)
      : pool_(pool), file_(file), state_(state), result_(result) {}

  Status TakeRows(const std::vector<LegacyRow>& rows) {
    QUANTUM_TRY(std::vector<Difference> found, Look(rows));
    for (int look = 1; look < kLooks && !found.empty(); ++look) {
      fiber::SleepFor(kBetweenLooks);
      std::vector<LegacyRow> again;
      for (const Difference& difference : found) {
        QUANTUM_TRY(std::vector<LegacyRow> row, file_.rows().Select("WHERE rowid = ?1", {difference.rowid}));
        std::move(row.begin(), row.end(), std::back_inserter(again));
      }
      QUANTUM_TRY(found, Look(again));
    }
    result_.rows += static_cast<int64_t>(rows.size());
    for (const Difference& difference : found) {
      Report(difference.trade_id, difference.what);
    }
    return {};
  }

  // Those that are not in the file at all.
  Status TakeTrades(std::vector<std::string> ids) {
    for (int look = 0; look < kLooks; ++look) {
      std::vector<std::string> missing;
      for (std::string& id : ids) {
        QUANTUM_TRY(const bool has, file_.Has(id));
        if (!has) {
          missing.push_back(std::move(id));
        }
      }
      if (missing.empty()) {
        return {};
      }
      QUANTUM_TRY(const auto in_postgres, Ask(missing));
      ids.clear();
      for (const auto& [id, there] : in_postgres) {
        if (!there.waiting) {
          ids.push_back(id);
        }
      }
      fiber::SleepFor(kBetweenLooks);
    }
    for (const std::string& id : ids) {
      Report(id, "in Postgres, not in the file");
    }
    return {};
  }

 private:
  struct Difference {
    int64_t rowid = 0;
    std::string trade_id;
    std::string what;
  };

  Result<std::vector<Difference>> Look(const std::vector<LegacyRow>& rows) {
    std::vector<Difference> found;
    if (rows.empty()) {
      return found;
    }
    QUANTUM_TRY(const std::set<int64_t> aside, ReadAside(pool_, state_, rows));
    std::vector<std::string> ids;
    for (const LegacyRow& row : rows) {
      if (!aside.contains(row.rowid)) {
        ids.push_back(sqlite::ToText(row.cells.front()));
      }
    }
    QUANTUM_TRY(const auto in_postgres, Ask(ids));
    for (const LegacyRow& row : rows) {
      if (aside.contains(row.rowid)) {
        continue;
      }
      const std::string id = sqlite::ToText(row.cells.front());
      const auto there = in_postgres.find(id);
      if (there == in_postgres.end()) {
        found.push_back({row.rowid, id, "in the file, not in Postgres"});
      } else if (!there->second.waiting && !Same(row, there->second.trade)) {
        found.push_back({row.rowid, id, "other contents"});
      }
    }
    return found;
  }

  bool Same(const LegacyRow& row, const TradeRow& trade) const {
    if (SameCells(trade, row.cells)) {
      return true;
    }
    if (row.rowid > state_.last_legacy_rowid) {
      return false;
    }
    const Converted converted = Convert(row, file_.rows().unknown_columns(), state_.precisions);
    return converted.trade && SameTrade(*converted.trade, trade);
  }

  Result<std::map<std::string, InPostgres>> Ask(const std::vector<std::string>& ids) {
    const std::vector<std::optional<std::string>> wanted(ids.begin(), ids.end());
    QUANTUM_TRY(const Rows rows,
                pool_.Query("SELECT EXISTS (SELECT FROM tradestore_queue WHERE tradestore_queue.trade_id = "
                            "trades.trade_id) AS waiting, " +
                                SelectTradeRow() + FromWanted(),
                            {ToArray(wanted)}, {.idempotent = true}));
    std::map<std::string, InPostgres> there;
    for (size_t row = 0; row < rows.size(); ++row) {
      there[std::string(rows.Text(row, "trade_id"))] = {.trade = ReadTradeRow(rows, row),
                                                        .waiting = rows.Bool(row, "waiting")};
    }
    return there;
  }

  void Report(const std::string& trade_id, const std::string& what) {
    ++result_.differences;
    if (result_.examples.size() < kExamplesMax) {
      result_.examples.push_back(fmt::format("{}: {}", trade_id, what));
    }
  }

  postgres::Pool& pool_;
  CopyFile& file_;
  const State& state_;
  Comparison& result_;
};

}  // namespace

Result<Comparison> Compare(postgres::Pool& pool, CopyFile& file, const State& state, Duration pause,
                           const std::function<bool(int64_t, int64_t)>& on_rows, const Clock& clock) {
  const Error cancelled{Errc::kCancelled, "the comparison was stopped"};
  QUANTUM_TRY(const int64_t total, file.rows().Count());
  Comparison result;
  Comparer comparer(pool, file, state, result);
  for (int64_t after = kBeforeTheFirst;;) {
    QUANTUM_TRY(const std::vector<LegacyRow> rows, file.rows().Read(after, kPageRows));
    if (rows.empty()) {
      break;
    }
    QUANTUM_CHECK(comparer.TakeRows(rows));
    after = rows.back().rowid;
    if (!on_rows(result.rows, total)) {
      return cancelled;
    }
    fiber::SleepFor(pause);
  }
  for (std::string after;;) {
    QUANTUM_TRY(const Rows rows,
                pool.Query("SELECT trade_id FROM trades WHERE trade_id > $1 ORDER BY trade_id LIMIT $2",
                           {after, std::to_string(kPageRows)}, {.idempotent = true}));
    if (rows.empty()) {
      break;
    }
    std::vector<std::string> ids;
    for (size_t row = 0; row < rows.size(); ++row) {
      ids.emplace_back(rows.Text(row, "trade_id"));
    }
    after = ids.back();
    QUANTUM_CHECK(comparer.TakeTrades(std::move(ids)));
    if (!on_rows(result.rows, total)) {
      return cancelled;
    }
    fiber::SleepFor(pause);
  }
  result.at = clock.Now();
  return result;
}

}  // namespace quantum::tradestore
