#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "operator/state/layout.h"
#include "platform/config/manifest.h"

// Where backups and the archive of the log go: the section `backups` of the manifest.
//
//   backups:
//     repository: s3                            # local (default), s3 or azure
//     endpoint: s3.eu-central-1.amazonaws.com   # HOST or HOST:PORT, by TLS
//     bucket: desk-backups                      # s3; azure: account and container
//     region: eu-central-1                      # s3
//     path: /quantum
//     path_style: false                         # true: the bucket stands in the path, not in the host's name
//     ca_file: ""                               # whose certificates are trusted; empty: the system's
//     key_exported: true                        # secrets/backup-cipher has been copied to another place
namespace quantum::operate {

struct Repository {
  enum class Kind { kLocal, kS3, kAzure } kind = Kind::kLocal;
  std::string host;
  int port = 443;
  std::string bucket;   // s3
  std::string region;   // s3
  std::string account;  // azure
  std::string container;
  std::string path;
  bool path_style = false;
  std::string ca_file;
  bool key_exported = false;
};

// kInvalidArgument names the key and the line.
Result<Repository> ReadRepository(const config::Manifest& manifest);

// The names of the secrets by which it is reached; they come from who runs it, and are never made up.
std::vector<std::string_view> SecretsOf(const Repository& repository);

// pgBackRest's options for it, a line each. `secrets`: the values of SecretsOf, by name.
std::string RepositoryOptions(const Repository& repository, const Layout& layout,
                              const std::map<std::string, std::string, std::less<>>& secrets);

}  // namespace quantum::operate
