#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <random>

#include "tests/chaos/chaos.h"

// Postgres while parts of it die. The checker is believed because the negative control shows that it reports losses
// where there are some.
namespace quantum::testing {
namespace {

using namespace std::chrono_literals;

class PostgresChaosTest : public ChaosTest {
 protected:
  // The servers run as a user of their own, who has to pass.
  PostgresChaosTest() : ChaosTest("postgres", "300", "60") {
    for (const fs::path& folder : {directory_.path(), Temporary()}) {
      fs::permissions(folder, fs::perms(0711));
    }
  }

  // Processes whose command speaks of the run's folder.
  std::vector<std::string> Left() const {
    std::vector<std::string> left;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      std::ifstream file(entry.path() / "cmdline", std::ios::binary);
      const std::string command{std::istreambuf_iterator<char>(file), {}};
      if (command.find(Temporary().string()) != std::string::npos) {
        left.push_back(command);
      }
    }
    return left;
  }
};

TEST_F(PostgresChaosTest, NoAcknowledgedCommitIsLostOrDoubledInFiveRoundsOfAFreshSeed) {
  const unsigned seed = std::random_device()() % 1'000'000 + 1;
  std::cout << "seed " << seed << std::endl;
  const Outcome outcome = Run({"--rounds", "5", "--seed", std::to_string(seed)}, 900s);
  ASSERT_FALSE(outcome.report.empty()) << outcome.output;
  for (const auto& [violation, count] : outcome.report.at("violations").as_object()) {
    EXPECT_EQ(count.to_number<uint64_t>(), 0u) << violation << "\n" << outcome.output;
  }
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_EQ(outcome.report.at("rounds").as_array().size(), 5u);
  EXPECT_GE(outcome.report.at("acknowledged").to_number<uint64_t>(), 5000u);
  EXPECT_TRUE(fs::is_empty(Temporary())) << "it left something behind";
}

TEST_F(PostgresChaosTest, AsynchronousAndCutOffAPrimaryThatIsLostLosesCommitsAndTheCheckerSaysSo) {
  const Outcome outcome = Run({"--negative-control", "--seed", "1"}, 600s);
  ASSERT_FALSE(outcome.report.empty()) << outcome.output;
  EXPECT_EQ(outcome.exit_code, 1) << outcome.output;
  EXPECT_FALSE(outcome.report.at("good").as_bool());
  EXPECT_GE(outcome.report.at("violations").at("lost").to_number<uint64_t>(), 10u) << outcome.output;
  EXPECT_GT(outcome.report.at("examples").as_array().size(), 0u);
}

TEST_F(PostgresChaosTest, ARunThatIsInterruptedLeavesNothingBehind) {
  InterruptAfterTheFirstRound({"--rounds", "100", "--seed", "1", "--fault", "kill-pgbouncer"}, 300s);
  EXPECT_TRUE(fs::is_empty(Temporary()));
  EXPECT_TRUE(Eventually(10s, [&] { return Left().empty(); })) << Left().front();
}

}  // namespace
}  // namespace quantum::testing
