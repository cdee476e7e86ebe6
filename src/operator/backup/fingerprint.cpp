#include "operator/backup/fingerprint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace quantum::operate {

namespace {

using namespace std::chrono_literals;

constexpr Duration kReadMax = 1h;

constexpr const char* kTables =
    "SELECT format('%I', relname) AS name FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = "
    "'public'::regnamespace ORDER BY 1";

Result<std::vector<std::string>> Tables(postgres::Transaction& transaction) {
  QUANTUM_TRY(const postgres::Rows rows, transaction.Query(kTables));
  std::vector<std::string> tables;
  for (size_t row = 0; row < rows.size(); ++row) {
    tables.emplace_back(rows.Text(row, "name"));
  }
  return tables;
}

Status BeginSnapshot(postgres::Transaction& transaction) {
  const auto set = transaction.Query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
  const auto first = set.ok() ? transaction.Query("SELECT 1") : set;  // takes the snapshot
  return first.ok() ? Status() : Status(first.error());
}

Status SetPoint(postgres::Transaction& transaction, Mark& mark) {
  QUANTUM_TRY(const postgres::Rows rows,
              transaction.Query("SELECT pg_walfile_name(pg_create_restore_point($1)) AS segment", {mark.name}));
  mark.segment = rows.Text(0, "segment");
  mark.time = SystemClock().Now();
  return {};
}

}  // namespace

Result<Fingerprint> TakeFingerprint(postgres::Transaction& transaction) {
  QUANTUM_TRY(const std::vector<std::string> tables, Tables(transaction));
  Fingerprint fingerprint;
  for (const std::string& table : tables) {
    QUANTUM_TRY(const postgres::Rows rows,
                transaction.Query(fmt::format(
                    "SELECT count(*) AS rows, coalesce(sum(hashtextextended(each::text, 0)::numeric), 0)::text AS hash "
                    "FROM public.{} AS each",
                    table)));
    fingerprint[table] = {.rows = rows.Int(0, "rows"), .hash = std::string(rows.Text(0, "hash"))};
  }
  return fingerprint;
}

std::vector<std::string> Differences(const Fingerprint& expected, const Fingerprint& found) {
  std::vector<std::string> all;
  for (const auto& [table, wanted] : expected) {
    const auto there = found.find(table);
    if (there == found.end()) {
      all.push_back(fmt::format("the table {} is missing ({} rows)", table, wanted.rows));
    } else if (there->second.rows != wanted.rows) {
      all.push_back(fmt::format("the table {} has {} rows instead of {}", table, there->second.rows, wanted.rows));
    } else if (there->second != wanted) {
      all.push_back(fmt::format("the table {} has other rows, {} as well", table, wanted.rows));
    }
  }
  for (const auto& [table, there] : found) {
    if (!expected.contains(table)) {
      all.push_back(fmt::format("the table {} ({} rows) should not be there", table, there.rows));
    }
  }
  return all;
}

Result<Mark> SetMark(fiber::Loop& loop, const postgres::PoolOptions& owner, const std::string& name) {
  Mark mark{.name = name};
  postgres::Pool locks(loop, owner);
  postgres::Pool reads(loop, owner);
  fiber::Event locked;
  fiber::Event marked;
  fiber::Event over;
  Status read;
  bool lock_held = false;
  loop.Spawn([&] {
    locked.Wait();
    read = !lock_held ? Status()
                      : reads.Transact(
                            [&](postgres::Transaction& transaction) -> Status {
                              QUANTUM_CHECK(BeginSnapshot(transaction));
                              QUANTUM_CHECK(SetPoint(transaction, mark));
                              marked.Set();
                              QUANTUM_TRY(mark.content, TakeFingerprint(transaction));
                              return {};
                            },
                            {.timeout = kReadMax});
    marked.Set();
    over.Set();
  });
  const Status held = locks.Transact(
      [&](postgres::Transaction& transaction) -> Status {
        QUANTUM_TRY(const std::vector<std::string> tables, Tables(transaction));
        const auto limit = transaction.Query("SET LOCAL lock_timeout = '2s'");
        QUANTUM_CHECK(limit.ok() ? Status() : Status(limit.error()));
        const auto lock =
            transaction.Query(fmt::format("LOCK TABLE public.{} IN SHARE MODE", fmt::join(tables, ", public.")));
        QUANTUM_CHECK(lock.ok() ? Status() : Status(lock.error()));
        lock_held = true;
        locked.Set();
        marked.Wait();
        return {};
      },
      {.timeout = 30s});
  locked.Set();
  over.Wait();
  QUANTUM_CHECK(held);
  QUANTUM_CHECK(read);
  return mark;
}

}  // namespace quantum::operate
