#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "operator/state/stage.h"

namespace quantum::operate {

namespace {

constexpr const char* kMaster = "redis-1";  // the first one; later the sentinels decide

Status RenderOnce(const std::string& from, const std::string& to, const Variables& variables, const Account* owner) {
  if (::access(to.c_str(), F_OK) == 0) {
    return {};
  }
  QUANTUM_TRY(const std::string text, ReadFile(from));
  QUANTUM_TRY(const Rendered rendered, Render(text, variables, from));
  QUANTUM_CHECK(WriteFileAtomically(to, rendered.text, 0600));
  if (owner != nullptr && ::chown(to.c_str(), owner->uid, owner->gid) != 0) {
    return Error{Errc::kInternal, fmt::format("giving {} to {}: {}", to, owner->name, std::strerror(errno))};
  }
  return {};
}

}  // namespace

Status RenderRedis(const Layout& layout, const std::string& infra, const Variables& variables,
                   const config::Manifest& manifest, const Accounts& accounts) {
  if (manifest.FindUnit(kMaster) == nullptr) {
    return {};
  }
  Variables all = variables;
  const std::string master_port = std::to_string(manifest.Port(kMaster));
  all.plain["REDIS_BIND"] = all.plain["SENTINEL_BIND"] = manifest.bind_address();
  all.plain["REDIS_ANNOUNCE_IP"] = all.plain["SENTINEL_ANNOUNCE_IP"] = manifest.bind_address();
  all.plain["REDIS_MASTER_NAME"] = "mymaster";
  all.plain["REDIS_MASTER_IP"] = manifest.bind_address();
  all.plain["REDIS_MASTER_PORT"] = master_port;
  all.plain["REDIS_MAXMEMORY"] = "512mb";
  all.secret["REDIS_SERVICE_PASSWORD"] = variables.secret.at("SECRET_REDIS_SERVICE");
  all.secret["REDIS_SENTINEL_PASSWORD"] = variables.secret.at("SECRET_REDIS_SENTINEL");
  all.secret["REDIS_REPLICATION_PASSWORD"] = variables.secret.at("SECRET_REDIS_REPLICATION");
  all.secret["REDIS_OPERATOR_PASSWORD"] = variables.secret.at("SECRET_REDIS_OPERATOR");
  all.secret["SENTINEL_PASSWORD"] = variables.secret.at("SECRET_SENTINEL_CLIENT");
  for (const config::Unit& unit : manifest.units()) {
    const bool node = unit.name.starts_with("redis-");
    if (!node && !unit.name.starts_with("sentinel-")) {
      continue;
    }
    const Account* owner = AccountOf(unit, accounts);
    const std::string folder = fmt::format("{}/{}", layout.Data(), unit.name);
    all.plain["REDIS_PORT"] = all.plain["SENTINEL_PORT"] = std::to_string(manifest.Port(unit.name));
    all.plain["REDIS_DIR"] = all.plain["SENTINEL_DIR"] = folder;
    all.plain["REDIS_ACL_FILE"] = folder + "/users.acl";
    all.plain["REDIS_REPLICAOF"] =
        unit.name == kMaster ? "" : fmt::format("replicaof {} {}", manifest.bind_address(), master_port);
    if (node) {
      QUANTUM_CHECK(RenderOnce(infra + "/redis/users.acl", folder + "/users.acl", all, owner));
      QUANTUM_CHECK(RenderOnce(infra + "/redis/redis.conf", folder + "/redis.conf", all, owner));
    } else {
      QUANTUM_CHECK(RenderOnce(infra + "/redis/sentinel.conf", folder + "/sentinel.conf", all, owner));
    }
  }
  return {};
}

}  // namespace quantum::operate
