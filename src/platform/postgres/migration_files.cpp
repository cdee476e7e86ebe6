#include "platform/postgres/migration_files.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace quantum::postgres {

namespace {

constexpr size_t kDigits = 4;

// "0007_orders" → 7; nothing when the name has another form.
int64_t VersionOf(std::string_view stem) {
  int64_t version = 0;
  if (stem.size() < kDigits + 2 || stem[kDigits] != '_') {
    return 0;
  }
  const auto parsed = std::from_chars(stem.data(), stem.data() + kDigits, version);
  return parsed.ec == std::errc() && parsed.ptr == stem.data() + kDigits ? version : 0;
}

}  // namespace

std::string Sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  QUANTUM_ASSERT(EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr) == 1);
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) {
    hex += fmt::format("{:02x}", digest[i]);
  }
  return hex;
}

Result<std::vector<Migration>> ReadMigrations(const std::string& directory) {
  std::error_code failed;
  std::vector<Migration> migrations;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) {
    if (entry.path().extension() != ".sql") {
      continue;
    }
    Migration migration;
    migration.name = entry.path().stem().string();
    migration.version = VersionOf(migration.name);
    if (migration.version <= 0) {
      return Error{Errc::kInvalidArgument,
                   fmt::format("migration {}: the name must be NNNN_name.sql, from 0001 on", entry.path().string())};
    }
    std::ifstream file(entry.path(), std::ios::binary);
    migration.sql.assign(std::istreambuf_iterator<char>(file), {});
    if (!file.is_open() || file.bad()) {
      return Error{Errc::kInvalidArgument, fmt::format("cannot read the migration {}", entry.path().string())};
    }
    migration.checksum = Sha256(migration.sql);
    migrations.push_back(std::move(migration));
  }
  if (failed) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("cannot read the migrations' directory {}: {}", directory, failed.message())};
  }
  std::ranges::sort(migrations, {}, &Migration::version);
  const auto same = std::ranges::adjacent_find(migrations, {}, &Migration::version);
  if (same != migrations.end()) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("migrations {} and {} have the same number: renumber the newer one", same->name,
                             std::next(same)->name)};
  }
  return migrations;
}

Result<std::vector<Migration>> PendingMigrations(const std::vector<Migration>& files,
                                                 const std::vector<AppliedMigration>& applied) {
  std::vector<Migration> pending = files;
  for (const AppliedMigration& done : applied) {
    const auto file = std::ranges::find(pending, done.version, &Migration::version);
    if (file == pending.end()) {
      return Error{
          Errc::kConflict,
          fmt::format("migration {} is applied but its file is missing: restore it, or use the program's version "
                      "that has it",
                      done.name)};
    }
    if (file->checksum != done.checksum || file->name != done.name) {
      return Error{Errc::kConflict,
                   fmt::format("migration {} has changed since it was applied as {}: restore the file and "
                               "put the change into a new one",
                               file->name, done.name)};
    }
    pending.erase(file);
  }
  if (!applied.empty() && !pending.empty() && pending.front().version < applied.back().version) {
    return Error{Errc::kConflict, fmt::format("migration {} is new but {} is applied already: give it a higher number",
                                              pending.front().name, applied.back().name)};
  }
  return pending;
}

}  // namespace quantum::postgres
