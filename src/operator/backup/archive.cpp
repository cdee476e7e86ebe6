#include "operator/backup/archive.h"

#include <fmt/format.h>

#include "operator/bus/connect.h"
#include "platform/config/secrets.h"

namespace quantum::operate {

namespace {

using namespace std::chrono_literals;

constexpr Duration kArchiveMax = 90s;
constexpr Duration kLookAgain = 200ms;

}  // namespace

Result<Duration> AwaitArchived(postgres::Pool& pool, const std::string& segment) {
  const SteadyTime begin = SystemClock().Steady();
  std::string last;
  while (SystemClock().Steady() - begin < kArchiveMax) {
    const auto rows = pool.Query("SELECT last_archived_wal FROM pg_stat_archiver", {}, {.idempotent = true});
    // Names of segments sort as they follow each other; a history file of a new timeline sorts among them.
    if (rows.ok() && rows->Text(0, "last_archived_wal") >= segment) {
      return SystemClock().Steady() - begin;
    }
    last =
        rows.ok() ? fmt::format("the newest there is '{}'", rows->Text(0, "last_archived_wal")) : rows.error().message;
    fiber::SleepFor(kLookAgain);
  }
  return Error{Errc::kTimeout,
               fmt::format("the segment {} of the log is not in the archive after {} s ({}): the log of "
                           "the primary says why (./quantum postgres, ./quantum logs postgres-N --output)",
                           segment, kArchiveMax / 1s, last)};
}

Status FlushLog(const Running& running) {
  postgres::PoolOptions options;
  options.host = running.manifest.AddressOf("haproxy");
  options.port = running.manifest.Port("haproxy");
  options.user = "postgres";
  options.database = "postgres";
  options.connections_max = 1;
  QUANTUM_TRY(options.password, config::ReadSecret(running.layout.Secrets(), config::kPostgresSuperuser));
  return InFiber([&](fiber::Loop& loop) -> Status {
    postgres::Pool pool(loop, options);
    QUANTUM_TRY(const postgres::Rows rows, pool.Query("SELECT pg_walfile_name(pg_switch_wal()) AS segment", {},
                                                      {.timeout = 5s, .idempotent = true}));
    const auto archived = AwaitArchived(pool, std::string(rows.Text(0, "segment")));
    return archived.ok() ? Status() : Status(archived.error());
  });
}

}  // namespace quantum::operate
