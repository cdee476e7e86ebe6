#include "operator/backup/make.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>

#include "operator/bus/connect.h"
#include "operator/postgres/cluster.h"

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

int PercentIn(const std::string& line) {
  const size_t end = line.find("%)");
  const size_t begin = end == std::string::npos ? end : line.rfind(' ', end);
  return begin == std::string::npos ? -1 : std::atoi(line.c_str() + begin);
}

Result<BackupSet> MakeBackup(const Running& running, const std::string& type, const OnProgress& on_progress) {
  QUANTUM_TRY(const PgBackRest program, OfPrimary(running));
  int shown = -1;
  QUANTUM_CHECK(program.Run({"--log-level-console=detail", "--type=" + type, "backup"}, [&](const std::string& line) {
    if (const int percent = PercentIn(line); percent > shown && on_progress) {
      shown = percent;
      on_progress(percent);
    }
  }));
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
