// The sample service with a real Redis behind real sentinels.

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "platform/config/secrets.h"
#include "platform/lifecycle/sample_process.h"
#include "tests/support/redis_cluster.h"

namespace quantum::lifecycle {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
namespace support = quantum::testing;

class ServiceRedisTest : public ServiceProcessTest {
 protected:
  void UseRedis(const redis::ClientOptions& options) {
    std::string hosts;
    for (const redis::Endpoint& sentinel : options.sentinels) {
      hosts += (hosts.empty() ? "" : ",") + sentinel.host + ":" + std::to_string(sentinel.port);
    }
    environment_ = {"SAMPLE_REDIS=1", "REDIS_SENTINEL_HOSTS=" + hosts, "REDIS_MASTER_NAME=" + options.master_name};
    const std::string secrets = State() + "/secrets/";
    support::WriteFile(secrets + std::string(config::kRedisService), options.password);
    support::WriteFile(secrets + std::string(config::kSentinelClient), options.sentinel_password);
  }

  json::object Health() const { return json::parse(Get("/health").body).as_object(); }
  // What the component says of itself stands in /health at most a second after it is ready.
  int64_t Answered() const {
    int64_t answered = -1;
    EXPECT_TRUE(support::Eventually(10s, [&] {
      const json::value metrics = Health().at("metrics");
      const json::value* const value = metrics.as_object().if_contains("answered");
      answered = value != nullptr ? value->as_int64() : -1;
      return value != nullptr;
    }));
    return answered;
  }
};

TEST_F(ServiceRedisTest, StateIsSavedOnTheWayDownRestoredOnceAndGoneAfterAKill) {
  const support::RedisCluster cluster;
  UseRedis(cluster.Options());
  {
    support::Process process = StartAndWait();
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(Get("/api/sample/slow?ms=1").status, 200);
    }
    EXPECT_TRUE(support::Eventually(10s, [&] { return Health().at("status") == "OK"; })) << Get("/health").body;
    EXPECT_EQ(ExitCode(process), 0);
    EXPECT_THAT(Log(), ::testing::Not(::testing::HasSubstr("shutdown stage incomplete")));
  }
  {
    support::Process process = StartAndWait();
    EXPECT_EQ(Answered(), 3);
    process.Kill();
  }
  support::Process process = StartAndWait();
  EXPECT_EQ(Answered(), 0);
  EXPECT_EQ(ExitCode(process), 0);
}

TEST_F(ServiceRedisTest, WithoutRedisItStartsWithoutItsSavedStateSaysSoAndStopsPromptly) {
  UseRedis({.sentinels = {{"127.0.0.1", support::FreePorts(1).front()}}, .sentinel_password = "x", .password = "x"});
  support::Process process = Start();
  EXPECT_TRUE(support::Eventually(20s, [&] { return Get("/health/live").status == 200; }));
  EXPECT_TRUE(support::Eventually(15s, [&] { return Get("/health/ready").status == 200; })) << Log();
  EXPECT_THAT(Log(), ::testing::HasSubstr("starting without the saved state"));
  const auto begin = std::chrono::steady_clock::now();
  const Answer health = Get("/health");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(json::parse(health.body).at("dependencies").at("redis").at("status"), "DOWN");
  EXPECT_TRUE(process.Running());
  EXPECT_EQ(ExitCode(process, 10s), 0);
}

TEST_F(ServiceRedisTest, APasswordThatRedisRefusesIsToldByReadinessWithTheSecretToLookAt) {
  const support::RedisCluster cluster;
  redis::ClientOptions options = cluster.Options();
  options.password = "another";
  UseRedis(options);
  support::Process process = Start();
  std::string detail;
  bool ready = false;
  EXPECT_TRUE(support::Eventually(20s, [&] {
    const Answer answer = Get("/health/ready");
    ready = ready || answer.status == 200;
    detail = answer.body;
    return detail.find("WRONGPASS") != std::string::npos;
  })) << Log();
  EXPECT_FALSE(ready);
  EXPECT_THAT(detail, ::testing::HasSubstr("secret redis-service"));
  EXPECT_THAT(detail, ::testing::Not(::testing::HasSubstr("another\"")));
  EXPECT_TRUE(process.Running());
  EXPECT_EQ(ExitCode(process, 10s), 0);
}

}  // namespace
}  // namespace quantum::lifecycle
