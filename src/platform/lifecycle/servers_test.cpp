#include "platform/lifecycle/servers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace quantum::lifecycle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ServersTest : public testing::Test {
 protected:
  ServersTest() {
    char name[] = "/tmp/quantum-servers-XXXXXX";
    directory_ = mkdtemp(name);
  }
  ~ServersTest() override {
    unsetenv("REDIS_SENTINEL_HOSTS");
    unsetenv("REDIS_MASTER_NAME");
    std::filesystem::remove_all(directory_);
  }

  config::Manifest Load(const std::string& text, int offset = 0) {
    const std::string path = directory_ + "/quantum.yml";
    std::ofstream(path) << "version: 1\nmode: PAPER\n" << text;
    auto manifest = config::Manifest::Load(path, {}, offset);
    EXPECT_TRUE(manifest.ok()) << (manifest.ok() ? "" : manifest.error().message);
    return *std::move(manifest);
  }

  const SecretReader secret_ = [](std::string_view name) {
    return Result<std::string>("secret of " + std::string(name));
  };
  std::string directory_;
};

const std::string kUnits = R"(units:
  redis-1: {command: x, port: 6379}
  redis-2: {command: x, port: 6380}
  sentinel-1: {command: x, port: 26379}
  sentinel-2: {command: x, port: 26380}
  postgres: {command: x, port: 5432}
  pgbouncer: {command: x, port: 6432}
)";

TEST_F(ServersTest, TheUnitsOfTheManifestAreUsedWithTheOffset) {
  const config::Manifest manifest = Load(kUnits, 5000);
  const auto redis = RedisOptions(manifest, secret_);
  ASSERT_TRUE(redis.ok()) << redis.error().message;
  EXPECT_THAT(redis->sentinels, ElementsAre(redis::Endpoint{"127.0.0.1", 31379}, redis::Endpoint{"127.0.0.1", 31380}));
  EXPECT_EQ(redis->master_name, "mymaster");
  EXPECT_EQ(redis->password, "secret of redis-service");
  EXPECT_EQ(redis->sentinel_password, "secret of sentinel-client");
  const auto postgres = PostgresOptions(manifest, secret_);
  ASSERT_TRUE(postgres.ok()) << postgres.error().message;
  EXPECT_EQ(postgres->port, 11432);
  EXPECT_EQ(postgres->database, "quantum_trader");
  EXPECT_EQ(postgres->password, "secret of postgres-service");
  EXPECT_EQ(ReplicasRequired(manifest), 1);
}

TEST_F(ServersTest, TheServersSectionWinsOverTheUnitsAndTheEnvironmentOverBoth) {
  const config::Manifest manifest = Load(kUnits + R"(servers:
  redis: {master_name: other, sentinels: ["10.0.0.1:7000"], replicas_required: 2}
  postgres: {host: 10.0.0.2, port: 7001, connections_max: 9}
)");
  EXPECT_EQ(RedisOptions(manifest, secret_)->master_name, "other");
  EXPECT_THAT(RedisOptions(manifest, secret_)->sentinels, ElementsAre(redis::Endpoint{"10.0.0.1", 7000}));
  EXPECT_EQ(ReplicasRequired(manifest), 2);
  const auto postgres = PostgresOptions(manifest, secret_);
  EXPECT_EQ(postgres->host, "10.0.0.2");
  EXPECT_EQ(postgres->port, 7001);
  EXPECT_EQ(postgres->connections_max, 9u);
  setenv("REDIS_SENTINEL_HOSTS", "10.0.0.3:1,10.0.0.4:2", 1);
  setenv("REDIS_MASTER_NAME", "third", 1);
  const auto redis = RedisOptions(manifest, secret_);
  EXPECT_EQ(redis->master_name, "third");
  EXPECT_THAT(redis->sentinels, ElementsAre(redis::Endpoint{"10.0.0.3", 1}, redis::Endpoint{"10.0.0.4", 2}));
  setenv("REDIS_SENTINEL_HOSTS", "nonsense", 1);
  EXPECT_THAT(RedisOptions(manifest, secret_).error().message, HasSubstr("REDIS_SENTINEL_HOSTS"));
}

TEST_F(ServersTest, WhatIsMissingIsNamed) {
  EXPECT_THAT(RedisOptions(Load(""), secret_).error().message, HasSubstr("names no sentinel"));
  const SecretReader none = [](std::string_view) -> Result<std::string> { return Error{Errc::kNotFound, "no secret"}; };
  EXPECT_EQ(PostgresOptions(Load(kUnits), none).error().message, "no secret");
  EXPECT_EQ(ReplicasRequired(Load("units:\n  redis-1: {command: x}\n")), 0);
}

}  // namespace
}  // namespace quantum::lifecycle
