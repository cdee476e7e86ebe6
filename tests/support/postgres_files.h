#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/process.h"

// What PostgresServer and PostgresCluster have in common: the files of infra/postgres, filled in for a test.
namespace quantum::testing::postgres_files {

using Variables = std::vector<std::pair<std::string, std::string>>;

inline constexpr const char* kUser = "postgres";  // that the servers run as, where root started the test
inline constexpr const char* kServicePassword = "test-password-of-quantum";
inline constexpr const char* kOwnerPassword = "test-password-of-owner";
inline constexpr const char* kSuperuserPassword = "test-password-of-superuser";

std::filesystem::path Infra();  // infra/postgres of the checkout

// To the user postgres, if root started the test; else nothing changes.
void GiveTo(const std::filesystem::path& path);
// A directory of mode 0700, given likewise.
std::filesystem::path MakeDirectory(const std::filesystem::path& path);
// infra/postgres/NAME with its ${VARIABLES} replaced, in this directory; given likewise.
void Render(const std::string& name, const std::filesystem::path& directory, const Variables& variables);
// A server that runs as kUser; what it says is appended to `output`.
std::unique_ptr<Process> Serve(std::vector<std::string> command, const std::filesystem::path& output);
// Runs a task of bootstrap.sh with these variables in its environment; what it says goes to `output`. Throws when it
// fails.
void Bootstrap(const std::string& task, const Variables& variables, const std::filesystem::path& output);

}  // namespace quantum::testing::postgres_files
