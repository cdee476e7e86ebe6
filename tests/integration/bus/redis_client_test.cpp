#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/base/correlation.h"
#include "platform/redis/client.h"
#include "tests/support/redis_cluster.h"
#include "tests/support/run_in_fiber.h"

namespace quantum::redis {
namespace {

using namespace std::chrono_literals;
using quantum::testing::RedisCluster;
using quantum::testing::RunInFiber;
using ::testing::HasSubstr;

TEST(RedisClient, RunsCommandsOfManyFibersOnOneConnection) {
  RedisCluster cluster;
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop, cluster.Options());
    ASSERT_TRUE(client.Run({"SET", "quantum:test:a", "1"}).ok());
    int done = 0;
    fiber::Event all;
    for (int i = 0; i < 100; ++i) {
      loop.Spawn([&] {
        EXPECT_TRUE(client.Run({"INCR", "quantum:test:a"}).ok());
        if (++done == 100) {
          all.Set();
        }
      });
    }
    ASSERT_TRUE(all.WaitFor(10s));
    const auto value = client.Run({"GET", "quantum:test:a"});
    ASSERT_TRUE(value.ok());
    EXPECT_EQ(value->text, "101");
    auto health = client.Check(10s);
    // A busy sentinel may miss a round, which ends after a second.
    for (int rounds = 0; health.ok() && health->sentinels_reached < 2 && rounds < 10; ++rounds) {
      fiber::SleepFor(2s);
      health = client.Check(10s);
    }
    ASSERT_TRUE(health.ok()) << health.error().message;
    EXPECT_EQ(health->master, cluster.nodes()[0]);
    EXPECT_GE(health->sentinels_reached, 2);
    EXPECT_GE(health->sentinels_agree, 2);
    EXPECT_EQ(health->replicas.size(), 2u);
    const auto connections = cluster.Ask(0, {"CLIENT", "LIST"});
    size_t service_connections = 0;
    for (size_t at = connections.find("user=service"); at != std::string::npos;
         at = connections.find("user=service", at + 1)) {
      ++service_connections;
    }
    EXPECT_EQ(service_connections, 1u);
  });
}

TEST(RedisClient, MeasuresWithTheClockItWasGiven) {
  RedisCluster cluster;
  RunInFiber([&](fiber::Loop& loop) {
    ManualClock clock;  // stands still
    Client client(loop, cluster.Options(), clock);
    const auto health = client.Check(10s);
    ASSERT_TRUE(health.ok()) << health.error().message;
    EXPECT_EQ(health->latency, Duration::zero());
    EXPECT_TRUE(client.Dedicated(10s).ok());
  });
}

TEST(RedisClient, ARefusedPasswordIsToldWithTheSecretToLookAt) {
  RedisCluster cluster;
  RunInFiber([&](fiber::Loop& loop) {
    ClientOptions options = cluster.Options();
    options.secret = "redis-service";
    options.sentinel_secret = "sentinel-client";
    ClientOptions wrong = options;
    wrong.password = "another";
    Client client(loop, wrong);
    const auto answer = client.Run({"GET", "quantum:test:a"}, 2s);
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, Errc::kPermission) << answer.error().message;
    EXPECT_THAT(answer.error().message, HasSubstr("WRONGPASS"));
    EXPECT_THAT(answer.error().message, HasSubstr("secret redis-service"));

    ClientOptions shut_out = options;
    shut_out.sentinel_password = "another";
    Client other(loop, shut_out);
    const auto refused = other.Run({"GET", "quantum:test:a"}, 2s);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, Errc::kPermission) << refused.error().message;
    EXPECT_THAT(refused.error().message, HasSubstr("secret sentinel-client"));
  });
}

TEST(RedisClient, TheServiceUserReachesOnlyItsOwnKeysAndNoAdministration) {
  RedisCluster cluster;
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop, cluster.Options());
    for (const Command& command : {Command{"SET", "other", "1"}, Command{"CONFIG", "GET", "*"}, Command{"FLUSHALL"},
                                   Command{"ACL", "LIST"}, Command{"FUNCTION", "FLUSH"}, Command{"SHUTDOWN"}}) {
      const auto answer = client.Run(command);
      ASSERT_FALSE(answer.ok()) << command.front();
      EXPECT_EQ(answer.error().code, Errc::kPermission) << answer.error().message;
    }
  });
}

TEST(RedisClient, FollowsAFailoverAfterTheMasterIsKilledAndTheOldMasterComesBackAsReplica) {
  RedisCluster cluster;
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop, cluster.Options());
    ASSERT_TRUE(client.Run({"SET", "quantum:test:a", "1"}).ok());
    cluster.KillNode(0);
    const SteadyTime killed = SystemClock().Steady();
    cluster.SetDownAfter(RedisCluster::kQuick);
    Result<Reply> answer = Error{};
    do {
      answer = client.Run({"SET", "quantum:test:a", "2"}, 10s);
      // An election that fails is repeated after ten seconds.
    } while (!answer.ok() && SystemClock().Steady() - killed < 60s);
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    const auto took = std::chrono::duration<double>(SystemClock().Steady() - killed).count();
    RecordProperty("failover_s", std::to_string(took));
    const auto health = client.Check(10s);
    ASSERT_TRUE(health.ok()) << health.error().message;
    EXPECT_NE(health->master, cluster.nodes()[0]);
    cluster.SetDownAfter(RedisCluster::kPatient);  // no further election, which node 0 might win
    cluster.StartNode(0);
    EXPECT_NO_THROW(cluster.AwaitHealthy());
    EXPECT_TRUE(cluster.Ask(0, {"ROLE"}).starts_with("slave"));
  });
}

TEST(RedisClient, SaysUnavailableWhenNothingWasSentBecauseThereIsNoMaster) {
  RunInFiber([](fiber::Loop& loop) {
    ClientOptions options;
    for (const int port : quantum::testing::FreePorts(3)) {
      options.sentinels.push_back({"127.0.0.1", port});
    }
    Client client(loop, options);
    const auto answer = client.Run({"GET", "quantum:test:a"}, 300ms);
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, Errc::kUnavailable) << answer.error().message;
  });
}

TEST(RedisClient, SurvivesAMasterThatHangs) {
  RedisCluster cluster;
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop, cluster.Options());
    ASSERT_TRUE(client.Run({"SET", "quantum:test:a", "1"}).ok());
    cluster.PauseNode(0);
    cluster.SetDownAfter(RedisCluster::kQuick);
    const auto unknown = client.Run({"SET", "quantum:test:a", "2"}, 10s);
    ASSERT_FALSE(unknown.ok());
    EXPECT_EQ(unknown.error().code, Errc::kUnknownOutcome) << "it was sent and no answer came";
    // An election that fails is repeated after ten seconds.
    const SteadyTime until = SystemClock().Steady() + 60s;
    auto answer = client.Run({"SET", "quantum:test:a", "3"}, 10s);
    while (!answer.ok() && SystemClock().Steady() < until) {
      answer = client.Run({"SET", "quantum:test:a", "3"}, 10s);
    }
    EXPECT_TRUE(answer.ok()) << answer.error().message;
    cluster.ResumeNode(0);
  });
}

TEST(RedisCluster, ComesBackWithTheMasterItHadAfterAStopAndAStartOfEverything) {
  RedisCluster cluster;
  cluster.KillNode(0);
  cluster.SetDownAfter(RedisCluster::kQuick);
  cluster.AwaitFailover(0);
  // No further election: six processes that start at once may be silent for a second. The sentinels keep it in their
  // files.
  cluster.SetDownAfter(RedisCluster::kPatient);
  cluster.StartNode(0);
  cluster.AwaitHealthy();
  const size_t master = cluster.AwaitMaster();
  ASSERT_NE(master, 0u) << "the configuration as it was written first would do";
  for (size_t i = 0; i < RedisCluster::kNodes; ++i) {
    cluster.KillSentinel(i);
  }
  for (size_t i = 0; i < RedisCluster::kNodes; ++i) {
    cluster.StopNode(i);
  }
  for (size_t i = 0; i < RedisCluster::kNodes; ++i) {
    cluster.StartNode(i);
  }
  for (size_t i = 0; i < RedisCluster::kNodes; ++i) {
    cluster.StartSentinel(i);
  }
  cluster.AwaitHealthy();
  EXPECT_EQ(cluster.AwaitMaster(), master);
}

// infra/redis/on-event.sh, which the sentinels run.
TEST(RedisCluster, OnceTheChosenNodeIsMasterTheOtherReplicaFollowsItAtOnce) {
  RedisCluster cluster;
  const auto port = [&](size_t node) { return std::to_string(cluster.nodes()[node].port); };
  const auto tell = [&](const std::string& event) {
    return quantum::testing::Process(
        {.command = {"./on-event.sh", event,
                     "slave 127.0.0.1:" + port(1) + " 127.0.0.1 " + port(1) + " @ mymaster 127.0.0.1 " + port(0)},
         .output = cluster.directory() / "script.log",
         .directory = cluster.directory() / "sentinel-1"});
  };
  const auto follows = [&](size_t replica, size_t master) {
    return cluster.Ask(replica, {"ROLE"}).starts_with("slave\n127.0.0.1\n" + port(master) + "\n");
  };
  for (const char* event : {"+sdown", "+selected-slave"}) {
    auto script = tell(event);
    ASSERT_TRUE(quantum::testing::Eventually(60s, [&] { return !script.Running(); })) << event;
    EXPECT_TRUE(follows(2, 0)) << event << ": nothing was promoted";
  }
  auto script = tell("+selected-slave");
  ASSERT_EQ(cluster.Ask(1, {"REPLICAOF", "NO", "ONE"}), "OK");
  EXPECT_TRUE(quantum::testing::Eventually(30s, [&] { return follows(2, 1); }))
      << quantum::testing::ReadFile(cluster.directory() / "script.log");
}

}  // namespace
}  // namespace quantum::redis
