#include "platform/lifecycle/runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "platform/base/durable_file.h"

namespace quantum::lifecycle {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Pair;

TEST(Runtime, ADependencyIsSlowFromTheTimesOfTheContract) {
  char name[] = "/tmp/quantum-runtime-XXXXXX";
  const std::string directory = mkdtemp(name);
  const std::string path = directory + "/quantum.yml";
  ASSERT_TRUE(WriteFileAtomically(path, R"(version: 1
mode: PAPER
symbols: [BTCUSDT]
units:
  sample: {kind: service, command: x, port: 8001}
  peer: {kind: service, command: x, port: 8002}
  redis-1: {command: x, port: 6379}
  sentinel-1: {command: x, port: 26379}
  postgres: {command: x, port: 5432}
  pgbouncer: {command: x, port: 6432}
)",
                                  0600)
                  .ok());
  auto manifest = config::Manifest::Load(path, {}, 0);
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  static ManualClock clock;
  static SeededRandom random(1);
  // As `--check` makes it: with everything that it would ask, and without asking.
  auto runtime = Runtime::Make({.name = "sample-service", .unit = "sample", .api_prefix = "sample", .postgres = true},
                               *std::move(manifest), true, clock, random);
  ASSERT_TRUE(runtime.ok()) << runtime.error().message;
  static Runtime* const kept = std::move(runtime).value().release();  // never destroyed: see Runtime
  kept->AddHttpDependency("peer");
  EXPECT_THAT(kept->dependencies().Slow(),
              ElementsAre(Pair("eventbus", 100ms), Pair("peer", 500ms), Pair("postgres", 200ms), Pair("redis", 100ms)));
  EXPECT_EQ(&kept->clock(), &clock);
  EXPECT_EQ(&kept->random(), &random);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace quantum::lifecycle
