#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>

#include "tests/platform/event_audit.h"
#include "tests/platform/stack.h"

// Execution's two processes on the whole platform: the one that works is killed, then stopped, while the exerciser
// trades. Closer looks are in execution_pair_integration_test.
namespace quantum::testing {
namespace {

constexpr milliseconds kTakeoverMax(3000);
constexpr seconds kTakeoverTradesMax(60);

class Takeover : public ::testing::Test {
 protected:
  // From the blow to the other's readiness.
  void Strike(int signal) {
    ASSERT_TRUE(Eventually(seconds(60), [&] { return stack_.Unit(Other()).state == "ready"; }));
    ASSERT_TRUE(stack_.AwaitClosedAfter(NowMs(), 1, kTakeoverTradesMax)) << "nothing is traded";
    struck_ = stack_.Unit(stack_.Working("execution"));
    const std::string other = Other();
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_EQ(::kill(struck_.pid, signal), 0);
    const bool taken = Eventually(kTakeoverMax, [&] {
      const Answer health = Send({.port = stack_.Port(other), .path = "/health"});
      return boost::json::parse(health.body).at("metrics").at("phase").as_string() == "READY";
    });
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    EXPECT_TRUE(taken) << other << " has not taken over within 3 s";
    Say(fmt::format("{} took over after {:.1f} s", other, took));
    EXPECT_TRUE(stack_.AwaitClosedAfter(NowMs(), 1, kTakeoverTradesMax)) << "trading did not go on";
  }
  std::string Other() const { return stack_.Working("execution") == "execution" ? "execution-standby" : "execution"; }
  // As a standby.
  void ExpectBack() {
    EXPECT_TRUE(Eventually(seconds(60), [&] {
      const UnitView now = stack_.Unit(struck_.name);
      return now.state == "ready" && now.pid != struck_.pid && stack_.Working("execution") != struck_.name;
    }));
  }
  Stack& stack_ = Stack::Get();
  UnitView struck_;
};

TEST_F(Takeover, Pain4AKilledExecutionIsFollowedWithin3s) {
  ASSERT_NO_FATAL_FAILURE(Strike(SIGKILL));
  ExpectBack();
}

TEST_F(Takeover, Pain4AStoppedExecutionIsFollowedWithin3sAndComesBackAsAStandby) {
  ASSERT_NO_FATAL_FAILURE(Strike(SIGSTOP));
  ASSERT_EQ(::kill(struck_.pid, SIGCONT), 0);
  ExpectBack();
  const Outcome verify = stack_.Quantum({"verify"}, seconds(120));
  EXPECT_EQ(verify.exit_code, 0) << verify.output;
  EXPECT_THAT(AuditEvents(stack_, seconds(60)).problems, ::testing::IsEmpty());
}

}  // namespace
}  // namespace quantum::testing
