#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "operator/state/stage.h"

namespace quantum::operate {

namespace {

constexpr std::string_view kNodePrefix = "postgres-";

// Of each node, rendered to etc/<unit>/; one holds passwords.
constexpr const char* kNodeFiles[] = {"patroni.yml", "postgresql.conf", "pg_hba.conf", "pgbackrest.conf"};

}  // namespace

bool IsPostgresNode(const config::Unit& unit) { return unit.name.starts_with(kNodePrefix); }

bool IsOfPostgresNode(const std::string& relative) {
  for (const char* file : kNodeFiles) {
    if (relative == fmt::format("postgres/{}", file)) {
      return true;
    }
  }
  return false;
}

Status CheckOneNodeBefore(const Layout& layout, const config::Manifest& manifest) {
  const std::string before = layout.Data() + "/postgres/PG_VERSION";
  if (manifest.FindUnit("postgres-1") == nullptr || ::access(before.c_str(), F_OK) != 0) {
    return {};
  }
  return Error{Errc::kConflict,
               fmt::format("{}/postgres holds the database of an earlier version, which ran one node: docs/runbook.md, "
                           "\"From one node to two\", moves it in three commands",
                           layout.Data())};
}

bool HasData(const Layout& layout, const config::Unit& node) {
  return ::access(fmt::format("{}/{}/data/PG_VERSION", layout.Data(), node.name).c_str(), F_OK) == 0;
}

// Without its section on how a new database begins a node without data waits for one that has some, instead of making a
// new, empty one first.
std::string WithoutBootstrap(std::string patroni) {
  const size_t begin = patroni.find("\nbootstrap:\n");
  const size_t end = patroni.find("\npostgresql:\n");
  return begin == std::string::npos || end == std::string::npos ? patroni : patroni.erase(begin, end - begin);
}

Status RenderPostgres(const Layout& layout, const std::string& infra, const Variables& variables,
                      const config::Manifest& manifest, const Accounts& accounts) {
  const auto postgres = accounts.find(kPostgresUser);
  const Account* const reader = postgres == accounts.end() ? nullptr : &postgres->second;
  const bool has_nodes = std::any_of(manifest.units().begin(), manifest.units().end(), IsPostgresNode);
  if (has_nodes) {
    // Of the programs that make and try backups: libpq wants it to be theirs alone.
    const FileOwner owner = reader != nullptr ? FileOwner{reader->uid, reader->gid} : FileOwner{};
    QUANTUM_CHECK(WriteFileAtomically(
        layout.Data() + "/backup/pgpass",
        fmt::format("*:*:*:postgres:{}\n", variables.secret.at("SECRET_POSTGRES_SUPERUSER")), 0600, owner));
  }
  const bool has_data = std::any_of(manifest.units().begin(), manifest.units().end(), [&](const config::Unit& unit) {
    return IsPostgresNode(unit) && HasData(layout, unit);
  });
  for (const config::Unit& unit : manifest.units()) {
    if (!IsPostgresNode(unit)) {
      continue;
    }
    const bool waits = has_data && !HasData(layout, unit);
    const std::string folder = fmt::format("{}/{}", layout.Etc(), unit.name);
    QUANTUM_CHECK(MakeFolder(folder, 0755, nullptr));
    Variables own = variables;
    own.plain["NODE"] = unit.name;
    own.plain["PG_PORT"] = std::to_string(manifest.Port(unit.name));
    own.plain["PATRONI_PORT"] = std::to_string(manifest.Port(unit.name, "rest"));
    own.plain["PG_DATA_DIR"] = fmt::format("{}/{}/data", layout.Data(), unit.name);
    own.plain["PG_CONFIG_DIR"] = folder;
    own.plain["PG_SOCKET_DIR"] = own.plain["PG_RUN_DIR"] = fmt::format("{}/{}", layout.Run(), unit.name);
    for (const char* file : kNodeFiles) {
      const std::string from = fmt::format("{}/postgres/{}", infra, file);
      QUANTUM_TRY(const std::string text, ReadFile(from));
      QUANTUM_TRY(Rendered rendered, Render(text, own, from));
      rendered.text = waits ? WithoutBootstrap(std::move(rendered.text)) : std::move(rendered.text);
      const bool shared = rendered.has_secret && reader != nullptr;
      const FileOwner owner{.gid = shared ? reader->gid : ::getegid()};
      QUANTUM_CHECK(WriteFileAtomically(fmt::format("{}/{}", folder, file), rendered.text,
                                        shared                ? 0640
                                        : rendered.has_secret ? 0600
                                                              : 0644,
                                        owner));
    }
  }
  return {};
}

}  // namespace quantum::operate
