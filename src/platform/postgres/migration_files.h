#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"

namespace quantum::postgres {

struct Migration {
  int64_t version = 0;  // NNNN of the file name, 1 or more
  std::string name;     // "NNNN_name"
  std::string sql;
  std::string checksum;  // SHA-256 of the file, hexadecimal
};

// A row of schema_migrations.
struct AppliedMigration {
  int64_t version = 0;
  std::string name;
  std::string checksum;
};

// The NNNN_name.sql files of a directory by version. Anything else that ends in .sql is refused, and so are two files
// of one version. Other files are ignored.
Result<std::vector<Migration>> ReadMigrations(const std::string& directory);

// Those of `files` that are to be applied. Refused: an applied file that is missing or has changed, and a new file with
// a version below one that is applied. Both lists are in order of version.
Result<std::vector<Migration>> PendingMigrations(const std::vector<Migration>& files,
                                                 const std::vector<AppliedMigration>& applied);

std::string Sha256(std::string_view text);

}  // namespace quantum::postgres
