#include "platform/lifecycle/health_monitor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "platform/lifecycle/dependency_checks.h"

namespace quantum::lifecycle {
namespace {

using namespace std::chrono_literals;

// Runs the body in a fiber of a loop until it returns.
void InFiberOf(fiber::Loop& loop, std::function<void()> body) {
  loop.Spawn([&] {
    body();
    loop.Stop();
  });
  loop.Run();
}

TEST(DependencyChecks, AllAreAskedAtOnceAndOneThatHangsIsDownAndNotAskedAgain) {
  fiber::Loop loop("main");
  DependencyChecks checks(loop, SystemClock(), 2s);
  fiber::Event release;
  int hanging_asked = 0;
  checks.Add({"quick", 1s, true, [] { return Result<std::string>(R"({"a": 1})"); }});
  checks.Add({"slow", 200ms, false, []() -> Result<std::string> {
                fiber::SleepFor(1s);
                return std::string();
              }});
  checks.Add({"slow-too", 5s, true, []() -> Result<std::string> {
                fiber::SleepFor(1s);
                return std::string();
              }});
  checks.Add({"broken", 1s, true, []() -> Result<std::string> { return Error{Errc::kUnavailable, "refused"}; }});
  checks.Add({"hanging", 1s, true, [&]() -> Result<std::string> {
                ++hanging_asked;
                release.Wait();
                return std::string("{}");
              }});
  InFiberOf(loop, [&] {
    const SteadyTime begin = SystemClock().Steady();
    auto answers = checks.Ask();
    EXPECT_LT(SystemClock().Steady() - begin, 3500ms) << "the sum of all is 4 s";
    EXPECT_EQ(answers.at("quick").status, HealthStatus::kOk);
    EXPECT_EQ(answers.at("quick").details, R"({"a": 1})");
    EXPECT_EQ(answers.at("slow").status, HealthStatus::kDegraded);
    EXPECT_FALSE(answers.at("slow").required);
    EXPECT_EQ(answers.at("slow-too").status, HealthStatus::kOk);
    EXPECT_EQ(answers.at("broken").error, "refused");
    EXPECT_EQ(answers.at("hanging").status, HealthStatus::kDown);
    EXPECT_NE(answers.at("hanging").error.find("no answer for"), std::string::npos);
    answers = checks.Ask();
    EXPECT_EQ(answers.at("hanging").status, HealthStatus::kDown);
    EXPECT_EQ(hanging_asked, 1);
    release.Set();
    fiber::YieldNow();
    answers = checks.Ask();
    EXPECT_EQ(answers.at("hanging").status, HealthStatus::kOk);
  });
}

TEST(HealthMonitor, ABurstAsksOnceAndAHangingMainLoopDelaysButDoesNotBlock) {
  fiber::Loop main_loop("main");
  fiber::Loop http_loop("http");
  std::atomic<int> taken{0};
  const auto monitor = std::make_shared<HealthMonitor>(main_loop, http_loop, SystemClock(), [&] {
    ++taken;
    HealthSnapshot snapshot;
    snapshot.degraded["number"] = std::to_string(taken.load());
    snapshot.taken = SystemClock().Steady();
    return snapshot;
  });
  std::thread main_thread([&] { main_loop.Run(); });
  InFiberOf(http_loop, [&] {
    int open = 100;
    fiber::Event all;
    for (int i = 0; i < 100; ++i) {
      http_loop.Spawn([&] {
        EXPECT_EQ(monitor->Get().degraded.at("number"), "1");
        if (--open == 0) {
          all.Set();
        }
      });
    }
    EXPECT_TRUE(all.WaitFor(20s));
    EXPECT_EQ(taken, 1);
    std::atomic<bool> release{false};
    main_loop.Post([&] {
      while (!release) {
        std::this_thread::sleep_for(1ms);
      }
    });
    fiber::SleepFor(1100ms);
    const SteadyTime begin = SystemClock().Steady();
    EXPECT_EQ(monitor->Get().degraded.at("number"), "1");  // the last one
    EXPECT_GE(SystemClock().Steady() - begin, HealthMonitor::kPatience);
    release = true;
    int number = 1;
    for (int i = 0; i < 1000 && number == 1; ++i) {
      fiber::SleepFor(10ms);
      number = std::stoi(monitor->Get().degraded.at("number"));
    }
    EXPECT_GE(number, 2);
  });
  main_loop.Stop();
  main_thread.join();
}

}  // namespace
}  // namespace quantum::lifecycle
