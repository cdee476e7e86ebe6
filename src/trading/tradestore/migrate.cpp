#include "trading/tradestore/migrate.h"

#include <fmt/format.h>

#include <future>
#include <map>

#include "trading/tradestore/aside.h"
#include "trading/tradestore/columns.h"
#include "trading/tradestore/survey.h"

namespace quantum::tradestore {

namespace {

using postgres::Rows;
using postgres::Transaction;

constexpr size_t kPageRows = 5000;
constexpr Duration kPageMax = std::chrono::seconds(60);

struct Row {
  int64_t rowid = 0;
  Sorter::Sort sort = Sorter::Sort::kOdd;
  TradeRow trade;  // of one that is not odd
  AsideRow aside;  // as it stands in the file, with what is odd about it
};
struct Page {
  std::vector<Row> rows;
  postgres::Params arrays;  // of all its good rows, made where there is time for it
};

// A parameter for each of Columns().
postgres::Params ToArrays(std::span<const Row> rows) {
  postgres::Params arrays;
  std::vector<const std::optional<std::string>*> column;
  for (size_t i = 0; i < Columns().size(); ++i) {
    column.clear();
    for (const Row& row : rows) {
      if (row.sort == Sorter::Sort::kGood) {
        column.push_back(&row.trade[i]);
      }
    }
    arrays.emplace_back(ToArray(column));
  }
  return arrays;
}

std::string_view TypeOf(Kind kind) {
  switch (kind) {
    case Kind::kText:
      return "text";
    case Kind::kPrice:
    case Kind::kQuantity:
    case Kind::kMoney:
      return "numeric";
    case Kind::kInteger:
      return "integer";
    case Kind::kReal:
      return "double precision";
    case Kind::kTime:
      return "timestamptz";
    case Kind::kJson:
      return "jsonb";
  }
  return "text";
}

std::string InsertTrades() {
  std::string names;
  std::string arrays;
  for (size_t i = 0; i < Columns().size(); ++i) {
    names += fmt::format("{}{}", i == 0 ? "" : ", ", Columns()[i].name);
    arrays += fmt::format("{}${}::{}[]", i == 0 ? "" : ", ", i + 1, TypeOf(Columns()[i].kind));
  }
  return fmt::format("INSERT INTO trades ({}) SELECT * FROM unnest({})", names, arrays);
}

// By what it says itself, or since it is too long for an index (54000): no other try would do better.
bool IsRefusal(const Error& error) {
  return error.code == Errc::kInvalidArgument || error.message.starts_with("54000");
}

// Within one page; what stood on an earlier one is in Postgres.
Result<Page> ReadPage(LegacyFile& file, const State& state, int64_t after) {
  QUANTUM_TRY(const std::vector<LegacyRow> rows, file.Read(after, kPageRows));
  Sorter sorter(file.unknown_columns(), state.precisions);
  Page page;
  page.rows.reserve(rows.size());
  for (const LegacyRow& row : rows) {
    if (row.rowid > state.last_legacy_rowid) {
      break;
    }
    Sorter::Sorted sorted = sorter.Take(row);
    Row& taken = page.rows.emplace_back(Row{.rowid = row.rowid, .sort = sorted.sort, .trade = {}, .aside = {}});
    if (sorted.sort != Sorter::Sort::kOdd) {
      taken.trade = std::move(*sorted.converted.trade);
    } else if (sorted.sort == Sorter::Sort::kOdd) {
      taken.aside = ToAside(file, row, std::move(sorted.converted.reasons));
    }
  }
  page.arrays = ToArrays(page.rows);
  return page;
}

class Writer {
 public:
  Writer(postgres::Pool& owner, CopyFile& file, const State& state)
      : owner_(owner), file_(file), state_(state), cursor_(state.copied_rowid) {}

  // Whole, or where Postgres refuses something in it, in halves, until it is known which row that is.
  Status Write(Page& page) {
    page_ = page.rows;
    return Write(page.rows, &page.arrays);
  }

 private:
  // arrays: of these rows; null: they are to be made.
  Status Write(std::span<Row> page, const postgres::Params* arrays) {
    const Status written = WriteOnce(page, arrays);
    if (written.ok() || !IsRefusal(written.error())) {
      return written;
    }
    if (page.size() > 1) {
      QUANTUM_CHECK(Write(page.first(page.size() / 2), nullptr));
      return Write(page.subspan(page.size() / 2), nullptr);
    }
    if (page.front().sort != Sorter::Sort::kGood) {
      return written;
    }
    // And what repeats it, which would else be the only one of its kind.
    const std::string id = *page.front().trade.front();
    for (Row& row : page_) {
      if (row.sort != Sorter::Sort::kOdd && row.trade.front() == id) {
        QUANTUM_CHECK(PutAside(row, "Postgres refuses it: " + written.error().message));
      }
    }
    return WriteOnce(page, nullptr);
  }

  Status WriteOnce(std::span<Row> page, const postgres::Params* arrays) {
    return owner_.Transact(
        [&](Transaction& transaction) -> Status {
          QUANTUM_CHECK(InsertGood(transaction, page, arrays));
          std::vector<AsideRow> aside;
          int64_t good = 0;
          for (const Row& row : page) {
            if (row.sort == Sorter::Sort::kOdd) {
              aside.push_back(row.aside);
            }
            good += row.sort == Sorter::Sort::kGood ? 1 : 0;
          }
          if (!aside.empty()) {
            const postgres::Statement insert = InsertAside(state_, aside);
            QUANTUM_CHECK(transaction.Query(insert.sql, insert.params));
          }
          const auto odd = static_cast<int64_t>(aside.size());
          QUANTUM_TRY(
              const Rows moved,
              transaction.Query(
                  "UPDATE tradestore SET copied_rowid = $2, good = good + $3, repeated = repeated + $4, odd = odd + $5 "
                  "WHERE phase = 'COPYING' AND copied_rowid = $1",
                  {std::to_string(cursor_), std::to_string(page.back().rowid), std::to_string(good),
                   std::to_string(static_cast<int64_t>(page.size()) - good - odd), std::to_string(odd)}));
          if (moved.affected() != 1) {
            return Error{Errc::kConflict, "another migration runs, or this one was rolled back"};
          }
          transaction.AfterCommit([this, last = page.back().rowid] { cursor_ = last; });
          return {};
        },
        {.timeout = kPageMax});
  }

  // A row that was there before is a repeat from now on, or with other contents odd.
  Status InsertGood(Transaction& transaction, std::span<Row> page, const postgres::Params* arrays) {
    postgres::Params made = arrays == nullptr ? ToArrays(page) : *arrays;
    QUANTUM_TRY(const Rows there, transaction.Query("SELECT " + SelectTradeRow() + FromWanted(), {made.front()}));
    std::map<std::string_view, size_t> before;
    for (size_t i = 0; i < there.size(); ++i) {
      before[there.Text(i, "trade_id")] = i;
    }
    for (Row& row : page) {
      const auto found = row.sort == Sorter::Sort::kGood ? before.find(*row.trade.front()) : before.end();
      if (found == before.end()) {
        continue;
      }
      const TradeRow stands = ReadTradeRow(there, found->second);
      if (SameTrade(stands, row.trade) && SameLegacy(stands, row.trade)) {
        row.sort = Sorter::Sort::kRepeated;
      } else {
        QUANTUM_CHECK(PutAside(row, "trade_id: stands in Postgres with other contents"));
      }
    }
    if (!before.empty()) {
      made = ToArrays(page);
    }
    QUANTUM_CHECK(transaction.Query(InsertTrades(), std::move(made)));
    return {};
  }

  Status PutAside(Row& row, std::string reason) {
    QUANTUM_TRY(const std::vector<LegacyRow> rows, file_.rows().Select("WHERE rowid = ?1", {row.rowid}));
    if (rows.empty()) {
      return Error{Errc::kInternal, fmt::format("row {} of the copy is gone", row.rowid)};
    }
    row.sort = Sorter::Sort::kOdd;
    row.aside = ToAside(file_.rows(), rows.front(), {std::move(reason)});
    return {};
  }

  postgres::Pool& owner_;
  CopyFile& file_;
  const State& state_;
  int64_t cursor_;
  std::span<Row> page_;
};

}  // namespace

Status CopyRows(postgres::Pool& owner, CopyFile& file, State state, const OnRows& on_rows) {
  // A connection of its own for the thread that reads.
  QUANTUM_TRY(LegacyFile reader, LegacyFile::Open(state.file));
  QUANTUM_TRY(const int64_t total, reader.Count());
  const auto read = [&](int64_t after) {
    return std::async(std::launch::async, [&reader, &state, after] { return ReadPage(reader, state, after); });
  };
  Writer writer(owner, file, state);
  int64_t done = state.good + state.repeated + state.odd;
  std::future<Result<Page>> next = read(state.copied_rowid);
  while (true) {
    Result<Page> page = next.get();
    QUANTUM_CHECK(page);
    if (page->rows.empty()) {
      return {};
    }
    next = read(page->rows.back().rowid);
    QUANTUM_CHECK(writer.Write(*page));
    done += static_cast<int64_t>(page->rows.size());
    on_rows(done, total);
  }
}

}  // namespace quantum::tradestore
