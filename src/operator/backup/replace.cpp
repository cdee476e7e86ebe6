#include "operator/backup/replace.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "operator/bus/connect.h"
#include "operator/bus/streams.h"
#include "operator/state/stage.h"
#include "operator/supervisor/halt.h"
#include "operator/supervisor/leftovers.h"
#include "operator/supervisor/local_fleet.h"

namespace quantum::operate {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

using namespace std::chrono_literals;

constexpr Duration kMargin = 5s;  // before the last commit: what was being handled then
constexpr auto kServersGoneMax = 60s;
constexpr const char* kDoor = "pgbouncer";
// Numbers that somebody may have seen and the copy does not know of: more than an hour of the busiest desk takes.
constexpr const char* kJump =
    "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, coalesce(last_value, start_value) + 1000000) "
    "FROM pg_sequences WHERE schemaname = 'public'";

std::string MovesFile(const Layout& layout) { return layout.Data() + "/replacement.json"; }

using Moves = std::vector<std::pair<std::string, std::string>>;

Status WriteMoves(const Layout& layout, const Moves& moves) {
  json::array list;
  for (const auto& [from, to] : moves) {
    list.push_back({{"from", from}, {"to", to}});
  }
  QUANTUM_CHECK(WriteFileAtomically(MovesFile(layout), json::serialize(list) + "\n", 0600));
  return SyncDirectory(layout.Data());
}

Result<Moves> ReadMoves(const Layout& layout) {
  const auto text = ReadFile(MovesFile(layout));
  if (!text.ok()) {
    return text.error().code == Errc::kNotFound ? Result<Moves>(Moves{}) : Result<Moves>(text.error());
  }
  try {
    Moves moves;
    const json::value list = json::parse(*text);
    for (const json::value& each : list.as_array()) {
      moves.emplace_back(json::value_to<std::string>(each.at("from")), json::value_to<std::string>(each.at("to")));
    }
    return moves;
  } catch (const std::exception& exception) {
    return Error{Errc::kInternal, fmt::format("{} is damaged ({}): docs/runbook.md, \"Restoring\", says what to move",
                                              MovesFile(layout), exception.what())};
  }
}

// Those that use the database, the last one to start first; then the database itself.
std::vector<std::string> UnitsToStop(const config::Manifest& manifest) {
  std::vector<std::string> names;
  for (const config::Unit& unit : manifest.units()) {
    const bool door_or_data =
        unit.name == kDoor || unit.name == "haproxy" || unit.name == "etcd" || IsPostgresNode(unit);
    if (unit.kind == config::Unit::Kind::kService || door_or_data) {
      names.push_back(unit.name);
    }
  }
  std::reverse(names.begin(), names.end());
  return names;
}

bool DependsOn(const config::Unit& unit, std::string_view name) {
  return std::find(unit.depends.begin(), unit.depends.end(), name) != unit.depends.end();
}

Status StartAgain(LocalFleet& fleet, const config::Manifest& manifest, const std::vector<std::string>& stopped) {
  for (const config::Unit& unit : manifest.units()) {
    const bool task_of_database = unit.kind == config::Unit::Kind::kTask && !unit.schedule.set() &&
                                  (DependsOn(unit, "haproxy") || DependsOn(unit, "pg-roles"));
    if (task_of_database || std::find(stopped.begin(), stopped.end(), unit.name) != stopped.end()) {
      const Status started = fleet.Start(unit.name);
      if (!started.ok()) {
        return started.error().Within(fmt::format("starting {} after the restore", unit.name));
      }
    }
  }
  return {};
}

// The copy went on with a log of its own, on a timeline that the archive does not know: without its history nobody
// could be restored past this moment, and the next copy would begin the same timeline again. What is marked ready is
// archived by the primary that the copy becomes.
Status MarkForArchive(const Restored& restored) {
  const std::string timeline = restored.log_end.substr(0, 8);
  const fs::path log = fs::path(restored.data) / "pg_wal";
  struct stat owner {};
  if (timeline.empty() || ::stat(log.c_str(), &owner) != 0) {
    return {};
  }
  for (const auto& entry : fs::directory_iterator(log)) {
    const std::string name = entry.path().filename().string();
    const bool segment = name.size() == restored.log_end.size() && name <= restored.log_end;
    if (!name.starts_with(timeline) || !(segment || name == timeline + ".history")) {
      continue;
    }
    QUANTUM_CHECK(WriteFileAtomically((log / "archive_status" / (name + ".ready")).string(), "", 0600,
                                      FileOwner{owner.st_uid, owner.st_gid}));
  }
  return {};
}

// Patroni that was killed leaves its Postgres behind: its folder may not be moved away under it.
Status AwaitServersGone(const Running& running) {
  const auto until = std::chrono::steady_clock::now() + kServersGoneMax;
  while (true) {
    const std::vector<Leftover> left = Leftovers(running.layout, running.manifest);
    if (left.empty()) {
      return {};
    }
    for (const Leftover& server : left) {
      ::kill(server.process.pid, SIGINT);
    }
    if (std::chrono::steady_clock::now() >= until) {
      return Error{
          Errc::kTimeout,
          fmt::format("Postgres of {} (pid {}) does not stop; nothing was moved, ./quantum start brings back what "
                      "is stopped",
                      left.front().unit, left.front().process.pid)};
    }
    std::this_thread::sleep_for(100ms);
  }
}

// How many were set back.
Result<int> ReplayGroups(redis::Client& client, const Running& running, const std::string& from) {
  QUANTUM_TRY(const std::vector<StreamState> streams, ReadStreams(client));
  int replayed = 0;
  for (const StreamState& stream : streams) {
    for (const GroupState& group : stream.groups) {
      const std::string unit = group.name.substr(0, group.name.rfind("-service"));
      const config::Unit* const service = running.manifest.FindUnit(unit);
      if (service == nullptr || !DependsOn(*service, kDoor)) {
        continue;  // its effects are not in this database
      }
      const Status back = ReplayGroup(client, stream.family, group.name, from);
      if (!back.ok() && back.error().code != Errc::kInvalidArgument) {  // it has not read so far yet
        return back.error().Within(fmt::format("setting {} of {} back", group.name, stream.family));
      }
      replayed += back.ok() ? 1 : 0;
    }
  }
  return replayed;
}

}  // namespace

Status MarkRestored(postgres::Pool& copy, const std::string& label, WallTime restored_to) {
  const std::string from = std::to_string(ToUnixMs(restored_to - kMargin));
  return copy.Transact(
      [&](postgres::Transaction& transaction) -> Status {
        const auto jumped = transaction.Query(kJump);
        QUANTUM_CHECK(jumped.ok() ? Status() : Status(jumped.error()));
        const auto noted = transaction.Query(
            "INSERT INTO restores (restored_at, restored_to, backup, replay_from) VALUES (now(), $1::timestamptz, $2, "
            "$3)",
            {FormatIso8601(restored_to), label, from});
        return noted.ok() ? Status() : Status(noted.error());
      },
      {.timeout = 1min});
}

Status CheckReplaceable(const Running& running, const std::string& folder) {
  fs::path there = folder;
  while (!fs::exists(there)) {
    there = there.parent_path();
  }
  struct stat copy {};
  ::stat(there.c_str(), &copy);
  for (const config::Unit& unit : running.manifest.units()) {
    struct stat node {};
    const std::string data = fmt::format("{}/{}", running.layout.Data(), unit.name);
    if (IsPostgresNode(unit) && ::stat(data.c_str(), &node) == 0 && node.st_dev != copy.st_dev) {
      return Error{
          Errc::kInvalidArgument,
          fmt::format("{} is on another disk than {}: a copy that is to take the place of the database has to be "
                      "on the same one",
                      folder, data)};
    }
  }
  return {};
}

Result<bool> FinishReplacement(const Layout& layout) {
  QUANTUM_TRY(const Moves moves, ReadMoves(layout));
  if (moves.empty()) {
    return false;
  }
  for (const auto& [from, to] : moves) {
    std::error_code error;
    if (from == moves.back().first && fs::exists(from, error) && fs::exists(to, error)) {
      return Error{Errc::kConflict,
                   fmt::format("{} is to take the place of {}, which is not empty: move one of them away", from, to)};
    }
    if (fs::exists(from, error) && !fs::exists(to, error)) {
      fs::rename(from, to, error);
      if (error) {
        return Error{Errc::kInternal, fmt::format("moving {} to {}: {}", from, to, error.message())};
      }
      QUANTUM_CHECK(SyncDirectory(fs::path(to).parent_path().string()));
    }
  }
  std::error_code error;
  fs::remove(MovesFile(layout), error);
  QUANTUM_CHECK(SyncDirectory(layout.Data()));
  return true;
}

Result<Replaced> ReplaceDatabase(const Running& running, const Restored& restored,
                                 const std::function<void(const std::string&)>& on_step) {
  const Layout& layout = running.layout;
  Replaced replaced{.kept = "before-" + FormatIso8601(SystemClock().Now()).substr(0, 19)};
  QUANTUM_CHECK(HaltEntries(layout, "the database was restored from " + restored.label, SystemClock().Now()));
  LocalFleet fleet(layout);
  const SteadyTime begin = SystemClock().Steady();
  const std::vector<std::string> stopped = UnitsToStop(running.manifest);
  on_step("stopping what uses the database, and the database");
  for (const std::string& unit : stopped) {
    const Status gone = fleet.Stop(unit);
    if (!gone.ok()) {
      return gone.error().Within(
          fmt::format("stopping {}; nothing was moved, ./quantum start brings back what is stopped", unit));
    }
  }
  QUANTUM_CHECK(AwaitServersGone(running));
  QUANTUM_CHECK(MarkForArchive(restored));
  on_step("moving the old data aside and the copy into its place");
  Moves moves{{layout.Data() + "/etcd/data", fmt::format("{}/etcd/{}", layout.Data(), replaced.kept)}};
  std::string first;
  for (const config::Unit& unit : running.manifest.units()) {
    if (IsPostgresNode(unit)) {
      const std::string node = fmt::format("{}/{}", layout.Data(), unit.name);
      moves.emplace_back(node + "/data", fmt::format("{}/{}", node, replaced.kept));
      first = first.empty() ? node : first;
    }
  }
  moves.emplace_back(restored.data, first + "/data");
  QUANTUM_CHECK(WriteMoves(layout, moves));
  QUANTUM_CHECK(FinishReplacement(layout));
  on_step("starting again");
  QUANTUM_CHECK(StartAgain(fleet, running.manifest, stopped));
  replaced.without = SystemClock().Steady() - begin;
  return replaced;
}

Result<int> ReplayAfterRestore(fiber::Loop& loop, postgres::Pool& owner, const Running& running) {
  QUANTUM_TRY(const postgres::Rows rows,
              owner.Query("SELECT min(replay_from::bigint)::text AS replay_from FROM restores "
                          "WHERE groups_replayed_at IS NULL",
                          {}, {.idempotent = true}));
  if (rows.IsNull(0, "replay_from")) {
    return 0;
  }
  int replayed = 0;
  const auto& units = running.manifest.units();
  if (std::any_of(units.begin(), units.end(),
                  [](const config::Unit& unit) { return unit.name.starts_with("redis-"); })) {
    QUANTUM_TRY(const RedisAccess access, FindRedis(running));
    redis::Client client(loop, access.options);
    QUANTUM_TRY(replayed, ReplayGroups(client, running, std::string(rows.Text(0, "replay_from")) + "-0"));
  }
  const auto done = owner.Query("UPDATE restores SET groups_replayed_at = now() WHERE groups_replayed_at IS NULL", {},
                                {.idempotent = true});
  QUANTUM_CHECK(done.ok() ? Status() : Status(done.error()));
  return replayed;
}

}  // namespace quantum::operate
