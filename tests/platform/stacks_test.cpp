#include <fmt/format.h>
#include <gmock/gmock.h>

#include <memory>
#include <set>

#include "tests/platform/event_audit.h"
#include "tests/platform/fill_audit.h"
#include "tests/platform/market_clock.h"
#include "tests/platform/stack.h"

// Two platforms on one machine: one plays the recording ten times as fast, the other as fast as its services read.
namespace quantum::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr seconds kEndMax(240);  // 35 s at ten times the speed
constexpr seconds kEventsMax(60);

// 6000 lies 1000 beyond the first: its pgbouncer's port is this one's postgres' (docs/decisions/0004-port-offsets.md).
constexpr int kFirstOffset = 5000;
constexpr int kSecondOffset = 5300;
constexpr int kCollidingOffset = 6000;

// Which units are not where they belong, and where they are instead.
std::string NotReady(const Stack& stack) {
  std::string units;
  for (const UnitView& unit : stack.Units()) {
    const bool by_the_clock = unit.kind == "task" && unit.state == "scheduled";  // no part of the start
    if (!by_the_clock && unit.state != (unit.kind == "task" ? "done" : "ready")) {
      units += fmt::format(" {} is {}", unit.name, unit.state);
    }
  }
  return units;
}

void ExpectAllReady(const Stack& stack) {
  // A task of the clock runs now and then, and a probe may go unanswered on a busy machine.
  std::string not_ready;
  EXPECT_TRUE(Eventually(seconds(30),
                         [&] {
                           not_ready = NotReady(stack);
                           return not_ready.empty();
                         }))
      << "at " << stack.options().port_offset << not_ready;
  for (const UnitView& unit : stack.Units()) {
    EXPECT_EQ(unit.restarts, 0) << unit.name << " at " << stack.options().port_offset;
  }
}

class TwoStacks : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    slow_ = std::make_unique<Stack>(
        StackOptions{.port_offset = kFirstOffset, .speed = "10", .decisions_per_second = "6", .hold = "500ms"});
    fast_ = std::make_unique<Stack>(
        StackOptions{.port_offset = kSecondOffset, .speed = "max", .decisions_per_second = "16", .hold = "200ms"});
    try {
      for (const auto& [stack, clock] : {std::pair(slow_.get(), &slow_clock_), std::pair(fast_.get(), &fast_clock_)}) {
        clock->Start(stack->PlannedPort("paper-exchange"));
        stack->BringUp();
      }
    } catch (const std::exception& exception) {
      ADD_FAILURE() << exception.what();
    }
  }
  static void TearDownTestSuite() {
    slow_clock_.Stop();
    fast_clock_.Stop();
    for (std::unique_ptr<Stack>* stack : {&fast_, &slow_}) {
      try {
        (*stack)->TakeDown();
      } catch (const std::exception& exception) {
        ADD_FAILURE() << exception.what();
      }
      stack->reset();
    }
  }
  void SetUp() override { ASSERT_TRUE(slow_->is_up() && fast_->is_up()); }

  // The whole recording is over, what was traded in it is explained, and the platform is as sound as before.
  static void PlaysToItsEnd(const Stack& stack, const MarketClock& clock) {
    if (!stack.recording()) {
      GTEST_SKIP() << "there is no recorded market data beside the source tree";
    }
    ASSERT_TRUE(Eventually(kEndMax, [&] {
      std::this_thread::sleep_for(milliseconds(200));
      return stack.MarketEnded();
    })) << "the market has not ended";
    Say(fmt::format("speed {}: the recording has ended", stack.options().speed));
    EXPECT_GE(stack.ClosedTrades().size(), 4u);
    for (const char* symbol : {"BTCUSDT", "ETHUSDT"}) {
      const FillAudit fills = AuditFills(stack, clock, symbol);
      Say(fmt::format("speed {}: {} fills of {}; the market's place is known within {} ms", stack.options().speed,
                      fills.taker + fills.maker, symbol, fills.longest_span_ms));
      EXPECT_GT(fills.taker, 0u) << symbol;
      EXPECT_THAT(fills.problems, IsEmpty());
    }
    const EventAudit events = AuditEvents(stack, kEventsMax);
    Say(fmt::format("speed {}: {} events, {} applied once", stack.options().speed, events.events, events.applied));
    EXPECT_THAT(events.problems, IsEmpty());
    const Outcome verify = stack.Quantum({"verify"}, seconds(120));
    EXPECT_EQ(verify.exit_code, 0) << verify.output;
    ExpectAllReady(stack);
  }

  static inline std::unique_ptr<Stack> slow_;
  static inline std::unique_ptr<Stack> fast_;
  static inline MarketClock slow_clock_;
  static inline MarketClock fast_clock_;
};

TEST_F(TwoStacks, StandSideBySideWithNothingInCommon) {
  ExpectAllReady(*slow_);
  ExpectAllReady(*fast_);
  std::set<int> pids;
  std::set<int> ports;
  size_t units = 0;
  for (const Stack* stack : {slow_.get(), fast_.get()}) {
    for (const UnitView& unit : stack->Units()) {
      if (unit.kind != "task") {
        pids.insert(unit.pid);
        ports.insert(unit.port);
        ++units;
      }
    }
  }
  EXPECT_EQ(pids.size(), units);
  EXPECT_EQ(ports.size(), units);
}

TEST_F(TwoStacks, AThirdWhosePortsCollideIsToldWhichAndWithWhomAndLeavesNothing) {
  Stack third({.port_offset = kCollidingOffset});
  std::string why;
  try {
    third.BringUp();
  } catch (const std::exception& exception) {
    why = exception.what();
  }
  EXPECT_THAT(why, HasSubstr("port 11432 "));
  EXPECT_THAT(why, HasSubstr("held by pid"));
  EXPECT_THAT(why, HasSubstr("--port-offset"));
  const auto left = third.Processes();
  EXPECT_TRUE(left.empty()) << left.size() << " processes are left, the first: " << left.front().command;
  third.TakeDown();
  ExpectAllReady(*slow_);
  ExpectAllReady(*fast_);
}

TEST_F(TwoStacks, TheRecordingIsTradedToItsEndAsFastAsItCanBeRead) { PlaysToItsEnd(*fast_, fast_clock_); }

TEST_F(TwoStacks, TheRecordingIsTradedToItsEndAtTenTimesTheSpeed) { PlaysToItsEnd(*slow_, slow_clock_); }

}  // namespace
}  // namespace quantum::testing
