#include "operator/backup/trial.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "operator/backup/archive.h"
#include "operator/bus/connect.h"
#include "operator/postgres/access.h"
#include "platform/base/id.h"

namespace quantum::operate {

namespace {

double Seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

Status Prove(const Running& running, const RestoreSteps& steps, TrialRecord& record) {
  QUANTUM_TRY(const postgres::PoolOptions owner, OwnerOptions(running));
  const std::string name = "quantum-" + NewUuid(SystemClock(), SystemRandom());
  Mark mark;
  steps.on_step("setting a mark in the database");
  QUANTUM_CHECK(InFiber([&](fiber::Loop& loop) -> Status {
    QUANTUM_TRY(mark, SetMark(loop, owner, name));
    steps.on_step("waiting until the archive has it");
    postgres::Pool pool(loop, owner);
    QUANTUM_TRY([[maybe_unused]] const Duration waited, AwaitArchived(pool, mark.segment));
    record.recovery_point_seconds = Seconds(SystemClock().Now() - mark.time);
    return {};
  }));
  const std::string folder = running.layout.Data() + "/backup/trial";
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);  // of one that was killed
  const auto restored = RestoreBeside(running, {.kind = RestoreTarget::Kind::kPoint, .name = name}, folder, steps);
  std::filesystem::remove_all(folder, ignored);
  QUANTUM_CHECK(restored.ok() ? Status() : Status(restored.error()));
  record.label = restored->label;
  record.recovery_seconds = Seconds(restored->copied + restored->replayed);
  const std::vector<std::string> differences = Differences(mark.content, restored->content);
  return differences.empty()
             ? Status()
             : Error{Errc::kInternal, fmt::format("what was restored differs: {}", fmt::join(differences, "; "))};
}

}  // namespace

Result<TrialRecord> TryRestore(const Running& running, const RestoreSteps& steps) {
  TrialRecord record;
  const Status proven = Prove(running, steps, record);
  record.ended = SystemClock().Now();
  record.error = proven.ok() ? "" : proven.error().message;
  QUANTUM_CHECK(Keep(running.layout, record));
  return record;
}

}  // namespace quantum::operate
