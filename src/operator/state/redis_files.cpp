#include <fmt/format.h>
#include <unistd.h>

#include <sstream>

#include "operator/state/stage.h"

namespace quantum::operate {

namespace {

constexpr const char* kMaster = "redis-1";  // the first one; later the sentinels decide

FileOwner OwnerOf(const Account* account) {
  return account != nullptr ? FileOwner{account->uid, account->gid} : FileOwner{};
}

Status RenderOnce(const std::string& from, const std::string& to, const Variables& variables, const Account* owner) {
  if (::access(to.c_str(), F_OK) == 0) {
    return {};
  }
  QUANTUM_TRY(const std::string text, ReadFile(from));
  QUANTUM_TRY(const Rendered rendered, Render(text, variables, from));
  return WriteFileAtomically(to, rendered.text, 0600, OwnerOf(owner));
}

// A program, as it is, and anew each time: nobody but us writes it.
Status CopyProgram(const std::string& from, const std::string& to, const Account* owner) {
  QUANTUM_TRY(const std::string text, ReadFile(from));
  return WriteFileAtomically(to, text, 0700, OwnerOf(owner));
}

// The value of the last line "KEY VALUE" of a configuration; empty when there is none.
std::string ValueOf(const std::string& text, std::string_view key) {
  std::istringstream lines(text);
  std::string value;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    std::string next;
    if (words >> word >> next && word == key) {
      value = next;
    }
  }
  return value;
}

// Nodes and sentinels write each other's addresses into their files: moving one alone would tear them apart.
Status CheckKept(const std::string& path, const std::string& port) {
  auto text = ReadFile(path);
  if (!text.ok()) {
    return text.error().code == Errc::kNotFound ? Status() : Status(text.error());
  }
  const std::string kept = ValueOf(*text, "port");
  if (kept == port) {
    return {};
  }
  return Error{Errc::kConflict,
               fmt::format("{} was made for port {} and the manifest now says {} (offset included): give back the port "
                           "or the --port-offset it was started with first, or begin another platform with --state DIR",
                           path, kept, port)};
}

// The configuration of a node or a sentinel; empty for any other unit.
std::string FileOf(const Layout& layout, const config::Unit& unit) {
  const bool node = unit.name.starts_with("redis-");
  return node || unit.name.starts_with("sentinel-")
             ? fmt::format("{}/{}/{}", layout.Data(), unit.name, node ? "redis.conf" : "sentinel.conf")
             : "";
}

}  // namespace

Status CheckRedisPorts(const Layout& layout, const config::Manifest& manifest) {
  for (const config::Unit& unit : manifest.units()) {
    if (const std::string file = FileOf(layout, unit); !file.empty() && unit.port != 0) {
      QUANTUM_CHECK(CheckKept(file, std::to_string(manifest.Port(unit.name))));
    }
  }
  return {};
}

Status RenderRedis(const Layout& layout, const std::string& infra, const Variables& variables,
                   const config::Manifest& manifest, const Accounts& accounts) {
  if (manifest.FindUnit(kMaster) == nullptr) {
    return {};
  }
  QUANTUM_CHECK(CheckRedisPorts(layout, manifest));
  Variables all = variables;
  const std::string address = manifest.AddressOf(kMaster);
  const std::string master_port = std::to_string(manifest.Port(kMaster));
  all.plain["REDIS_BIND"] = all.plain["SENTINEL_BIND"] = address;
  all.plain["REDIS_ANNOUNCE_IP"] = all.plain["SENTINEL_ANNOUNCE_IP"] = address;
  all.plain["REDIS_MASTER_NAME"] = "mymaster";
  all.plain["REDIS_MASTER_IP"] = address;
  all.plain["REDIS_MASTER_PORT"] = master_port;
  all.plain["REDIS_MAXMEMORY"] = "512mb";
  all.secret["REDIS_SERVICE_PASSWORD"] = variables.secret.at("SECRET_REDIS_SERVICE");
  all.secret["REDIS_SENTINEL_PASSWORD"] = variables.secret.at("SECRET_REDIS_SENTINEL");
  all.secret["REDIS_REPLICATION_PASSWORD"] = variables.secret.at("SECRET_REDIS_REPLICATION");
  all.secret["REDIS_OPERATOR_PASSWORD"] = variables.secret.at("SECRET_REDIS_OPERATOR");
  all.secret["SENTINEL_PASSWORD"] = variables.secret.at("SECRET_SENTINEL_CLIENT");
  for (const config::Unit& unit : manifest.units()) {
    const std::string file = FileOf(layout, unit);
    if (file.empty()) {
      continue;
    }
    const bool node = file.ends_with("redis.conf");
    const Account* owner = AccountOf(unit, accounts);
    const std::string folder = fmt::format("{}/{}", layout.Data(), unit.name);
    all.plain["REDIS_PORT"] = all.plain["SENTINEL_PORT"] = std::to_string(manifest.Port(unit.name));
    all.plain["REDIS_DIR"] = all.plain["SENTINEL_DIR"] = folder;
    all.plain["REDIS_ACL_FILE"] = folder + "/users.acl";
    all.plain["REDIS_REPLICAOF"] = unit.name == kMaster ? "" : fmt::format("replicaof {} {}", address, master_port);
    if (node) {
      QUANTUM_CHECK(RenderOnce(infra + "/redis/users.acl", folder + "/users.acl", all, owner));
    } else {
      QUANTUM_CHECK(CopyProgram(infra + "/redis/on-event.sh", folder + "/on-event.sh", owner));
    }
    QUANTUM_CHECK(
        RenderOnce(fmt::format("{}/redis/{}", infra, node ? "redis.conf" : "sentinel.conf"), file, all, owner));
  }
  return {};
}

}  // namespace quantum::operate
