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

bool HasNode(int version);  // of this major version or later

// The same for a test, which is skipped when it cannot be done; or failed, with QUANTUM_REQUIRE_NPM=1 in the
// environment. It is also skipped where there is no Node.js of this version: Debian 12's own is 18. The caller returns
// when it is empty.
inline std::filesystem::path NpmPackages(const std::string& folder, int node_version = 18) {
  std::filesystem::path directory;
  const auto install = [&] {
    if (!HasNode(node_version)) {
      GTEST_SKIP() << folder << " needs Node.js " << node_version;
    }
    directory = InstallNpmPackages(folder);
    const char* const required = std::getenv("QUANTUM_REQUIRE_NPM");
    if (directory.empty() && required != nullptr && std::string_view(required) == "1") {
      FAIL() << "npm could not install what " << folder << " pins, and QUANTUM_REQUIRE_NPM asks for it";
    }
    if (directory.empty()) {
      GTEST_SKIP() << "npm could not install what " << folder << " pins; what it said stands above";
    }
  };
  install();
  return directory;
}

}  // namespace quantum::testing
