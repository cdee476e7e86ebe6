#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>

#include "tests/platform/database.h"
#include "tests/platform/stack.h"
#include "trading/tradestore/copy_file.h"
#include "trading/tradestore/legacy_generator.h"

// The move of a desk's trades from SQLite, as its operator does it, while the platform trades.
namespace quantum::testing {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using ::testing::HasSubstr;

constexpr const char* kTrades = "/api/execution/trades?limit=5";

class TradeStores : public ::testing::Test {
 protected:
  Outcome Tradestore(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "tradestore");
    return stack_.Quantum(std::move(arguments), seconds(120));
  }
  json::value State() const { return json::parse(Tradestore({"status", "--json"}).output); }
  void AwaitReadFrom(const std::string& store) const {
    EXPECT_TRUE(Eventually(seconds(30), [&] { return stack_.Get(kTrades).headers["x-trade-store"] == store; }))
        << "trades are not read from " << store;
  }
  // As if the time were over.
  void LetTimePass() const { Execute(stack_, "UPDATE tradestore SET dual_since = dual_since - interval '48 h'"); }
  void InTheFile(const std::string& sql) const {
    auto database = sqlite::Database::Open(file_, sqlite::Database::Access::kWrite);
    ASSERT_TRUE(database.ok()) << database.error().message;
    const Status run = database->Run(sql);
    ASSERT_TRUE(run.ok()) << run.error().message;
  }

  Stack& stack_ = Stack::Get();
  const TemporaryDirectory directory_{"old-trades"};
  const std::string source_ = (directory_.path() / "trades.db").string();
  const std::string file_ = (stack_.state() / "data/tradestore/trades.db").string();
};

TEST_F(TradeStores, MoveFromSqliteWhileTheyAreTradedAndKilledAndNothingIsLost) {
  const auto counts = tradestore::WriteLegacyFile(source_, {.rows = 200, .broken_every = 20});
  ASSERT_TRUE(counts.ok());
  const Outcome migrated = Tradestore({"migrate", "--from", source_, "--precision", "XRPUSDT=0.0001,0.1", "--json"});
  ASSERT_EQ(migrated.exit_code, 0) << migrated.output;
  const json::value state = json::parse(migrated.output);
  EXPECT_EQ(state.at("phase"), "DUAL");
  EXPECT_EQ(state.at("good"), counts->good);
  EXPECT_EQ(state.at("odd"), counts->odd);
  AwaitReadFrom("sqlite");
  EXPECT_TRUE(stack_.AwaitClosedAfter(NowMs(), 2, seconds(90))) << "no trade reaches the file";

  // Execution dies with trades on their way; and somebody else writes to the file.
  InTheFile("UPDATE trades SET pnl_usd = pnl_usd + 1 WHERE trade_id = 'T00000001'");
  ASSERT_EQ(::kill(stack_.Unit(stack_.Working("execution")).pid, SIGKILL), 0);
  EXPECT_TRUE(Eventually(seconds(60), [&] {
    return stack_.Get("/api/execution/health").body.find("differ between SQLite and Postgres") != std::string::npos;
  })) << "the difference is not told";
  const Outcome refused = Tradestore({"switch"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.output, HasSubstr("T00000001: other contents"));
  EXPECT_EQ(Tradestore({"status"}).exit_code, 4);
  InTheFile("UPDATE trades SET pnl_usd = pnl_usd - 1 WHERE trade_id = 'T00000001'");

  const Outcome switched = Tradestore({"switch"});
  ASSERT_EQ(switched.exit_code, 0) << switched.output;
  AwaitReadFrom("postgres");
  const Outcome early = Tradestore({"finish"});
  EXPECT_EQ(early.exit_code, 1);
  EXPECT_THAT(early.output, HasSubstr("both stores are written until"));
  LetTimePass();
  const Outcome finished = Tradestore({"finish"});
  ASSERT_EQ(finished.exit_code, 0) << finished.output;
  const json::value end = State();
  EXPECT_EQ(end.at("phase"), "FINISHED");
  EXPECT_FALSE(fs::exists(file_));
  auto archive = tradestore::LegacyFile::Open(json::value_to<std::string>(end.at("archive")));
  ASSERT_TRUE(archive.ok()) << archive.error().message;
  EXPECT_GE(archive->Count().value(), 202);
  EXPECT_TRUE(stack_.AwaitClosedAfter(NowMs(), 1, seconds(90))) << "it does not trade any more";
  EXPECT_EQ(CountRows(stack_, "tradestore_queue"), 0);
}

}  // namespace
}  // namespace quantum::testing
