#include "exchange/paper/engine/journal.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "exchange/paper/engine/engine_fixture.h"
#include "tests/support/temporary_directory.h"

namespace quantum::paper {
namespace {

using trading::operator""_dec;

class JournalTest : public EngineFixture {
 protected:
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
  quantum::testing::TemporaryDirectory directory{"journal"};
  std::string path = (directory.path() / "data" / "account.jsonl").string();
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

TEST_F(JournalTest, ALongJournalIsReplacedByWhatTheAccountNeeds) {
  Write();
  {
    auto opened = Journal::Open(path);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    ASSERT_TRUE(engine.Place(Market(Side::kSell, "0.002"_dec), kNow).ok());
    ASSERT_TRUE(opened->journal.Append(engine.TakeOutput().records).ok());
    std::vector<Record> changes;
    for (size_t i = 0; i < Journal::kCompactFrom; ++i) {
      changes.push_back(LeverageSet{"BTCUSDT", static_cast<int>(1 + i % 20)});
    }
    ASSERT_TRUE(opened->journal.Append(changes).ok());
  }
  const auto before = std::filesystem::file_size(path);
  for (int start = 0; start < 2; ++start) {
    auto opened = Journal::Open(path);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    EXPECT_LT(std::filesystem::file_size(path), before / 5);
    const Account& account = opened->account;
    const Account& expected = engine.account();
    EXPECT_EQ(account.wallet(), expected.wallet());
    EXPECT_EQ(account.start(), expected.start());
    EXPECT_EQ(account.symbol("BTCUSDT").leverage, 20);
    const auto& position = account.symbol("BTCUSDT").position;
    EXPECT_EQ(position.quantity, expected.symbol("BTCUSDT").position.quantity);
    EXPECT_EQ(position.entry_price, expected.symbol("BTCUSDT").position.entry_price);
    EXPECT_EQ(position.realized_pnl, expected.symbol("BTCUSDT").position.realized_pnl);
    EXPECT_EQ(position.fees, expected.symbol("BTCUSDT").position.fees);
    EXPECT_EQ(account.orders().size(), expected.orders().size());
    EXPECT_EQ(account.open_orders(), expected.open_orders());
    EXPECT_EQ(account.open_algos(), expected.open_algos());
    EXPECT_EQ(account.fills().size(), expected.fills().size());
    EXPECT_EQ(account.next_trade_id(), expected.next_trade_id());
    EXPECT_EQ(account.next_order_id(), expected.next_order_id());
    EXPECT_EQ(account.next_algo_id(), expected.next_algo_id());
    EXPECT_TRUE(opened->journal.Append({LeverageSet{"BTCUSDT", 20}}).ok());
  }
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
