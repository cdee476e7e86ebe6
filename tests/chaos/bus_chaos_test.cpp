#include <gtest/gtest.h>

#include "platform/bus/bus.h"
#include "tests/chaos/bus_chaos.h"
#include "tests/support/redis_cluster.h"

// The event bus while parts of it die. The checker is believed because the negative control shows that it reports
// losses where there are some.
namespace quantum::testing {
namespace {

using namespace std::chrono_literals;

TEST_F(BusChaosTest, NothingIsLostDoubledOrOutOfOrderInTenRoundsOfAFixedSeed) {
  const Outcome outcome = Run({"--rounds", "10", "--seed", "7"}, 600s);
  ExpectGood(outcome, 10);
  EXPECT_GT(outcome.report.at("verdict").at("redelivered").to_number<uint64_t>(), 0u)
      << "no consumer was killed while it had something in hand";
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
  InterruptAfterTheFirstRound({"--rounds", "100", "--seed", "1", "--fault", "kill-replica"}, 120s);
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
  // Redis writes to its file up to two seconds late where the disk is slow (appendfsync everysec, in aof.c): events so
  // young are with their publishers still.
  for (size_t node = 0; node < RedisCluster::kNodes; ++node) {
    EXPECT_TRUE(Eventually(30s, [&] {
      const std::string persistence = cluster.Ask(node, {"INFO", "persistence"});
      return persistence.find("aof_buffer_length:0") != std::string::npos &&
             persistence.find("aof_pending_bio_fsync:0") != std::string::npos;
    }));
  }
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
}  // namespace quantum::testing
