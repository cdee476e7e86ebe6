#include "services/monitoring_health/backup_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantum::monitoring_health {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// As src/operator/backup/record.cpp writes it.
constexpr const char* kRecords =
    R"({"last_try":{"ended":"2026-11-29T02:00:04.000Z","type":"full","label":"20261129-020000F","error":""},
        "last_good":{"ended":"2026-11-29T02:00:04.000Z","type":"full","label":"20261129-020000F","error":""},
        "first_good":{"ended":"2026-11-20T02:00:04.000Z","type":"full","label":"20261120-020000F","error":""},
        "last_trial":{"ended":"2026-11-29T03:00:30.000Z","label":"20261129-020000F","recovery_seconds":3.2,
                      "recovery_point_seconds":1.9E1,"error":""},
        "last_proof":{"ended":"2026-11-29T03:00:30.000Z","label":"20261129-020000F","recovery_seconds":3.2,
                      "recovery_point_seconds":1.9E1,"error":""}})";

WallTime At(const char* text) { return ParseIso8601(text).value(); }

std::vector<std::string> Bad(const BackupFacts& facts, WallTime now) {
  std::vector<std::string> keys;
  for (const Standing& standing : JudgeBackups(facts, now, {})) {
    if (standing.bad) {
      keys.push_back(standing.key);
    }
  }
  return keys;
}

TEST(BackupWatch, IsContentWithAProvenBackupOfLastNightAndNotADayLater) {
  const BackupFacts facts = ReadBackupFacts(kRecords);
  ASSERT_TRUE(facts.readable);
  EXPECT_EQ(facts.recovery_point_seconds, 19);
  EXPECT_THAT(Bad(facts, At("2026-11-29T09:00:00Z")), IsEmpty());
  EXPECT_THAT(Bad(facts, At("2026-11-30T04:30:00Z")), ElementsAre("backup_old"));
  EXPECT_THAT(Bad(facts, At("2026-11-30T05:30:00Z")), ElementsAre("backup_old", "restore_unproven"));
}

TEST(BackupWatch, NamesWhatFailedAndWhatMissesItsObjective) {
  const WallTime now = At("2026-11-29T09:00:00Z");
  BackupFacts facts = ReadBackupFacts(kRecords);
  facts.last_try_error = "[082]: WAL segment was not archived";
  facts.last_trial_error = "the table orders is missing (7 rows)";
  EXPECT_THAT(Bad(facts, now), ElementsAre("backup_failed", "restore_unproven"));
  EXPECT_THAT(JudgeBackups(facts, now, {})[0].summary, HasSubstr("[082]"));
  EXPECT_THAT(JudgeBackups(facts, now, {})[2].summary, HasSubstr("orders is missing"));
  facts = ReadBackupFacts(kRecords);
  facts.recovery_point_seconds = 31;
  EXPECT_THAT(Bad(facts, now), ElementsAre("restore_objectives"));
}

TEST(BackupWatch, SaysNothingBeforeTheFirstBackupAndMissesTheProofADayAfterIt) {
  const BackupFacts none = ReadBackupFacts("");
  EXPECT_FALSE(none.readable);
  EXPECT_THAT(Bad(none, At("2026-11-29T09:00:00Z")), IsEmpty());
  BackupFacts fresh{
      .readable = true, .first_good = At("2026-11-29T09:00:00Z"), .last_good = At("2026-11-30T11:30:00Z")};
  EXPECT_THAT(Bad(fresh, At("2026-11-30T10:59:00Z")), IsEmpty());
  EXPECT_THAT(Bad(fresh, At("2026-11-30T11:01:00Z")), ElementsAre("restore_unproven"));
  for (const char* damaged : {"[", "{}", "[]", R"({"last_try":5})"}) {
    EXPECT_FALSE(ReadBackupFacts(damaged).readable) << damaged;
  }
}

TEST(TaskWatch, HasAKeyForEachTask) {
  const auto standings = JudgeTasks(
      R"({"verify":{"started":"2026-11-29T02:30:00.000Z","ended":"2026-11-29T02:30:09.000Z","ok":false,
          "detail":"exited with code 4"},"backup-full":{"started":"2026-11-29T02:00:00.000Z",
          "ended":"2026-11-29T02:00:04.000Z","ok":true,"detail":""}})");
  ASSERT_EQ(standings.size(), 2u);
  EXPECT_EQ(standings[0].key, "task_failed:verify");
  EXPECT_TRUE(standings[0].bad);
  EXPECT_THAT(standings[0].summary, HasSubstr("exited with code 4"));
  EXPECT_FALSE(standings[1].bad);
  EXPECT_THAT(JudgeTasks("nonsense"), IsEmpty());
}

}  // namespace
}  // namespace quantum::monitoring_health
