#include "tests/support/npm_packages.h"

#include <fmt/format.h>

#include <cstdio>
#include <map>

#include "tests/support/checkout/checkout.h"
#include "tests/support/process.h"

namespace quantum::testing {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// True when it has ended well; otherwise what it said is printed.
bool Succeeds(const std::vector<std::string>& command) {
  const TemporaryDirectory directory("npm");
  const fs::path output = directory.path() / "output";
  try {
    Process process({.command = command, .output = output});
    const bool ended = Eventually(180s, [&] { return !process.Running(); });
    if (ended && process.Stop() == 0) {
      return true;
    }
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
  }
  std::printf("%s: %s\n", command.front().c_str(), ReadFile(output).c_str());
  return false;
}

fs::path Install(const std::string& folder) {
  const fs::path from = checkout::SourceDirectory() + "/" + folder;
  const fs::path to = checkout::BinaryDirectory() + "/" + fs::path(folder).filename().string();
  fs::create_directories(to);
  for (const char* file : {"package.json", "package-lock.json"}) {
    fs::copy_file(from / file, to / file, fs::copy_options::update_existing);
  }
  const fs::path done = to / "node_modules/.package-lock.json";
  if (fs::exists(done) && fs::last_write_time(done) >= fs::last_write_time(to / "package-lock.json")) {
    return to;
  }
  const bool installed = Succeeds(
      {"npm", "ci", "--prefix", to.string(), "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"});
  return installed ? to : fs::path();
}

}  // namespace

bool HasNode(int version) {
  return Succeeds({"node", "-e", fmt::format("process.exit(parseInt(process.versions.node) < {} ? 1 : 0)", version)});
}

fs::path InstallNpmPackages(const std::string& folder) {
  static std::map<std::string, fs::path> known;
  const auto found = known.find(folder);
  return found != known.end() ? found->second : known.emplace(folder, Install(folder)).first->second;
}

}  // namespace quantum::testing
