#include <gmock/gmock.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "platform/config/manifest.h"
#include "tests/platform/stack.h"
#include "tests/support/checkout/checkout.h"

// Who the processes are: started by root, each unit is the user that the manifest names, and never root by accident.
namespace quantum::testing {
namespace {

using ::testing::Each;
using ::testing::SizeIs;

// The four user ids of a process: real, effective, saved, of the file system; none when it is gone.
std::vector<uid_t> UidsOf(int pid) {
  std::istringstream status(ReadFile("/proc/" + std::to_string(pid) + "/status"));
  std::vector<uid_t> uids;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Uid:")) {
      std::istringstream numbers(line.substr(4));
      for (uid_t uid = 0; numbers >> uid;) {
        uids.push_back(uid);
      }
    }
  }
  return uids;
}

uid_t UidOf(const std::string& user) {
  const passwd* const entry = ::getpwnam(user.c_str());
  if (entry == nullptr) {
    throw std::runtime_error("there is no user " + user);
  }
  return entry->pw_uid;
}

TEST(Users, EveryUnitRunsAsTheUserOfTheManifest) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "started by root only; otherwise all run as who started them";
  }
  Stack& stack = Stack::Get();
  const auto manifest = config::Manifest::Load(checkout::SourceDirectory() + "/quantum.yml", {}, 0);
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  int checked = 0;
  for (const UnitView& unit : stack.Units()) {
    if (unit.pid == 0) {
      continue;  // a task
    }
    const std::string& user = manifest->FindUnit(unit.name)->user;
    EXPECT_EQ(user.empty(), unit.name == "gateway") << unit.name << ": nginx alone binds its port as root";
    EXPECT_THAT(UidsOf(unit.pid), SizeIs(4)) << unit.name;
    EXPECT_THAT(UidsOf(unit.pid), Each(user.empty() ? uid_t{0} : UidOf(user))) << unit.name;
    ++checked;
  }
  EXPECT_GE(checked, 17);
  // Nothing but the supervisor, its keeper and nginx' master is root; what a unit has started is what it is.
  std::set<pid_t> roots;
  for (const ProcessView& process : stack.Processes()) {
    const std::vector<uid_t> uids = UidsOf(process.pid);
    if (std::find(uids.begin(), uids.end(), 0u) != uids.end()) {
      roots.insert(process.pid);
    }
  }
  EXPECT_TRUE(roots.contains(stack.Unit("gateway").pid));
  EXPECT_LE(roots.size(), 3u);
}

}  // namespace
}  // namespace quantum::testing
