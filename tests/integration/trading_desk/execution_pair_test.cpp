// Two processes of execution: one holds the lease and trades, the other takes over within 3 s, and a holder that was
// away can neither record nor send (pains 4). The tests share one desk; each begins with new processes.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

#include "tests/integration/trading_desk/trading_desk.h"
#include "trading/order.h"

namespace quantum::testing {
namespace {

using namespace std::chrono_literals;

// Of the issue. The whole of it: the wait for the lease, what was recorded read, compared with the venue.
constexpr std::chrono::milliseconds kTakeover = 3s;
// After that an approval of meanwhile is carried out: who took over has claimed the stream as well.
constexpr std::chrono::milliseconds kCarriedOut = 2s;
constexpr const char* kQuantity = "0.002";  // so little that all of them together pass the risk limits

class ExecutionPair : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { desk_ = std::make_unique<TradingDesk>(); }
  static void TearDownTestSuite() { desk_.reset(); }

  void SetUp() override {
    Restart(0);
    ASSERT_TRUE(Eventually(30s, [] { return desk_->PhaseOf(0) == "READY"; }));
    desk_->StartExecution(1);
    ASSERT_EQ(desk_->PhaseOf(1), "STANDBY");
    ASSERT_TRUE(Eventually(60s, [] {
      return desk_->PostRisk("/api/risk/check", desk_->Decision("asks-only", kQuantity)).at("approved").as_bool();
    }));
  }
  void TearDown() override { desk_->KillExecution(1); }
  static void Restart(size_t which, const std::string& services = "") {
    desk_->KillExecution(which);
    desk_->StartExecution(which, services);
  }
  static bool Decide(const std::string& id) {
    return desk_->PostRisk("/api/risk/decide", desk_->Decision(id, kQuantity)).at("approved").as_bool();
  }
  static std::string EntryOf(const std::string& decision) {
    return trading::ClientOrderId(decision, trading::Leg::kEntry);
  }
  static std::string Recorded(const std::string& decision) {
    return desk_->Sql("SELECT status AS value FROM orders WHERE client_order_id = '" + EntryOf(decision) + "'");
  }
  static bool Filled(const std::string& decision, std::chrono::milliseconds timeout = 30s) {
    return Eventually(timeout, [&] { return Recorded(decision) == "FILLED"; });
  }
  static bool TakesOver(size_t which) {
    return Eventually(kTakeover, [&] { return desk_->PhaseOf(which) == "READY"; });
  }
  // It finds out that the lease is another's, and ends.
  static bool Ends(size_t which) {
    return Eventually(10s, [&] { return !desk_->execution(which).Running(); });
  }
  static void ExpectOnce(const std::string& decision) {
    EXPECT_EQ(desk_->TakenByVenue(EntryOf(decision)), 1u) << decision;
  }
  static inline std::unique_ptr<TradingDesk> desk_;
};

TEST_F(ExecutionPair, Pain4AKilledHolderIsFollowedWithin3sAndWhatWasApprovedIsCarriedOutOnce) {
  ASSERT_TRUE(Decide("before-the-kill"));
  ASSERT_TRUE(Filled("before-the-kill"));
  desk_->KillExecution(0);
  ASSERT_TRUE(Decide("while-it-is-dead"));
  EXPECT_TRUE(TakesOver(1)) << desk_->PhaseOf(1);
  EXPECT_TRUE(Filled("while-it-is-dead", kCarriedOut)) << Recorded("while-it-is-dead");
  ExpectOnce("before-the-kill");
  ExpectOnce("while-it-is-dead");
}

TEST_F(ExecutionPair, Pain4AHolderThatEndsInOrderIsFollowedAtOnce) {
  ASSERT_TRUE(desk_->execution(0).Stop(15s).has_value());
  EXPECT_TRUE(Eventually(2s, [] { return desk_->PhaseOf(1) == "READY"; })) << "the lease was not given back";
}

TEST_F(ExecutionPair, Pain4AStoppedHolderIsFollowedWithin3sAndEndsWhenItWakesUp) {
  desk_->execution(0).Signal(SIGSTOP);
  ASSERT_TRUE(Decide("while-it-is-stopped"));
  EXPECT_TRUE(TakesOver(1)) << desk_->PhaseOf(1);
  EXPECT_TRUE(Filled("while-it-is-stopped", kCarriedOut));
  desk_->execution(0).Signal(SIGCONT);
  EXPECT_TRUE(Ends(0)) << desk_->Output("quantum-execution");
  ExpectOnce("while-it-is-stopped");
}

TEST_F(ExecutionPair, Pain4AHolderCutOffFromPostgresIsFollowedWithin3sAndNeitherRecordsNorSends) {
  desk_->to_postgres(0).RefuseNew(true);
  desk_->to_postgres(0).HoldRequests(true);
  EXPECT_TRUE(TakesOver(1)) << desk_->PhaseOf(1);
  ASSERT_TRUE(Decide("while-it-is-cut-off"));
  EXPECT_TRUE(Filled("while-it-is-cut-off", kCarriedOut)) << "the other has its connection to the bus and reads on";
  EXPECT_TRUE(desk_->execution(0).Running()) << "it does not know yet, and may do nothing";
  desk_->to_postgres(0).RefuseNew(false);
  desk_->to_postgres(0).HoldRequests(false);
  EXPECT_TRUE(Ends(0)) << desk_->Output("quantum-execution");
  ExpectOnce("while-it-is-cut-off");
}

// The worst moment: the order is recorded, the lease looked at, the request signed, and not a byte of it written. The
// other asks the venue, finds nothing, waits until nothing can come, and sends it itself. Then the first wakes up.
TEST_F(ExecutionPair, Pain4AHolderStoppedBetweenSigningAndWritingSendsNothingWhenItWakesUp) {
  desk_->KillExecution(1);
  Restart(0, "  execution: {chaos: {stop_before_write: 1}}\n");
  ASSERT_TRUE(Eventually(30s, [] { return desk_->PhaseOf(0) == "READY"; }));
  desk_->StartExecution(1);
  const trading::Decimal before = desk_->PositionAtVenue();
  ASSERT_TRUE(Decide("signed"));
  const auto state = [] {
    std::ifstream stat(fmt::format("/proc/{}/stat", desk_->execution(0).pid()));
    const std::string text((std::istreambuf_iterator<char>(stat)), {});
    return text[text.rfind(')') + 2];
  };
  ASSERT_TRUE(Eventually(20s, [&] { return state() == 'T'; })) << "it did not stop itself";
  EXPECT_EQ(Recorded("signed"), "INTENT");
  EXPECT_TRUE(TakesOver(1)) << desk_->PhaseOf(1);
  EXPECT_TRUE(Filled("signed")) << Recorded("signed");
  desk_->execution(0).Signal(SIGCONT);
  EXPECT_TRUE(Ends(0)) << desk_->Output("quantum-execution");
  ExpectOnce("signed");
  EXPECT_EQ((desk_->PositionAtVenue() - before).ToString(), kQuantity);
}

}  // namespace
}  // namespace quantum::testing
