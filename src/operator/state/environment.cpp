#include "operator/state/environment.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace quantum::operate {

namespace {

constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr const char* kLoopback = "127.0.0.1";

std::string VariableName(std::string_view prefix, std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return c == '-' ? '_' : static_cast<char>(std::toupper(c)); });
  return fmt::format("{}{}", prefix, name);
}

std::string CallerName() {
  const passwd* entry = ::getpwuid(::geteuid());
  return entry != nullptr ? entry->pw_name : std::to_string(::geteuid());
}

// https://console.example,https://b.example → ~^(https://console\.example|…)$ for nginx' map.
std::string OriginAlternation(const std::vector<std::string>& origins) {
  std::string alternation;
  for (const std::string& origin : origins) {
    alternation += alternation.empty() ? "" : "|";
    for (const char c : origin) {
      if (std::string_view(".+*?()[]{}^$|\\\"").find(c) != std::string_view::npos) {
        alternation += '\\';
      }
      alternation += c;
    }
  }
  return alternation;
}

}  // namespace

Result<Accounts> FindAccounts(const config::Manifest& manifest, bool create) {
  Accounts accounts;
  if (::geteuid() != 0) {
    return accounts;
  }
  if (create) {
    QUANTUM_TRY(accounts[kServiceUser], EnsureSystemUser(kServiceUser));
  } else {
    QUANTUM_TRY(accounts[kServiceUser], FindAccount(kServiceUser));
  }
  for (const config::Unit& unit : manifest.units()) {
    if (!unit.user.empty() && !accounts.contains(unit.user)) {
      auto account = FindAccount(unit.user);
      if (!account.ok()) {
        return account.error().Within(fmt::format("{}:{}: unit {}", manifest.path(), unit.line, unit.name));
      }
      accounts[unit.user] = std::move(account).value();
    }
  }
  return accounts;
}

const Account* AccountOf(const config::Unit& unit, const Accounts& accounts) {
  const auto found = accounts.find(unit.user);
  return unit.user.empty() || found == accounts.end() ? nullptr : &found->second;
}

Variables PlainVariables(const Layout& layout, const config::Manifest& manifest) {
  const bool root = ::geteuid() == 0;
  Variables variables;
  auto& plain = variables.plain;
  plain["VARIABLES"] = "${VARIABLES}";  // the files' own comments speak of them
  plain["STATE_DIR"] = layout.root;
  plain["BIN"] = layout.Bin();
  plain["ETC"] = layout.Etc();
  plain["DATA"] = layout.Data();
  plain["LOG"] = layout.Log();
  plain["RUN"] = layout.Run();
  plain["SECRETS"] = layout.Secrets();
  plain["BIND"] = config::InUrl(manifest.bind_address());
  plain["HOST"] = kLoopback;
  plain["PG_BIN"] = kPostgresPrograms;
  plain["SERVICE_USER"] = root ? kServiceUser : CallerName();
  plain["POSTGRES_USER"] = root ? kPostgresUser : CallerName();
  plain["NGINX_USER_DIRECTIVE"] = root ? fmt::format("user {};", kServiceUser) : "";
  config::Section limits = manifest.Top("limits");
  plain["CORS_ORIGINS"] = OriginAlternation(limits.GetStrings("cors_origins", {}));
  for (const config::Unit& unit : manifest.units()) {
    if (unit.kind == config::Unit::Kind::kService) {
      plain["HOST"] = config::InUrl(manifest.AddressOf(unit.name));  // of one as of all
    }
    if (unit.port != 0) {
      plain[VariableName("PORT_", unit.name)] = std::to_string(manifest.Port(unit.name));
    }
    for (const auto& [name, port] : unit.ports) {
      plain[VariableName("PORT_", unit.name + "-" + name)] = std::to_string(port + manifest.port_offset());
    }
  }
  // infra/postgres speaks of itself in these names.
  const auto port = [&](const char* unit, const char* name = "") {
    return manifest.FindUnit(unit) != nullptr ? std::to_string(manifest.Port(unit, name)) : std::string("0");
  };
  plain["PG_SHARED_BUFFERS"] = "128MB";
  plain["PATRONI_INITDB_SYNC"] = "";
  plain["PG_UPSTREAM_HOST"] = kLoopback;
  plain["PG_UPSTREAM_PORT"] = port("haproxy");
  plain["PG_READ_PORT"] = plain["HAPROXY_READ_PORT"] = port("haproxy", "read");
  plain["PGBOUNCER_PORT"] = port("pgbouncer");
  plain["PGBOUNCER_CONFIG_DIR"] = layout.Etc() + "/postgres";
  plain["ETCD_NAME"] = "etcd";
  plain["ETCD_DATA_DIR"] = layout.Data() + "/etcd/data";
  plain["ETCD_KEYS_DIR"] = layout.Data() + "/etcd/keys";
  plain["ETCD_PORT"] = port("etcd");
  plain["ETCD_PEER_PORT"] = port("etcd", "peer");
  plain["ETCD_METRICS_PORT"] = port("etcd", "metrics");
  plain["ETCD_HOSTS"] = fmt::format("{}:{}", kLoopback, plain["ETCD_PORT"]);
  plain["HAPROXY_PORT"] = port("haproxy");
  plain["HAPROXY_SOCKET"] = layout.Run() + "/haproxy/admin.sock";
  std::string& nodes = plain["HAPROXY_SERVERS"];
  for (const config::Unit& unit : manifest.units()) {
    if (unit.name.starts_with("postgres-")) {
      nodes += fmt::format("  server {} {}:{} check port {}\n", unit.name, kLoopback, manifest.Port(unit.name),
                           manifest.Port(unit.name, "rest"));
    }
  }
  return variables;
}

std::string OriginsOverride(const config::Manifest& manifest) {
  config::Section limits = manifest.Top("limits");
  std::vector<std::string> origins = limits.GetStrings("cors_origins", {});
  if (manifest.FindUnit("gateway") != nullptr) {
    const int port = manifest.Port("gateway");
    const std::vector<std::string> allowed = limits.GetStrings("allowed_hosts", {});
    std::set<std::string> hosts(allowed.begin(), allowed.end());
    hosts.insert({config::InUrl(manifest.AddressOf("gateway")), "localhost"});
    for (const std::string& host : hosts) {
      // Browsers leave the default port out.
      origins.push_back(port == 80 ? "http://" + host : fmt::format("http://{}:{}", host, port));
    }
  }
  return fmt::format("limits.cors_origins=[\"{}\"]", fmt::join(origins, "\", \""));
}

Result<ProcessSpec> UnitProcess(const Layout& layout, const Launch& launch, const config::Manifest& manifest,
                                const config::Unit& unit, const Accounts& accounts) {
  Variables variables = PlainVariables(layout, manifest);
  variables.plain["UNIT"] = unit.name;
  const std::string origin = fmt::format("{}:{}: unit {}", manifest.path(), unit.line, unit.name);
  ProcessSpec spec;
  for (const std::string& argument : unit.command) {
    QUANTUM_TRY(std::string text, RenderPlain(argument, variables, origin));
    spec.command.push_back(std::move(text));
  }
  spec.environment = launch.environment;
  for (const auto& [key, value] : unit.environment) {
    QUANTUM_TRY(spec.environment[key], RenderPlain(value, variables, origin));
  }
  std::string overrides;
  for (const std::string& each : launch.overrides) {
    overrides += overrides.empty() ? "" : "\n";
    overrides += each;
  }
  spec.environment.insert({{"PATH", kPath},
                           {"HOME", layout.root},
                           {"LANG", "C.UTF-8"},
                           {"TZ", "UTC"},
                           {"QUANTUM_MANIFEST", layout.ManifestFile()},
                           {"QUANTUM_OVERRIDES", overrides},
                           {"QUANTUM_PORT_OFFSET", std::to_string(launch.port_offset)},
                           {"QUANTUM_STATE_DIR", layout.root}});
  spec.account = AccountOf(unit, accounts);
  spec.output_path = layout.UnitOutput(unit.name);
  spec.directory = "/";
  return spec;
}

}  // namespace quantum::operate
