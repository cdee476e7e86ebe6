#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <map>

#include "tests/platform/event_audit.h"
#include "tests/platform/stack.h"

namespace quantum::testing {
namespace {

namespace json = boost::json;
using std::chrono::steady_clock;

constexpr seconds kBackMax(30);  // the contract's bound for a crashed unit
constexpr seconds kRepairTradesMax(60);

std::string RedisMaster(const Stack& stack) {
  const json::value system = stack.GetJson("/api/health/system");
  for (const json::value& unit : system.at("units").as_array()) {
    const json::value& details = unit.at("details");
    if (details.is_object() && details.as_object().contains("role") && details.at("role") == "master") {
      return json::value_to<std::string>(unit.at("name"));
    }
  }
  throw std::runtime_error("no unit is the Redis master: " + json::serialize(system));
}

// SIGKILL, then the unit is ready as another process within 30 s.
void KillAndAwait(const Stack& stack, const std::string& name) {
  const UnitView before = stack.Unit(name);
  ASSERT_GT(before.pid, 0) << name;
  const auto begin = steady_clock::now();
  ASSERT_EQ(::kill(before.pid, SIGKILL), 0) << name;
  UnitView after;
  const bool back = Eventually(kBackMax, [&] {
    after = stack.Unit(name);
    return after.state == "ready" && after.pid != before.pid;
  });
  const double took = std::chrono::duration<double>(steady_clock::now() - begin).count();
  EXPECT_TRUE(back) << name << " is not back within 30 s: " << after.state;
  EXPECT_EQ(after.restarts, before.restarts + 1) << name;
  Say(fmt::format("{} {} after {:.1f} s", name, back ? "is back" : "is NOT back", took));
}

std::map<std::string, int> RestartsByUnit(const Stack& stack) {
  std::map<std::string, int> restarts;
  for (const UnitView& unit : stack.Units()) {
    restarts[unit.name] = unit.restarts;
  }
  return restarts;
}

// Nothing but the blow itself restarts a unit: those that depend on it wait until it is back.
void ExpectOneRestartOfEach(const std::vector<std::string>& killed, const std::map<std::string, int>& before,
                            const std::map<std::string, int>& after) {
  ASSERT_EQ(after.size(), before.size());
  for (const auto& [name, restarts] : after) {
    const auto blows = std::count(killed.begin(), killed.end(), name);
    ASSERT_TRUE(before.contains(name)) << name;
    EXPECT_EQ(restarts - before.at(name), blows)
        << name << " was killed " << blows << " times, restarted " << restarts - before.at(name) << " times";
  }
}

void ExpectVerifyClean(const Stack& stack) {
  const Outcome verify = stack.Quantum({"verify"}, seconds(120));
  EXPECT_EQ(verify.exit_code, 0) << verify.output;
  Say("verify: " + verify.output);
}

// Every unit that runs, in the order of the blows: the Redis master first; the nodes and the sentinels of Redis far
// enough apart that the others have taken note before the next one falls.
std::vector<std::string> UnitsToKill(const Stack& stack) {
  std::vector<std::string> redis{"redis-1", "redis-2", "redis-3"};
  std::string master;
  EXPECT_TRUE(Eventually(kBackMax, [&] { return !(master = RedisMaster(stack)).empty(); }));
  std::rotate(redis.begin(), std::find(redis.begin(), redis.end(), master), redis.end());
  std::vector<std::string> names{redis[0],     "sentinel-1", "postgres-1", "pgbouncer", redis[1], "gateway",
                                 "sentinel-2", "postgres-2", redis[2],     "haproxy",   "etcd",   "sentinel-3"};
  for (const UnitView& unit : stack.Units()) {
    if (unit.kind != "task" && std::find(names.begin(), names.end(), unit.name) == names.end()) {
      names.push_back(unit.name);
    }
  }
  return names;
}

TEST(Repair, EveryKilledProcessIsBackWithinThirtySecondsAndTradingGoesOn) {
  Stack& stack = Stack::Get();
  const std::vector<std::string> names = UnitsToKill(stack);
  EXPECT_GE(names.size(), 17u);
  const std::map<std::string, int> restarts = RestartsByUnit(stack);
  int64_t repaired = NowMs();
  for (const std::string& name : names) {
    // The next blow falls while trades are being made again.
    ASSERT_TRUE(stack.AwaitClosedAfter(repaired, 1, kRepairTradesMax))
        << "no trade was closed since the last repair; the next to kill was " << name;
    Say("killing " + name);
    KillAndAwait(stack, name);
    repaired = NowMs();
  }
  EXPECT_TRUE(stack.AwaitClosedAfter(repaired, 3, kRepairTradesMax)) << "trading did not go on";
  ExpectVerifyClean(stack);
  const EventAudit audit = AuditEvents(stack, seconds(60));
  Say(fmt::format("{} events of {} incarnations, {} groups, {} applied once", audit.events, audit.incarnations,
                  audit.groups, audit.applied));
  EXPECT_THAT(audit.problems, ::testing::IsEmpty());
  ExpectOneRestartOfEach(names, restarts, RestartsByUnit(stack));
}

// The supervisor, or the keeper that starts it again; 0 when there is none.
pid_t SupervisorOf(const Stack& stack, bool keeper) {
  for (const ProcessView& process : ProcessesOf(stack.state())) {
    if (process.command.find(" supervise ") != std::string::npos &&
        (process.command.find("--keep") != std::string::npos) == keeper) {
      return process.pid;
    }
  }
  return 0;
}

TEST(Repair, ASupervisorThatWasKilledComesBackAndKnowsItsChildren) {
  Stack& stack = Stack::Get();
  ASSERT_TRUE(Eventually(kBackMax, [&] {
    for (const UnitView& unit : stack.Units()) {
      if (unit.kind != "task" && unit.state != "ready") {
        return false;
      }
    }
    return true;
  }));
  const std::vector<UnitView> before = stack.Units();
  const pid_t supervisor = SupervisorOf(stack, false);
  ASSERT_GT(supervisor, 0) << "no supervisor was found";
  Say(fmt::format("killing the supervisor, pid {}", supervisor));
  ASSERT_EQ(::kill(supervisor, SIGKILL), 0);
  // It answers again only as another process: the killed one cannot.
  ASSERT_TRUE(Eventually(kBackMax, [&] { return stack.Quantum({"status", "--json"}).exit_code == 0; }));
  ExpectSameProcesses(before, stack.Units());
  std::map<std::string, int> programs;
  for (const ProcessView& process : ProcessesOf(stack.state())) {
    const std::string program = process.command.substr(0, process.command.find(' '));
    if (program.starts_with((stack.state() / "bin/quantum-").string())) {
      ++programs[program];
    }
  }
  for (const auto& [program, count] : programs) {
    EXPECT_EQ(count, program.ends_with("/quantum-execution") ? 2 : 1) << program;  // and its standby
  }
  EXPECT_EQ(programs.size(), 7u);
  // The adopted ones are still repaired.
  KillAndAwait(stack, "monitoring-health");
}

TEST(Repair, AKeeperThatWasKilledIsReplacedAndTheNewOneBringsTheSupervisorBack) {
  Stack& stack = Stack::Get();
  const std::vector<UnitView> before = stack.Units();
  const pid_t keeper = SupervisorOf(stack, true);
  ASSERT_GT(keeper, 0) << "no keeper was found";
  Say(fmt::format("killing the keeper, pid {}", keeper));
  ASSERT_EQ(::kill(keeper, SIGKILL), 0);
  ASSERT_TRUE(Eventually(kBackMax, [&] {
    const pid_t now = SupervisorOf(stack, true);
    return now > 0 && now != keeper;
  })) << "there is no new keeper";
  const pid_t supervisor = SupervisorOf(stack, false);
  ASSERT_GT(supervisor, 0) << "the keeper took the supervisor with it";
  Say(fmt::format("killing the supervisor, pid {}", supervisor));
  ASSERT_EQ(::kill(supervisor, SIGKILL), 0);
  ASSERT_TRUE(Eventually(kBackMax, [&] { return stack.Quantum({"status", "--json"}).exit_code == 0; }));
  ExpectSameProcesses(before, stack.Units());
  KillAndAwait(stack, "portfolio-intelligence");
}

}  // namespace
}  // namespace quantum::testing
