#include "operator/postgres/switch_over.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "operator/bus/connect.h"
#include "operator/postgres/console.h"

namespace quantum::operate {

namespace {

constexpr std::chrono::seconds kPausePatience(5);

}  // namespace

Result<PlannedReport> SwitchOver(const PostgresAccess& access) {
  QUANTUM_TRY(PgBouncerConsole console, PgBouncerConsole::Open(access));
  QUANTUM_CHECK(InFiber([&](fiber::Loop& loop) -> Status {
    const ClusterReport cluster = ReadCluster(loop, access);
    return cluster.problems.empty()
               ? Status()
               : Error{Errc::kConflict, fmt::format("nothing was changed: {}", fmt::join(cluster.problems, "; "))};
  }));
  const SteadyTime begin = SystemClock().Steady();
  if (const Status paused = console.Pause(kPausePatience); !paused.ok()) {
    static_cast<void>(console.Resume());
    return Error{Errc::kConflict,
                 fmt::format("nothing was changed: what is under way does not end: {}", paused.error().message)};
  }
  PlannedReport report;
  Status resumed;
  const auto resume = [&] {
    if (report.held_back == Duration::zero()) {
      resumed = console.Resume();
      report.held_back = SystemClock().Steady() - begin;
    }
  };
  const Status changed = InFiber([&](fiber::Loop& loop) -> Status {
    QUANTUM_TRY(report.change, ChangePrimary(loop, access, true, resume));
    return {};
  });
  resume();
  QUANTUM_CHECK(changed);
  QUANTUM_CHECK(resumed);
  return report;
}

}  // namespace quantum::operate
