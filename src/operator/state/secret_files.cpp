#include "operator/state/secret_files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <vector>

#include "operator/state/repository.h"
#include "platform/config/secrets.h"

namespace quantum::operate {

namespace {

// A file that a server keeps and that was made with the secret: losing the secret does not change what is in there.
struct Bound {
  std::string_view units;  // the beginning of their names; empty: `file` lies in data/ itself
  std::string_view file;
  bool in_clear = false;   // the secret can be read there
  bool or_hashed = false;  // or a digest of it ("#…"), once Redis has written the file itself
};
constexpr Bound kAcl{.units = "redis-", .file = "users.acl", .in_clear = true, .or_hashed = true};
constexpr Bound kNode{.units = "redis-", .file = "redis.conf", .in_clear = true};
constexpr Bound kSentinel{.units = "sentinel-", .file = "sentinel.conf", .in_clear = true};
constexpr Bound kRepository{.units = "", .file = "backup/repository/backup/quantum/backup.info"};
constexpr Bound kDatabase{.units = "postgres-", .file = "data/PG_VERSION"};

struct Secret {
  std::string_view name;
  std::vector<Bound> bound = {};
  bool of_exchange = false;
  bool of_owner = false;  // of the one who runs the platform, who must give it
};

const std::vector<Secret>& Secrets() {
  static const std::vector<Secret> all = {
      {config::kOperatorToken},
      {config::kServiceToken},
      {config::kRedisService, {kAcl}},
      {config::kRedisSentinel, {kAcl, kSentinel}},
      {config::kRedisReplication, {kAcl, kNode}},
      {config::kRedisOperator, {kAcl}},
      {config::kSentinelClient, {kSentinel}},
      {config::kPostgresSuperuser, {kDatabase}},
      {config::kPostgresOwner},  // pg-roles sets these anew at every start
      {config::kPostgresService},
      {config::kPostgresReplication},
      {config::kPatroniApi},
      {config::kBackupCipher, {kRepository}},
      {config::kExchangeKey, {}, true},
      {config::kExchangeSecret, {}, true},
      {config::kExchangeFaultToken},
      {config::kPgBouncerAdmin},
      {"pgbouncer-stats"},
  };
  return all;
}

constexpr std::string_view kPaperPrefix = "paper-";  // tells a generated key from one that Binance gave out

struct Kept {
  std::string path;
  bool in_clear = false;
};

// The files that there are.
std::vector<std::string> FilesOf(const Layout& layout, const config::Manifest& manifest, const Bound& bound) {
  std::vector<std::string> files;
  if (bound.units.empty()) {
    files.push_back(fmt::format("{}/{}", layout.Data(), bound.file));
  } else {
    for (const config::Unit& unit : manifest.units()) {
      if (unit.name.starts_with(bound.units)) {
        files.push_back(fmt::format("{}/{}/{}", layout.Data(), unit.name, bound.file));
      }
    }
  }
  std::erase_if(files, [](const std::string& file) { return ::access(file.c_str(), F_OK) != 0; });
  return files;
}

std::optional<Kept> FindKept(const Layout& layout, const config::Manifest& manifest, const Secret& secret) {
  for (const Bound& bound : secret.bound) {
    if (const auto files = FilesOf(layout, manifest, bound); !files.empty()) {
      return Kept{.path = files.front(), .in_clear = bound.in_clear};
    }
  }
  return std::nullopt;
}

std::string VariableOf(std::string_view name) {
  std::string variable(name);
  std::transform(variable.begin(), variable.end(), variable.begin(),
                 [](unsigned char c) { return c == '-' ? '_' : static_cast<char>(std::toupper(c)); });
  return variable;
}

Error Lost(const std::string& path, const Kept& kept) {
  return {Errc::kConflict,
          fmt::format("the secret {} is gone, and {} was made with it: restore it{}; a new one would not "
                      "be what the server knows (docs/runbook.md, Secrets)",
                      path, kept.path, kept.in_clear ? " (it stands in that file)" : "")};
}

// Whether a server that keeps the file would know the secret; true when the file cannot tell.
Result<bool> Agrees(const Bound& bound, const std::string& file, const std::string& secret) {
  constexpr std::string_view kNeverQuoted = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~+/=-";
  if (!bound.in_clear || secret.find_first_not_of(kNeverQuoted) != std::string::npos) {
    return true;
  }
  QUANTUM_TRY(const std::string text, ReadFile(file));
  return text.find(secret) != std::string::npos || (bound.or_hashed && text.find(" #") != std::string::npos);
}

Error Asked(const std::string& path, std::string_view name, config::Mode mode) {
  return {Errc::kNotFound, fmt::format("mode {} trades with keys of your own: write the {} that Binance gave you to {} "
                                       "(mode 0600), or name its file by {}_FILE",
                                       config::ToString(mode), name, path, VariableOf(name))};
}

class Preparer {
 public:
  Preparer(const Layout& layout, const config::Manifest& manifest, const Accounts& accounts)
      : layout_(layout), manifest_(manifest) {
    if (const auto service = accounts.find(kServiceUser); service != accounts.end()) {
      owner_ = {service->second.uid, service->second.gid};
    }
  }

  Result<std::string> Prepare(const Secret& secret) const {
    const std::string path = fmt::format("{}/{}", layout_.Secrets(), secret.name);
    std::optional<std::string> stored;
    if (auto text = config::ReadSecretFile(path); text.ok()) {
      stored = std::move(text).value();
    } else if (text.error().code != Errc::kNotFound) {
      return text.error();
    }
    if (const auto given = config::GivenSecretPath(secret.name)) {
      return Take(secret, path, *given, stored);
    }
    if (stored && secret.of_exchange && trades_elsewhere() && stored->starts_with(kPaperPrefix)) {
      return Asked(path, secret.name, manifest_.mode());
    }
    if (!stored) {
      return Generate(secret, path);
    }
    QUANTUM_CHECK(CheckAgrees(secret, path, *stored));
    return Keep(path, *stored);
  }

 private:
  Status CheckAgrees(const Secret& secret, const std::string& path, const std::string& text) const {
    for (const Bound& bound : secret.bound) {
      for (const std::string& file : FilesOf(layout_, manifest_, bound)) {
        QUANTUM_TRY(const bool agrees, Agrees(bound, file, text));
        if (!agrees) {
          return Error{Errc::kConflict,
                       fmt::format("the secret {} is not the one that {} was made with: restore it (it "
                                   "stands in that file; docs/runbook.md, Secrets)",
                                   path, file)};
        }
      }
    }
    return {};
  }

  bool trades_elsewhere() const { return manifest_.mode() != config::Mode::kPaper; }

  // Written by hand, it may still belong to who wrote it.
  Result<std::string> Keep(const std::string& path, const std::string& text) const {
    if (owner_.uid != static_cast<uid_t>(-1) && ::lchown(path.c_str(), owner_.uid, owner_.gid) != 0) {
      return Error{Errc::kInternal, fmt::format("{} cannot be given to the user {}", path, kServiceUser)};
    }
    return text;
  }

  Result<std::string> Take(const Secret& secret, const std::string& path, const std::string& given,
                           const std::optional<std::string>& stored) const {
    QUANTUM_TRY(std::string text, config::ReadSecretFile(given));
    if (const auto kept = FindKept(layout_, manifest_, secret); kept && stored && stored != text) {
      return Error{Errc::kConflict,
                   fmt::format("{}_FILE names another secret than {}, which {} was made with: leave it "
                               "out, or change the password first (docs/runbook.md, Secrets)",
                               VariableOf(secret.name), path, kept->path)};
    }
    QUANTUM_CHECK(CheckAgrees(secret, given, text));
    if (stored == text) {
      return Keep(path, text);
    }
    QUANTUM_CHECK(WriteFileAtomically(path, text + "\n", 0600, owner_));
    return text;
  }

  Result<std::string> Generate(const Secret& secret, const std::string& path) const {
    if (const auto kept = FindKept(layout_, manifest_, secret)) {
      return Lost(path, *kept);
    }
    if (secret.of_exchange && trades_elsewhere()) {
      return Asked(path, secret.name, manifest_.mode());
    }
    if (secret.of_owner) {
      return Error{Errc::kNotFound,
                   fmt::format("a remote repository of backups wants the secret {0} of you{3}: write it to {1} (mode "
                               "0600), or name its file by {2}_FILE",
                               secret.name, path, VariableOf(secret.name),
                               secret.name == config::kBackupCipher
                                   ? " (openssl rand -hex 32 makes one; keep a copy in a safe place)"
                                   : "")};
    }
    QUANTUM_TRY(std::string text, config::GenerateSecret());
    text.insert(0, secret.of_exchange ? kPaperPrefix : "");
    QUANTUM_CHECK(WriteFileAtomically(path, text + "\n", 0600, owner_));
    return text;
  }

  const Layout& layout_;
  const config::Manifest& manifest_;
  FileOwner owner_;
};

// Where the backups are out of the house, their key must be too: they are needed when this machine is lost.
Status CheckExported(const Layout& layout, const Repository& repository) {
  if (repository.kind == Repository::Kind::kLocal || repository.key_exported ||
      config::GivenSecretPath(config::kBackupCipher)) {
    return {};
  }
  return Error{Errc::kInvalidArgument,
               fmt::format("nobody can read the backups of a remote repository without {}/{}, and when this machine is "
                           "lost that file is lost with it: see that there is a copy in a safe place, then say so by "
                           "key_exported: true in the manifest's section backups",
                           layout.Secrets(), config::kBackupCipher)};
}

Result<std::string> PrepareRepository(const Layout& layout, const Repository& repository, const Preparer& preparer) {
  QUANTUM_CHECK(CheckExported(layout, repository));
  std::map<std::string, std::string, std::less<>> secrets;
  for (const std::string_view name : SecretsOf(repository)) {
    QUANTUM_TRY(secrets[std::string(name)], preparer.Prepare({.name = name, .of_owner = true}));
  }
  return RepositoryOptions(repository, layout, secrets);
}

}  // namespace

Result<Variables> PrepareSecrets(const Layout& layout, const config::Manifest& manifest, const Accounts& accounts) {
  Variables variables;
  const Preparer preparer(layout, manifest, accounts);
  QUANTUM_TRY(const Repository repository, ReadRepository(manifest));
  for (Secret secret : Secrets()) {
    secret.of_owner = secret.name == config::kBackupCipher && repository.kind != Repository::Kind::kLocal;
    QUANTUM_TRY(variables.secret["SECRET_" + VariableOf(secret.name)], preparer.Prepare(secret));
  }
  QUANTUM_TRY(variables.secret["SECRET_BACKUP_REPOSITORY"], PrepareRepository(layout, repository, preparer));
  return variables;
}

}  // namespace quantum::operate
