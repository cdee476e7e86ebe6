#include "exchange/paper/engine/journal.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "exchange/paper/engine/engine_fixture.h"
#include "exchange/paper/engine/record_codec.h"
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

// As written before priorities, funding, isolated wallets and self-trade prevention were known.
TEST_F(JournalTest, OpensAJournalOfAnEarlierVersion) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path)
      << R"({"k":"account_kept","account":{"start":1000000000000,"wallet":999000000000,"next_order":1000000008,"next_algo":2000000002,"next_trade":5}})"
      << "\n"
      << R"({"k":"symbol_kept","symbol":{"symbol":"BTCUSDT","quantity":1000000,"entry":6000000000000,"pnl":0,"fees":3000000,"leverage":10,"isolated":false,"updated":7}})"
      << "\n"
      << R"({"k":"fill_kept","fill":{"trade":4,"order":1000000001,"symbol":"BTCUSDT","side":0,"price":6000000000000,"quantity":1000000,"fee":3000000,"pnl":0,"maker":false,"time":7}})"
      << "\n"
      << R"({"k":"order","order":{"id":1000000007,"client":"old","symbol":"BTCUSDT","side":0,"market":false,"type":"LIMIT","tif":0,"quantity":1000000,"price":5900000000000,"trigger":0,"reduce":false,"close":false,"status":0,"filled":0,"quote":0,"algo":0,"created":8,"updated":8}})"
      << "\n"
      << R"({"k":"algo","order":{"id":2000000001,"client":"stop","symbol":"BTCUSDT","side":1,"type":"STOP_MARKET","tif":0,"quantity":1000000,"price":0,"trigger":5900000000000,"on_mark":false,"reduce":true,"close":false,"status":0,"order":0,"executed":0,"average":0,"why":"","created":8,"updated":8,"triggered":0}})"
      << "\n";
  const auto opened = Journal::Open(path);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  const Account& account = opened->account;
  EXPECT_EQ(account.wallet(), "9990"_dec);
  EXPECT_EQ(account.symbol("BTCUSDT").leverage, 10);
  EXPECT_EQ(account.symbol("BTCUSDT").open_buys, "590"_dec);
  EXPECT_EQ(account.FindOrder("BTCUSDT", "old")->priority, 1'000'000'007);
  EXPECT_EQ(account.next_priority(), 1'000'000'008);
  EXPECT_EQ(account.open_algos().size(), 1u);
  Engine again({"BTCUSDT"}, account);
  EXPECT_EQ(again.account().open_orders().size(), 1u);
}

TEST_F(JournalTest, KeepsFundingCountdownsAndIsolatedWalletsOverACompaction) {
  ASSERT_FALSE(engine.SetMarginType("BTCUSDT", true));
  ASSERT_TRUE(engine.Place(Market(Side::kBuy, "0.003"_dec), kNow).ok());
  engine.OnMarketTime(8LL * 3'600'000, kNow);
  engine.OnMarketTime(16LL * 3'600'000, kNow);
  ASSERT_FALSE(engine.SetCountdown("BTCUSDT", 5000, kNow));
  Account kept;
  for (const Record& record : engine.account().Records()) {
    const Result<Record> decoded = DecodeRecord(EncodeRecord(record));
    ASSERT_TRUE(decoded.ok());
    kept.Apply(*decoded);
  }
  EXPECT_EQ(kept.wallet(), engine.account().wallet());
  EXPECT_EQ(kept.symbol("BTCUSDT").isolated_wallet, engine.account().symbol("BTCUSDT").isolated_wallet);
  EXPECT_EQ(kept.symbol("BTCUSDT").position.funding, engine.account().symbol("BTCUSDT").position.funding);
  EXPECT_EQ(kept.fundings().size(), 1u);
  EXPECT_EQ(kept.next_funding_id(), 2);
  EXPECT_EQ(kept.countdowns().at("BTCUSDT").deadline_ms, kNow + 5000);
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
