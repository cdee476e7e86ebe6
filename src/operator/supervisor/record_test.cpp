#include "operator/supervisor/record.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "operator/state/layout.h"
#include "tests/support/temporary_directory.h"

namespace quantum::operate {
namespace {

class Records : public ::testing::Test {
 protected:
  quantum::testing::TemporaryDirectory made_{"operator-records"};
  std::string directory_ = made_.path().string();
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

TEST_F(Records, KeepWhatIsKnownOfASchedule) {
  UnitStatus status{.name = "tidy", .kind = "task", .state = State::kScheduled};
  status.schedule = "every 6h";
  status.next_run = FromUnixMs(1'700'000'000'000);
  status.last_run = TaskRun{.started = FromUnixMs(1'600'000'000'000),
                            .ended = FromUnixMs(1'600'000'001'000),
                            .ok = false,
                            .detail = "exited with code 4"};
  const auto back = StatusFromJson(StatusToJson(status));
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(back->schedule, "every 6h");
  EXPECT_EQ(back->next_run, status.next_run);
  ASSERT_TRUE(back->last_run);
  EXPECT_EQ(back->last_run->detail, "exited with code 4");
  EXPECT_FALSE(StatusFromJson(StatusToJson({.name = "a", .kind = "server"}))->last_run);
}

TEST_F(Records, OfRunsComeBackAndDamagedOnesAreLeftOut) {
  const std::string path = directory_ + "/schedule.json";
  EXPECT_TRUE(ReadRuns(path).empty());
  ASSERT_TRUE(WriteRuns(path, {{"tidy", TaskRun{.started = FromUnixMs(1), .ended = FromUnixMs(2), .ok = true}}}).ok());
  EXPECT_TRUE(ReadRuns(path).at("tidy").ok);
  ASSERT_TRUE(WriteFileAtomically(path, R"({"tidy": 5, "other": {"started": "x"}})", 0600).ok());
  EXPECT_TRUE(ReadRuns(path).empty());
}

TEST_F(Records, ADamagedOneIsSkipped) {
  ASSERT_TRUE(WriteFileAtomically(directory_ + "/a.json", "{\"name\":", 0600).ok());
  EXPECT_TRUE(ReadRecords(directory_).empty());
}

}  // namespace
}  // namespace quantum::operate
