#include "trading/tradestore/legacy_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_directory.h"
#include "trading/tradestore/columns.h"
#include "trading/tradestore/legacy_generator.h"
#include "trading/tradestore/survey.h"

namespace quantum::tradestore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LegacyFiles : public ::testing::Test {
 protected:
  std::string Path() const { return (directory_.path() / "trades.db").string(); }
  Survey LookAt(const Precisions& precisions = LegacyPrecisions()) const {
    auto file = LegacyFile::Open(Path());
    EXPECT_TRUE(file.ok()) << file.error().message;
    int64_t shown = 0;
    auto survey = Look(*file, precisions, [&](int64_t done, int64_t) { shown = done; });
    EXPECT_TRUE(survey.ok()) << survey.error().message;
    EXPECT_EQ(shown, survey->rows);
    return *survey;
  }

  quantum::testing::TemporaryDirectory directory_{"legacy-trades"};
};

TEST_F(LegacyFiles, EveryRowIsAGoodOneARepeatOrKeptAside) {
  const auto counts =
      WriteLegacyFile(Path(), {.rows = 12'000, .seed = 3, .broken_every = 100, .repeated_every = 1'001});
  ASSERT_TRUE(counts.ok()) << counts.error().message;
  ASSERT_GT(counts->odd, 100);
  ASSERT_GT(counts->repeated, 5);
  const Survey survey = LookAt();
  EXPECT_EQ(survey.rows, counts->good + counts->odd + counts->repeated);
  EXPECT_EQ(survey.good, counts->good);
  EXPECT_EQ(survey.odd, counts->odd);
  EXPECT_EQ(survey.repeated, counts->repeated);
  EXPECT_EQ(survey.examples.size(), 20u);
  EXPECT_EQ(survey.examples.front().rowid, 100);
  EXPECT_EQ(survey.examples.front().trade_id, "T00000100");
  EXPECT_THAT(survey.unknown_columns, ElementsAre("legacy_tag"));
}

TEST_F(LegacyFiles, APriceAndAQuantityAreMultiplesOfWhatTheSymbolIsTradedIn) {
  ASSERT_TRUE(WriteLegacyFile(Path(), {.rows = 5'000, .seed = 11}).ok());
  auto file = LegacyFile::Open(Path());
  ASSERT_TRUE(file.ok()) << file.error().message;
  const Precisions precisions = LegacyPrecisions();
  const auto rows = file->Read(0, 5'000);
  ASSERT_TRUE(rows.ok());
  for (const LegacyRow& row : *rows) {
    const Converted converted = Convert(row, file->unknown_columns(), precisions);
    ASSERT_TRUE(converted.trade) << converted.reasons.front();
    const Precision& precision = precisions.at(*converted.trade->at(1));
    EXPECT_TRUE(trading::Decimal::Parse(*converted.trade->at(4))->IsMultipleOf(precision.step_size));
    EXPECT_TRUE(trading::Decimal::Parse(*converted.trade->at(7))->IsMultipleOf(precision.tick_size));
  }
}

TEST_F(LegacyFiles, TheOlderColumnNameIsUnderstood) {
  ASSERT_TRUE(WriteLegacyFile(Path(), {.rows = 1, .old_strategy_name = true}).ok());
  auto file = LegacyFile::Open(Path());
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(std::get<std::string>(file->Read(kBeforeTheFirst, 1)->front().cells[IndexOf("strategy")]), "momentum");
}

TEST_F(LegacyFiles, OfBothNamesOfTheColumnTheOlderOneIsKeptAsUnknown) {
  ASSERT_TRUE(WriteLegacyFile(Path(), {.rows = 1, .old_strategy_name = true}).ok());
  auto database = sqlite::Database::Open(Path(), sqlite::Database::Access::kWrite);
  ASSERT_TRUE(database->Run("ALTER TABLE trades ADD COLUMN strategy TEXT DEFAULT 'newer'").ok());
  auto file = LegacyFile::Open(Path());
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(std::get<std::string>(file->Read(kBeforeTheFirst, 1)->front().cells[IndexOf("strategy")]), "newer");
  EXPECT_THAT(file->unknown_columns(), ElementsAre("legacy_tag", "meta_strategy_id"));
}

TEST_F(LegacyFiles, TheSameTradeWithOtherContentsIsKeptAside) {
  ASSERT_TRUE(WriteLegacyFile(Path(), {.rows = 2}).ok());
  auto database = sqlite::Database::Open(Path(), sqlite::Database::Access::kMake);
  ASSERT_TRUE(database.ok());
  ASSERT_TRUE(database->Run("UPDATE trades SET trade_id = 'T00000001' WHERE rowid = 2").ok());
  const Survey survey = LookAt();
  EXPECT_EQ(survey.good, 1);
  ASSERT_EQ(survey.examples.size(), 1u);
  EXPECT_THAT(survey.examples[0].reasons, ElementsAre("trade_id: stands there before, with other contents"));
}

TEST_F(LegacyFiles, WhatIsNoSuchFileIsRefusedByWhatItLacks) {
  const auto missing = LegacyFile::Open(Path());
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, Errc::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(Path())) << "looking made it";
  std::ofstream(Path()) << std::string(5000, 'x');
  const auto garbage = LegacyFile::Open(Path());
  ASSERT_FALSE(garbage.ok());
  EXPECT_THAT(garbage.error().message, HasSubstr("not a database"));
  std::filesystem::remove(Path());
  auto database = sqlite::Database::Open(Path(), sqlite::Database::Access::kMake);
  ASSERT_TRUE(database.ok());
  ASSERT_TRUE(database->Run("CREATE TABLE other (i)").ok());
  EXPECT_THAT(LegacyFile::Open(Path()).error().message, HasSubstr("has no table trades"));
  ASSERT_TRUE(database->Run("CREATE TABLE trades (trade_id TEXT, symbol TEXT)").ok());
  EXPECT_THAT(LegacyFile::Open(Path()).error().message, HasSubstr("lacks the columns side, status, quantity"));
}

}  // namespace
}  // namespace quantum::tradestore
