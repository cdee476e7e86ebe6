#include "trading/tradestore/copy_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "tests/support/temporary_directory.h"
#include "trading/tradestore/columns.h"
#include "trading/tradestore/legacy_generator.h"

namespace quantum::tradestore {
namespace {

using ::testing::HasSubstr;

class CopyFiles : public ::testing::Test {
 protected:
  std::string Source() const { return (directory_.path() / "old.db").string(); }
  std::string Path() const { return (directory_.path() / "trades.db").string(); }
  CopyFile Make(const LegacyOptions& options) const {
    EXPECT_TRUE(WriteLegacyFile(Source(), options).ok());
    int64_t pages = 0;
    const Status made = CopyFile::Make(Source(), Path(), [&](int64_t done, int64_t) { pages = done; });
    EXPECT_TRUE(made.ok()) << made.error().message;
    EXPECT_GT(pages, 0);
    EXPECT_FALSE(std::filesystem::exists(Path() + ".partial"));
    auto file = CopyFile::Open(Path(), options.rows);
    EXPECT_TRUE(file.ok()) << file.error().message;
    return std::move(*file);
  }
  static TradeRow First(CopyFile& file) {
    const auto rows = file.rows().Read(kBeforeTheFirst, 1);
    return *Convert(rows->front(), file.rows().unknown_columns(), LegacyPrecisions()).trade;
  }
  static Status Write(CopyFile& file, const TradeRow& trade) {
    QUANTUM_CHECK(file.Begin());
    QUANTUM_CHECK(file.Put(trade));
    return file.Commit();
  }

  quantum::testing::TemporaryDirectory directory_{"trades-copy"};
};

TEST_F(CopyFiles, TakesATradeOnceByItsIdAndGivesItBack) {
  CopyFile file = Make({.rows = 100, .old_strategy_name = true});
  TradeRow trade = First(file);
  trade[IndexOf("trade_id")] = "ours";
  trade[IndexOf("status")] = "OPEN";
  ASSERT_TRUE(Write(file, trade).ok());
  trade[IndexOf("status")] = "CLOSED";
  ASSERT_TRUE(Write(file, trade).ok());
  EXPECT_EQ(file.rows().Count().value(), 101);
  const auto found = file.Find("ours");
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 1u);
  EXPECT_TRUE(SameTrade(FromCells(found->front().cells), trade));
  EXPECT_TRUE(file.Has("ours").value());
  EXPECT_FALSE(file.Has("nobody's").value());
  EXPECT_EQ(LegacyFile::Open(Source())->Count().value(), 100) << "the old system's own file was written to";
}

TEST_F(CopyFiles, WhatIsRolledBackWasNeverThere) {
  CopyFile file = Make({.rows = 10});
  TradeRow trade = First(file);
  trade[IndexOf("trade_id")] = "ours";
  ASSERT_TRUE(file.Begin().ok());
  ASSERT_TRUE(file.Put(trade).ok());
  file.Rollback();
  EXPECT_FALSE(file.Has("ours").value());
}

TEST_F(CopyFiles, OnlyOneWritesAtATime) {
  CopyFile file = Make({.rows = 10});
  ASSERT_TRUE(file.Begin().ok());
  auto second = CopyFile::Open(Path(), 10);
  ASSERT_TRUE(second.ok()) << second.error().message;
  const Status begun = second->Begin();
  ASSERT_FALSE(begun.ok());
  EXPECT_EQ(begun.error().code, Errc::kUnavailable);
  file.Rollback();
  EXPECT_TRUE(second->Begin().ok());
}

TEST_F(CopyFiles, ListsTheNewestFirstAndByStatusAndSymbol) {
  CopyFile file = Make({.rows = 50});
  constexpr int64_t kLast = std::numeric_limits<int64_t>::max();
  const auto newest = file.Newest("", "", kLast, 3);
  ASSERT_TRUE(newest.ok()) << newest.error().message;
  ASSERT_EQ(newest->size(), 3u);
  EXPECT_EQ(newest->front().rowid, 50);
  EXPECT_EQ(file.Newest("", "", newest->back().rowid, 100)->size(), 47u);
  EXPECT_EQ(file.Newest("OPEN", "", kLast, 100)->size(), 0u);
  size_t rows = 0;
  for (const auto& [symbol, precision] : LegacyPrecisions()) {
    rows += file.Newest("CLOSED", symbol, kLast, 100)->size();
  }
  EXPECT_EQ(rows, 50u);
}

// Else the first trade after the migration would be the one to find out.
TEST_F(CopyFiles, AFileThatWouldRefuseThePlatformsTradesIsNotCopied) {
  ASSERT_TRUE(WriteLegacyFile(Source(), {.rows = 10}).ok());
  {
    auto database = sqlite::Database::Open(Source(), sqlite::Database::Access::kWrite);
    ASSERT_TRUE(database
                    ->Run("ALTER TABLE trades ADD COLUMN venue TEXT NOT NULL DEFAULT 'x' CHECK (venue <> 'x' OR "
                          "trade_id < 'U')")
                    .ok());
  }
  const Status made = CopyFile::Make(Source(), Path(), [](int64_t, int64_t) {});
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().message, HasSubstr("would refuse the platform's trades"));
  EXPECT_FALSE(std::filesystem::exists(Path()));
  EXPECT_FALSE(std::filesystem::exists(Path() + ".partial"));
}

TEST_F(CopyFiles, AFileThatChangesWhatIsWrittenIsNotCopied) {
  ASSERT_TRUE(WriteLegacyFile(Source(), {.rows = 10}).ok());
  {
    auto database = sqlite::Database::Open(Source(), sqlite::Database::Access::kWrite);
    ASSERT_TRUE(database
                    ->Run("CREATE TRIGGER stamp AFTER UPDATE ON trades BEGIN UPDATE trades SET updated_at = "
                          "CURRENT_TIMESTAMP WHERE rowid = new.rowid; END")
                    .ok());
  }
  const Status made = CopyFile::Make(Source(), Path(), [](int64_t, int64_t) {});
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().message, HasSubstr("reads otherwise than it was written"));
}

}  // namespace
}  // namespace quantum::tradestore
