#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <boost/json.hpp>
#include <filesystem>
#include <iostream>
#include <random>

#include "platform/bus/bus.h"
#include "tests/support/checkout/checkout.h"
#include "tests/support/redis_cluster.h"

// The event bus while parts of it die: `quantum chaos bus` as an operator runs it. Its checker is believed because the
// negative control shows that it reports losses where there are some.
namespace quantum {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
namespace fs = std::filesystem;
using quantum::testing::Eventually;
using quantum::testing::Process;
using quantum::testing::ReadFile;
using quantum::testing::RedisCluster;
using quantum::testing::TemporaryDirectory;

class BusChaosTest : public ::testing::Test {
 protected:
  struct Outcome {
    int exit_code = -1;
    std::string output;
    json::object report;  // empty: none was written
  };

  Process Start(std::vector<std::string> options) const {
    std::vector<std::string> command{(fs::read_symlink("/proc/self/exe").parent_path() / "quantum").string(), "chaos",
                                     "bus", "--json", Json()};
    command.insert(command.end(), options.begin(), options.end());
    return Process({.command = command,
                    .output = directory_.path() / "output",
                    .environment = {"QUANTUM_ROOT=" + checkout::SourceDirectory(), "TMPDIR=" + Temporary().string()}});
  }

  Outcome Run(std::vector<std::string> options, std::chrono::milliseconds timeout) const {
    Process process = Start(std::move(options));
    const bool ended = Eventually(timeout, [&] { return !process.Running(); });
    Outcome outcome;
    const int status = process.Stop(10s).value_or(-1);
    outcome.exit_code = ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    outcome.output = ReadFile(directory_.path() / "output");
    if (fs::exists(Json())) {
      outcome.report = json::parse(ReadFile(Json())).as_object();
    }
    return outcome;
  }

  // All that it makes but the report.
  fs::path Temporary() const {
    const fs::path folder = directory_.path() / "temporary";
    fs::create_directories(folder);
    return folder;
  }
  std::string Json() const { return (directory_.path() / "report.json").string(); }

  void ExpectGood(const Outcome& outcome, size_t rounds) const {
    ASSERT_FALSE(outcome.report.empty()) << outcome.output;
    const json::object& verdict = outcome.report.at("verdict").as_object();
    for (const char* violation : {"lost", "doubled", "disordered", "misplaced", "invented", "contradicted"}) {
      EXPECT_EQ(verdict.at(violation).to_number<uint64_t>(), 0u) << violation << "\n" << outcome.output;
    }
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    EXPECT_EQ(outcome.report.at("rounds").as_array().size(), rounds);
    EXPECT_GE(verdict.at("acknowledged").to_number<uint64_t>(), 1000 * rounds);
    EXPECT_TRUE(fs::is_empty(Temporary())) << "it left something behind";
  }

  TemporaryDirectory directory_{"bus-chaos"};
};

TEST_F(BusChaosTest, NothingIsLostDoubledOrOutOfOrderInTenRoundsOfAFixedSeed) {
  const Outcome outcome = Run({"--rounds", "10", "--seed", "7"}, 600s);
  ExpectGood(outcome, 10);
  EXPECT_GT(outcome.report.at("verdict").at("redelivered").to_number<uint64_t>(), 0u)
      << "no consumer was killed while it had something in hand";
}

TEST_F(BusChaosTest, NothingIsLostDoubledOrOutOfOrderInFiveRoundsOfAFreshSeed) {
  const unsigned seed = std::random_device()() % 1'000'000 + 1;
  std::cout << "seed " << seed << std::endl;
  ExpectGood(Run({"--rounds", "5", "--seed", std::to_string(seed)}, 480s), 5);
}

TEST_F(BusChaosTest, WithoutJournalAndWaitAPartitionOfTheMasterLosesEventsAndTheCheckerSaysSo) {
  const Outcome outcome = Run({"--negative-control", "--seed", "1"}, 240s);
  if (outcome.output.find("needs network namespaces") != std::string::npos) {
    GTEST_SKIP() << outcome.output;
  }
  ASSERT_FALSE(outcome.report.empty()) << outcome.output;
  EXPECT_EQ(outcome.exit_code, 1) << outcome.output;
  EXPECT_FALSE(outcome.report.at("good").as_bool());
  EXPECT_GE(outcome.report.at("verdict").at("lost").to_number<uint64_t>(), 10u) << outcome.output;
  EXPECT_GT(outcome.report.at("examples").as_array().size(), 0u);
}

TEST_F(BusChaosTest, ARunThatIsInterruptedLeavesNothingBehind) {
  Process process = Start({"--rounds", "100", "--seed", "1", "--fault", "kill-replica"});
  ASSERT_TRUE(Eventually(120s, [&] {
    return ReadFile(directory_.path() / "output").find("1/100") != std::string::npos;
  })) << ReadFile(directory_.path() / "output");
  ASSERT_TRUE(process.Stop(60s, SIGINT).has_value());
  EXPECT_TRUE(fs::is_empty(Temporary()));
}

// What a group has not read yet may be older than what publishers keep: it must survive in the servers' own files.
TEST(BusRestart, AStreamHoldsWhatItHeldAfterAllServersWereKilled) {
  bus::RegisterEventType({"order.placed"});
  RedisCluster cluster;
  fiber::Loop loop("test");
  const auto publish = [&] {
    redis::Client client(loop, cluster.Options());
    bus::Bus bus(loop, client, nullptr, {.producer = "p", .group = "g"});
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(bus.Publish({.type = "order.placed", .key = "K", .payload = "{}"}).ok());
    }
  };
  loop.Spawn([&] {
    publish();
    loop.Stop();
  });
  loop.Run();
  for (size_t node = 0; node < RedisCluster::kNodes; ++node) {
    cluster.KillNode(node);
  }
  for (size_t node = 0; node < RedisCluster::kNodes; ++node) {
    cluster.StartNode(node);
  }
  cluster.AwaitHealthy();
  EXPECT_EQ(cluster.Ask(cluster.AwaitMaster(), {"XLEN", bus::StreamKey("order")}), "100");
}

}  // namespace
}  // namespace quantum
