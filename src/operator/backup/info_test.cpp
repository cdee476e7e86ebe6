#include "operator/backup/info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/backup/fingerprint.h"
#include "operator/backup/make.h"

namespace quantum::operate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// As pgBackRest 2.45 answers, without what is not read.
constexpr const char* kInfo =
    R"([{"archive":[{"database":{"id":1,"repo-key":1},"id":"15-1","max":"000000020000000000000009",
  "min":"000000010000000000000001"}],"db":[{"id":1,"repo-key":1,"system-id":7713,"version":"15"}],"backup":[
  {"database":{"id":1,"repo-key":1},"error":false,"info":{"delta":31000000,"repository":{"delta":4100000,"size":4100000},"size":31000000},
   "label":"20261129-020000F","timestamp":{"start":1795917600,"stop":1795917604},"type":"full"},
  {"database":{"id":1,"repo-key":1},"error":true,"info":{"delta":9000,"repository":{"delta":700,"size":4100700},"size":31000900},
   "label":"20261129-020000F_20261129-080000I","timestamp":{"start":1795939200,"stop":1795939202},"type":"incr"}],
  "cipher":"aes-256-cbc","name":"quantum","status":{"code":0,"lock":{"backup":{"held":false}},"message":"ok"}}])";

TEST(BackupInfo, ReadsSetsOldestFirstAndTheNewestSegment) {
  const auto info = ParseInfo(kInfo);
  ASSERT_TRUE(info.ok()) << info.error().message;
  ASSERT_EQ(info->sets.size(), 2u);
  EXPECT_EQ(info->sets[0].label, "20261129-020000F");
  EXPECT_EQ(info->sets[0].stored_bytes, 4'100'000);
  EXPECT_FALSE(info->sets[0].failed_checksums);
  EXPECT_TRUE(info->sets[1].failed_checksums);
  EXPECT_EQ(info->ArchivedLast(1), "000000020000000000000009");
  EXPECT_EQ(info->database, 1);
  EXPECT_THAT(info->Databases(), ElementsAre(1));
  EXPECT_TRUE(info->exists);
}

TEST(BackupInfo, TheSetForAMomentEndedBeforeIt) {
  const auto info = ParseInfo(kInfo);
  const auto at = [](int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); };
  EXPECT_EQ(SetFor(*info, 1, std::nullopt)->type, "incr");
  EXPECT_EQ(SetFor(*info, 1, at(1795939202))->type, "incr");
  EXPECT_EQ(SetFor(*info, 1, at(1795939201))->type, "full");
  EXPECT_EQ(SetFor(*info, 1, at(1795917603)), nullptr);
  EXPECT_EQ(SetFor(*info, 2, std::nullopt), nullptr) << "of another database";
}

TEST(BackupInfo, OfAnEmptyRepositoryAndOfGarbage) {
  const auto none =
      ParseInfo(R"([{"archive":[],"backup":[],"name":"quantum","status":{"code":1,"message":"missing"}}])");
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->exists);
  EXPECT_THAT(none->sets, IsEmpty());
  for (const char* garbage : {"", "{}", "[1]", "[{}]", R"([{"status":{"code":0}}])"}) {
    EXPECT_FALSE(ParseInfo(garbage).ok()) << garbage;
  }
}

TEST(BackupInfo, OfARepositoryThatCannotBeReadSaysWhy) {
  const auto info = ParseInfo(
      std::string(R"([{"archive":[],"backup":[],"name":"quantum","repo":[{"status":{"code":99,"message":)"
                  "\"[FormatError] unable to load info file '/r/backup.info':\\nFormatError: key/value \xd4\x82w\"}}],"
                  R"("status":{"code":99,"message":"other"}}])"));
  ASSERT_TRUE(info.ok()) << info.error().message;
  EXPECT_EQ(info->trouble, "[FormatError] unable to load info file '/r/backup.info':");
}

TEST(BackupInfo, NamesTheSegmentThatIsMissing) {
  EXPECT_EQ(SegmentNumber("0000000300000001000000FF"), 511);
  EXPECT_EQ(SegmentNumber("00000003.history"), -1);
  EXPECT_EQ(MissingSegment("000000030000000000000009", "000000030000000000000009"), "");
  EXPECT_EQ(MissingSegment("00000004000000000000000A", "000000030000000000000009"), "");
  EXPECT_EQ(MissingSegment("0000000300000000000000FF", "000000030000000100000001"), "000000030000000100000000");
}

TEST(BackupProgress, IsThePercentageOfALine) {
  EXPECT_EQ(PercentIn("P01 DETAIL: backup file /data/base/1/2 (16MB, 35.12%) checksum 1a2b"), 35);
  EXPECT_EQ(PercentIn("P00   INFO: backup start archive = 000000010000000000000003"), -1);
}

TEST(Fingerprints, NameEveryDifference) {
  const Fingerprint then{{"orders", {2, "7"}}, {"trades", {1, "5"}}, {"gone", {0, "0"}}};
  EXPECT_THAT(Differences(then, then), IsEmpty());
  const Fingerprint now{{"orders", {3, "7"}}, {"trades", {1, "6"}}, {"new", {4, "1"}}};
  EXPECT_THAT(Differences(then, now),
              ElementsAre("the table gone is missing (0 rows)", "the table orders has 3 rows instead of 2",
                          HasSubstr("the table trades has other rows"), HasSubstr("the table new (4 rows)")));
}

}  // namespace
}  // namespace quantum::operate
