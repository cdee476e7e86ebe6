#include "operator/state/repository.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>

#include "platform/config/secrets.h"

namespace quantum::operate {

namespace {

constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";

// A value that stands in a line of pgBackRest's configuration.
std::string Plain(config::Section& section, const char* key, const std::string& fallback) {
  std::string value = section.GetString(key, fallback);
  if (value.empty()) {
    section.Complain(key, "is missing");
  } else if (value.find_first_not_of(kPlain) != std::string::npos) {
    section.Complain(key, fmt::format("expected letters, digits and . _ - /, found '{}'", value));
  }
  return value;
}

void ReadEndpoint(config::Section& section, const std::string& fallback, Repository& repository) {
  const std::string endpoint = section.GetString("endpoint", fallback);
  const size_t colon = endpoint.find(':');
  repository.host = endpoint.substr(0, colon);
  const std::string port = colon == std::string::npos ? "443" : endpoint.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), repository.port);
  if (repository.host.empty() || repository.host.find_first_not_of(kPlain) != std::string::npos ||
      error != std::errc() || end != port.data() + port.size() || repository.port < 1 || repository.port > 65535) {
    section.Complain("endpoint", fmt::format("expected HOST or HOST:PORT, found '{}'", endpoint));
  }
}

}  // namespace

Result<Repository> ReadRepository(const config::Manifest& manifest) {
  config::Section section = manifest.Top("backups");
  Repository repository;
  const std::string kind = section.GetChoice("repository", "local", {"local", "s3", "azure"});
  if (kind == "local") {
    QUANTUM_CHECK(section.Finish());
    return repository;
  }
  if (kind == "s3") {
    repository.kind = Repository::Kind::kS3;
    ReadEndpoint(section, "", repository);
    repository.bucket = Plain(section, "bucket", "");
    repository.region = Plain(section, "region", "");
  } else {
    repository.kind = Repository::Kind::kAzure;
    ReadEndpoint(section, "blob.core.windows.net", repository);
    repository.account = Plain(section, "account", "");
    repository.container = Plain(section, "container", "");
  }
  repository.path = Plain(section, "path", "/quantum");
  repository.path_style = section.GetBool("path_style", false);
  repository.ca_file = section.GetString("ca_file", "");
  repository.key_exported = section.GetBool("key_exported", false);
  if (!repository.ca_file.empty() && ::access(repository.ca_file.c_str(), R_OK) != 0) {
    section.Complain("ca_file", fmt::format("{} cannot be read", repository.ca_file));
  }
  QUANTUM_CHECK(section.Finish());
  return repository;
}

std::vector<std::string_view> SecretsOf(const Repository& repository) {
  switch (repository.kind) {
    case Repository::Kind::kLocal:
      return {};
    case Repository::Kind::kS3:
      return {config::kBackupS3Key, config::kBackupS3Secret};
    case Repository::Kind::kAzure:
      return {config::kBackupAzureKey};
  }
  return {};
}

std::string RepositoryOptions(const Repository& repository, const Layout& layout,
                              const std::map<std::string, std::string, std::less<>>& secrets) {
  if (repository.kind == Repository::Kind::kLocal) {
    return fmt::format("repo1-path={}/backup/repository", layout.Data());
  }
  const char* const style = repository.path_style ? "path" : "host";
  std::string lines;
  if (repository.kind == Repository::Kind::kS3) {
    lines = fmt::format(
        "repo1-type=s3\nrepo1-s3-bucket={}\nrepo1-s3-endpoint={}\nrepo1-s3-region={}\nrepo1-s3-uri-style={}\n"
        "repo1-s3-key={}\nrepo1-s3-key-secret={}\n",
        repository.bucket, repository.host, repository.region, style, secrets.at(std::string(config::kBackupS3Key)),
        secrets.at(std::string(config::kBackupS3Secret)));
  } else {
    lines = fmt::format(
        "repo1-type=azure\nrepo1-azure-account={}\nrepo1-azure-container={}\nrepo1-azure-endpoint={}\n"
        "repo1-azure-uri-style={}\nrepo1-azure-key={}\n",
        repository.account, repository.container, repository.host, style,
        secrets.at(std::string(config::kBackupAzureKey)));
  }
  lines += fmt::format("repo1-storage-port={}\nrepo1-path={}", repository.port, repository.path);
  return repository.ca_file.empty() ? lines : lines + "\nrepo1-storage-ca-file=" + repository.ca_file;
}

}  // namespace quantum::operate
