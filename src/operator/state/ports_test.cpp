#include "operator/state/ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

namespace quantum::operate {
namespace {

using ::testing::HasSubstr;

config::Unit MakeUnit(const std::string& name, int port, int fallback = 0) {
  config::Unit unit;
  unit.name = name;
  unit.port = port;
  unit.fallback_port = fallback;
  return unit;
}

const std::vector<config::Unit> kUnits = {MakeUnit("redis-1", 6379), MakeUnit("sentinel-1", 26379),
                                          MakeUnit("task", 0)};

TEST(Ports, AStrangerOnAPortIsNamedWithItsProcess) {
  const std::map<int, Holder> listening = {{11379, {.pid = 812, .command = "redis-server *:11379"}}};
  const auto status = CheckPortsFree(kUnits, 5000, listening, {});
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message, HasSubstr("port 11379 (for redis-1) is held by pid 812 (redis-server *:11379)"));
}

TEST(Ports, AFurtherPortOfAUnitCountsToo) {
  config::Unit node = MakeUnit("postgres-1", 5432);
  node.ports = {{"rest", 8008}};
  EXPECT_THAT(CheckPortsFree({node}, 5000, {{13008, {.pid = 7, .command = "stranger"}}}, {}).error().message,
              HasSubstr("port 13008 (for postgres-1) is held by pid 7 (stranger)"));
}

TEST(Ports, OurOwnProcessIsNoStranger) {
  const std::map<int, Holder> listening = {{11379, {.pid = 812, .command = "redis-server"}}};
  EXPECT_TRUE(CheckPortsFree(kUnits, 5000, listening, {812}).ok());
}

TEST(Ports, AHolderWeMayNotSeeIsStillReported) {
  EXPECT_THAT(CheckPortsFree(kUnits, 0, {{6379, {}}}, {}).error().message, HasSubstr("a process of another user"));
}

struct FallbackCase {
  const char* name;
  int offset;
  bool may_bind_low;
  bool held;
  int expected;
};
void PrintTo(const FallbackCase& one, std::ostream* out) { *out << one.name; }

class Fallback : public ::testing::TestWithParam<FallbackCase> {};

TEST_P(Fallback, IsTakenExactlyWhenThePortCannotBeBound) {
  std::map<int, Holder> listening;
  if (GetParam().held) {
    listening[80 + GetParam().offset] = {.pid = 7, .command = "apache2"};
  }
  const PortChoice choice =
      ChoosePort(MakeUnit("gateway", 80, 8088), GetParam().offset, GetParam().may_bind_low, listening, {});
  EXPECT_EQ(choice.port, GetParam().expected);
  EXPECT_EQ(choice.note.empty(), GetParam().expected == 80);
}

INSTANTIATE_TEST_SUITE_P(Cases, Fallback,
                         ::testing::Values(FallbackCase{"Free", 0, true, false, 80},
                                           FallbackCase{"NotRoot", 0, false, false, 8088},
                                           FallbackCase{"NotRootButHighPort", 5000, false, false, 80},
                                           FallbackCase{"Held", 0, true, true, 8088}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace quantum::operate
