#include "operator/supervisor/record.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "operator/state/layout.h"

namespace quantum::operate {
namespace {

class Records : public testing::Test {
 protected:
  Records() : directory_(testing::TempDir() + "records-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(directory_);
  }
  ~Records() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
};

TEST_F(Records, ComeBackAsTheyWereWritten) {
  UnitRecord record;
  record.status = {.name = "a",
                   .kind = "server",
                   .state = State::kBackoff,
                   .pid = 7,
                   .port = 6379,
                   .since = FromUnixMs(1'700'000'000'123),
                   .restarts = 3,
                   .detail = "exited with \"code\" 1"};
  record.process = Identity{.pid = 7, .start_ticks = 123456789012, .boot_id = "boot"};
  ASSERT_TRUE(WriteRecord(directory_, record).ok());
  const auto records = ReadRecords(directory_);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].status.name, "a");
  EXPECT_EQ(records[0].status.state, State::kBackoff);
  EXPECT_EQ(records[0].status.since, record.status.since);
  EXPECT_EQ(records[0].status.detail, record.status.detail);
  EXPECT_EQ(records[0].process, record.process);
}

TEST_F(Records, ADamagedOneIsSkipped) {
  ASSERT_TRUE(WriteFileAtomically(directory_ + "/a.json", "{\"name\":", 0600).ok());
  EXPECT_TRUE(ReadRecords(directory_).empty());
}

TEST(Identity, OfThisProcessIsAliveAndOfAnOtherStartTimeIsNot) {
  auto identity = Identify(::getpid());
  ASSERT_TRUE(identity.ok());
  EXPECT_TRUE(IsAlive(*identity));
  identity->start_ticks--;
  EXPECT_FALSE(IsAlive(*identity));
}

}  // namespace
}  // namespace quantum::operate
