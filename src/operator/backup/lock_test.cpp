#include "operator/backup/lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temporary_directory.h"

namespace quantum::operate {
namespace {

using namespace std::chrono_literals;

TEST(BackupLock, IsHeldByOneCommandAndTheNextOneIsToldByWhich) {
  const quantum::testing::TemporaryDirectory directory("backup-lock");
  const Layout layout{.root = directory.path().string()};
  std::filesystem::create_directories(layout.Data() + "/backup");
  std::string told;
  const auto take = [&](const std::string& what) {
    return BackupLock::Take(layout, what, 200ms, [&](const std::string& text) { told += text; });
  };
  {
    const auto first = take("quantum backup full");
    ASSERT_TRUE(first.ok()) << first.error().message;
    const auto second = take("quantum restore --replace");
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, Errc::kConflict);
    EXPECT_THAT(second.error().message, ::testing::StartsWith("quantum backup full (pid "));
    EXPECT_THAT(told, ::testing::StartsWith("waiting for the end of quantum backup full"));
  }
  EXPECT_TRUE(take("quantum restore --replace").ok()) << "its end has given it back";
}

}  // namespace
}  // namespace quantum::operate
