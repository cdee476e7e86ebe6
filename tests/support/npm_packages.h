#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

// For tests against programs of npm's. A folder of the source tree pins them: package.json and package-lock.json.
namespace quantum::testing {

// Installs what the folder pins, once for a build, with npm's cache and no scripts: the directory that has
// node_modules. Empty when it cannot be done; what npm said is on standard output.
std::filesystem::path InstallNpmPackages(const std::string& folder);

// The same for a test, which is skipped when it cannot be done; or failed, with QUANTUM_REQUIRE_NPM=1 in the
// environment. The caller returns when it is empty.
inline std::filesystem::path NpmPackages(const std::string& folder) {
  const std::filesystem::path directory = InstallNpmPackages(folder);
  const auto miss = [&folder] {
    const char* const required = std::getenv("QUANTUM_REQUIRE_NPM");
    if (required != nullptr && std::string_view(required) == "1") {
      FAIL() << "npm could not install what " << folder << " pins, and QUANTUM_REQUIRE_NPM asks for it";
    }
    GTEST_SKIP() << "npm could not install what " << folder
                 << " pins (Node.js 20 and a registry are needed); what it said stands above";
  };
  if (directory.empty()) {
    miss();
  }
  return directory;
}

}  // namespace quantum::testing
