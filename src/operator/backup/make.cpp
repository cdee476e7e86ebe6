#include "operator/backup/make.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <filesystem>

#include "operator/bus/connect.h"
#include "operator/postgres/cluster.h"
#include "operator/state/disk.h"
#include "operator/state/stage.h"

namespace quantum::operate {

Result<PgBackRest> OfPrimary(const Running& running) {
  QUANTUM_TRY(const PostgresAccess access, FindPostgres(running));
  ClusterReport cluster;
  QUANTUM_CHECK(InFiber([&](fiber::Loop& loop) -> Status {
    cluster = ReadCluster(loop, access);
    return {};
  }));
  if (!cluster.primary) {
    return Error{Errc::kUnavailable, fmt::format("there is no primary: {}", fmt::join(cluster.problems, "; "))};
  }
  return PgBackRest::Of(running, cluster.nodes[*cluster.primary].name);
}

Result<std::string> MakeDump(const Running& running) {
  QUANTUM_TRY(const PgBackRest program, OfPrimary(running));
  const std::string folder = running.layout.Data() + "/backup/logical";
  QUANTUM_CHECK(MakeFolder(folder, 0700, program.account()));
  std::string file = fmt::format("{}/quantum_trader-{}.dump", folder, FormatIso8601(SystemClock().Now()).substr(0, 19));
  QUANTUM_CHECK(program.RunScript({running.layout.Etc() + "/postgres/backup.sh", "logical", file},
                                  {{"PG_HOST", running.manifest.AddressOf("haproxy")},
                                   {"PG_PORT", std::to_string(running.manifest.Port("haproxy"))}}));
  return file;
}

int PercentIn(const std::string& line) {
  const size_t end = line.find("%)");
  const size_t begin = end == std::string::npos ? end : line.rfind(' ', end);
  return begin == std::string::npos ? -1 : std::atoi(line.c_str() + begin);
}

namespace {

// pgBackRest says of a full disk now and then that it cannot write, and nothing else.
Error WithDisk(Error error, const std::string& folder) {
  constexpr uint64_t kNearlyFull = 64 << 20;
  if (!std::filesystem::exists(folder)) {
    return error;  // it is elsewhere
  }
  const uint64_t free = FreeBytes(folder);
  if (error.message.find("unable to write") != std::string::npos && free < kNearlyFull) {
    return {Errc::kExhausted,
            fmt::format("the disk of {} is full ({} MB free): {}", folder, free >> 20, error.message)};
  }
  return error;
}

}  // namespace

Result<BackupSet> MakeBackup(const Running& running, const std::string& type, const OnProgress& on_progress) {
  QUANTUM_TRY(const PgBackRest program, OfPrimary(running));
  int shown = -1;
  const Status made =
      program.Run({"--log-level-console=detail", "--type=" + type, "backup"}, [&](const std::string& line) {
        if (const int percent = PercentIn(line); percent > shown && on_progress) {
          shown = percent;
          on_progress(percent);
        }
      });
  if (!made.ok()) {
    return WithDisk(made.error(), running.layout.Data() + "/backup/repository/backup/quantum");
  }
  QUANTUM_TRY(const RepositoryInfo info, program.Info());
  if (info.sets.empty()) {
    return Error{Errc::kInternal, "pgBackRest says that it made a backup, and the repository has none"};
  }
  if (info.sets.back().failed_checksums) {
    return Error{Errc::kInternal, fmt::format("the backup {} was made, but pages of the database have wrong checksums: "
                                              "its disk is damaged; see log/backup.out",
                                              info.sets.back().label)};
  }
  return info.sets.back();
}

}  // namespace quantum::operate
