#include "exchange/paper/engine/journal.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "exchange/paper/engine/engine_fixture.h"

namespace quantum::paper {
namespace {

using trading::operator""_dec;

class JournalTest : public EngineFixture {
 protected:
  void SetUp() override {
    directory = std::filesystem::path(::testing::TempDir()) / ("journal-" + std::to_string(::getpid()));
    path = (directory / "data" / "account.jsonl").string();
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  void Write() {
    auto opened = Journal::Open(path);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    ASSERT_FALSE(opened->account.opened());
    ASSERT_TRUE(opened->journal.Append({WalletOpened{"10000"_dec}}).ok());
    ASSERT_TRUE(engine.Place(Market(Side::kBuy, "0.003"_dec), kNow).ok());
    ASSERT_TRUE(engine.Place(Limit(Side::kBuy, "0.01"_dec, "59000"_dec), kNow).ok());
    ASSERT_TRUE(engine.PlaceAlgo(Stop("59900"_dec, "0.003"_dec), kNow).ok());
    ASSERT_TRUE(opened->journal.Append(engine.TakeOutput().records).ok());
  }
  std::filesystem::path directory;
  std::string path;
};

TEST_F(JournalTest, GivesTheAccountBackAfterItsProcessDied) {
  Write();
  const auto opened = Journal::Open(path);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  const Account& account = opened->account;
  EXPECT_EQ(account.wallet(), engine.account().wallet());
  EXPECT_EQ(account.symbol("BTCUSDT").position.quantity, "0.003"_dec);
  EXPECT_EQ(account.open_orders(), engine.account().open_orders());
  EXPECT_EQ(account.open_algos(), engine.account().open_algos());
  EXPECT_EQ(account.fills().size(), 2u);
  EXPECT_EQ(account.next_trade_id(), 3);
}

TEST_F(JournalTest, DropsALineThatACrashCutOffAndGoesOnAfterIt) {
  Write();
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 7);
  auto opened = Journal::Open(path);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_TRUE(opened->account.open_algos().empty());
  ASSERT_TRUE(opened->journal.Append({LeverageSet{"BTCUSDT", 5}}).ok());
  const auto again = Journal::Open(path);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->account.symbol("BTCUSDT").leverage, 5);
}

TEST_F(JournalTest, RefusesADamagedLineAndNamesIt) {
  Write();
  std::fstream file(path, std::ios::in | std::ios::out);
  file.seekp(2);
  file << "###";
  file.close();
  const auto opened = Journal::Open(path);
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find("line 1"), std::string::npos);
}

}  // namespace
}  // namespace quantum::paper
