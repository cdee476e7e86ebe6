// The emergency stop across processes and their deaths (pains 10). The tests share one desk, and leave it re-armed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "tests/integration/trading_desk/trading_desk.h"
#include "trading/order.h"

namespace quantum::testing {
namespace {

using namespace std::chrono_literals;

class EmergencyStop : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { desk_ = std::make_unique<TradingDesk>(); }
  static void TearDownTestSuite() { desk_.reset(); }

  void SetUp() override {
    ASSERT_TRUE(Eventually(60s, [] { return State() == "ARMED" && !Halted() && Known(); }))
        << desk_->Output("quantum-risk-safety");
  }
  void TearDown() override {
    desk_->TryPostRisk("/api/risk/ess/reset", R"({"reason": "the test is over"})", 20s);  // 409 when it is armed
  }

  static std::string State() { return std::string(desk_->Risk("/api/risk/ess/status").at("state").as_string()); }
  static bool Halted() { return desk_->Execution("/api/execution/halt").at("halted").as_bool(); }
  // Whether risk-safety knows enough of the market and the account to approve.
  static bool Known() {
    return desk_->PostRisk("/api/risk/check", desk_->Decision("asks-only")).at("approved").as_bool();
  }
  static std::string Stored() {
    return desk_->Sql("SELECT (record->>'state') || ' ' || (record->>'reason') AS value FROM ess_state");
  }
  static bool IsRecorded(const std::string& reason) {
    const std::string file = desk_->State() + "/data/risk-safety/ess.json";
    return (std::filesystem::exists(file) && ReadFile(file).find(reason) != std::string::npos) ||
           Stored().find(reason) != std::string::npos;
  }
  // Trips, and kills risk-safety as soon as execution has acted, whose answer does not come back: nothing is written
  // down yet. Risk-safety waits for that answer for two seconds; whether the kill came in time.
  static bool TripAndKillBeforeItsRecord(const std::string& reason) {
    desk_->to_execution().HoldAnswers(true);
    std::thread trips([&] {
      desk_->TryPostRisk("/api/risk/ess/trip", fmt::format(R"({{"reason": "{}", "by": "ann"}})", reason), 20s);
    });
    EXPECT_TRUE(Eventually(20s, [] { return Halted(); }));
    desk_->KillRiskSafety();
    trips.join();
    const bool in_time = !IsRecorded(reason);
    desk_->to_execution().HoldAnswers(false);
    desk_->to_execution().CutAll();
    desk_->StartRiskSafety();
    return in_time;
  }
  static inline std::unique_ptr<TradingDesk> desk_;
};

TEST_F(EmergencyStop, Pain10ATripHoldsThoughRiskSafetyIsKilledBetweenItAndItsRecord) {
  for (int attempt = 1; !TripAndKillBeforeItsRecord(fmt::format("killed at once {}", attempt)); ++attempt) {
    ASSERT_LT(attempt, 3) << "it was too slow each time: the record was there already";
    TearDown();
    ASSERT_NO_FATAL_FAILURE(SetUp());
  }
  EXPECT_TRUE(Eventually(60s, [] { return State() == "TRIPPED"; })) << desk_->Output("quantum-risk-safety");
  EXPECT_TRUE(Halted()) << "the restart re-armed execution";
  EXPECT_TRUE(desk_->Risk("/api/risk/ess/status").at("by_hand").as_bool()) << "a person's trip stays a person's";
  EXPECT_TRUE(Eventually(10s, [] { return Stored().find("TRIPPED MANUAL") == 0; })) << Stored();
  const boost::json::value verdict = desk_->PostRisk("/api/risk/check", desk_->Decision("after-the-restart"));
  EXPECT_NE(boost::json::serialize(verdict.at("refusals")).find("EMERGENCY_STOP"), std::string::npos);
}

TEST_F(EmergencyStop, Pain10ATripWhileExecutionIsDeadSendsNothingOfWhatWasApprovedBefore) {
  desk_->KillExecution();
  const boost::json::value verdict = desk_->PostRisk("/api/risk/decide", desk_->Decision("approved-before"));
  ASSERT_TRUE(verdict.at("approved").as_bool()) << boost::json::serialize(verdict);
  const boost::json::value tripped = desk_->PostRisk("/api/risk/ess/trip", R"({"reason": "while it was dead"})");
  EXPECT_EQ(tripped.at("state").as_string(), "TRIPPED");
  EXPECT_FALSE(tripped.at("execution_agrees").as_bool());

  desk_->StartExecution();
  const std::string entry = trading::ClientOrderId("approved-before", trading::Leg::kEntry);
  EXPECT_TRUE(Eventually(60s, [&] {
    return desk_->Sql(
               "SELECT status || ' ' || split_part(reason, ':', 1) AS value FROM orders WHERE client_order_id = '" +
               entry + "'") == "CANCELED HALTED";
  })) << desk_->Output("quantum-execution");
  EXPECT_EQ(desk_->AtVenue(entry), "") << "the entry reached the venue";
  EXPECT_TRUE(
      Eventually(10s, [] { return desk_->Risk("/api/risk/ess/status").at("execution_agrees").as_bool() && Halted(); }));
}

TEST_F(EmergencyStop, Pain10ATripThatPostgresDoesNotHaveYetHoldsThroughASigkillAndReachesItsHistoryOnce) {
  desk_->postgres().KillPostgres();
  const boost::json::value tripped = desk_->PostRisk("/api/risk/ess/trip", R"({"reason": "without Postgres"})");
  EXPECT_FALSE(tripped.at("recorded").as_bool());
  desk_->KillRiskSafety();
  desk_->StartRiskSafety();
  EXPECT_EQ(State(), "TRIPPED") << "as the first thing it says";
  EXPECT_TRUE(Halted());
  desk_->postgres().StartPostgres();
  EXPECT_TRUE(Eventually(60s, [] { return desk_->Risk("/api/risk/ess/status").at("recorded").as_bool(); }));
  EXPECT_EQ(Stored(), "TRIPPED MANUAL: without Postgres");
  EXPECT_EQ(desk_->Sql("SELECT count(*)::text AS value FROM ess_history WHERE record->>'state' = 'TRIPPED' AND "
                       "record->>'reason' = 'MANUAL: without Postgres'"),
            "1");
}

}  // namespace
}  // namespace quantum::testing
