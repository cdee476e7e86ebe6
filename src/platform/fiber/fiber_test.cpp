#include "platform/fiber/fiber.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "platform/base/correlation.h"

namespace quantum::fiber {
namespace {

using namespace std::chrono_literals;

// Runs body as the only root fiber of a loop and stops the loop after it.
void RunInFiber(const std::function<void()>& body) {
  Loop loop("test");
  loop.Spawn([&] {
    body();
    loop.Stop();
  });
  loop.Run();
}

TEST(Loop, RunsFibersInTurns) {
  std::vector<int> order;
  Loop loop("test");
  loop.Spawn([&] {
    order.push_back(1);
    YieldNow();
    order.push_back(3);
    loop.Stop();
  });
  loop.Spawn([&] { order.push_back(2); });
  loop.Run();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(Loop, UnwindsFibersThatStillWaitWhenItIsDestroyed) {
  bool unwound = false;
  {
    Event never;
    Loop loop("test");
    loop.Spawn([&] {
      struct Mark {
        bool& flag;
        ~Mark() { flag = true; }
      } mark{unwound};
      never.Wait();
    });
    loop.Spawn([&] { loop.Stop(); });
    loop.Run();
    EXPECT_FALSE(unwound);
  }
  EXPECT_TRUE(unwound);
}

// Under the thread sanitizer each fiber's functions began on one thread's call stack and end on another's, which must
// not lose what it did not begin.
TEST(Loop, MayBeDestroyedByAnotherThreadThanRanIt) {
  for (int i = 0; i < 20; ++i) {
    int unwound = 0;
    {
      Event never;
      Loop loop("test");
      for (int fiber = 0; fiber < 20; ++fiber) {
        loop.Spawn([&] {
          struct Mark {
            int& count;
            ~Mark() { ++count; }
          } mark{unwound};
          never.Wait();
        });
      }
      loop.Spawn([&] { loop.Stop(); });
      std::thread([&] { loop.Run(); }).join();
    }
    ASSERT_EQ(unwound, 20);
  }
}

// Frames with memory that the address sanitizer marks, `depth` of them; waits or throws in the innermost.
int Nest(int depth, const std::function<void()>& innermost) {
  std::array<char, 200> marked{};
  std::string destroyed(40, static_cast<char>('a' + depth));
  struct Look {
    const std::string& text;
    const std::array<char, 200>& memory;
    ~Look() { EXPECT_EQ(std::count(text.begin(), text.end(), text[0]) + memory[0], 40); }
  } look{destroyed, marked};
  if (depth == 0) {
    innermost();
    return marked[0];
  }
  return Nest(depth - 1, innermost) + marked[static_cast<size_t>(depth)];
}

// Under the address sanitizer this is what shows that it knows on which stack it is, also while fibers are unwound.
TEST(Loop, StacksThatExceptionsOrTheEndOfTheLoopUnwindCanBeUsedAgain) {
  for (int round = 0; round < 20; ++round) {
    int caught = 0;
    Event never;
    Loop loop("test");
    for (int i = 0; i < 10; ++i) {
      loop.Spawn([&, i] { Nest(5 + i, [&] { never.Wait(); }); });
      loop.Spawn([&, i] {
        for (int k = 0; k < 3; ++k) {
          try {
            Nest(20 - i, [&] {
              SleepFor(1ms);
              throw std::runtime_error("expected");
            });
          } catch (const std::runtime_error&) {
            ++caught;
          }
          YieldNow();
          Nest(10, [] { YieldNow(); });
        }
        if (caught == 30) {
          loop.Stop();
        }
      });
    }
    loop.Run();
    EXPECT_EQ(caught, 30);
  }
}

TEST(Loop, AnExceptionThatLeavesAFiberLeavesRun) {
  Loop loop("test");
  loop.Spawn([] { throw std::runtime_error("broken"); });
  EXPECT_THROW(loop.Run(), std::runtime_error);
}

TEST(Event, WakesEveryWaiterAndTimesOutWithoutSet) {
  RunInFiber([] {
    Event event;
    int woken = 0;
    for (int i = 0; i < 3; ++i) {
      CurrentLoop().Spawn([&] {
        event.Wait();
        ++woken;
      });
    }
    EXPECT_FALSE(event.WaitFor(1ms));
    EXPECT_EQ(woken, 0);
    event.Set();
    YieldNow();
    YieldNow();
    EXPECT_EQ(woken, 3);
  });
}

TEST(Correlation, FollowsAFiberAcrossSuspensions) {
  RunInFiber([] {
    Event go;
    std::string seen;
    {
      CorrelationScope scope("fiber-one-0001");
      CurrentLoop().Spawn([&] {
        go.Wait();
        seen = CurrentCorrelationId();
      });
      YieldNow();
      EXPECT_EQ(CurrentCorrelationId(), "fiber-one-0001");
    }
    EXPECT_EQ(CurrentCorrelationId(), "");
    go.Set();
    YieldNow();
    YieldNow();
    EXPECT_EQ(seen, "fiber-one-0001");
  });
}

TEST(Channel, RefusesBeyondItsCapacityAndDrainsAfterClose) {
  RunInFiber([] {
    Channel<int> channel(2);
    EXPECT_TRUE(channel.TryPush(1));
    EXPECT_TRUE(channel.TryPush(2));
    EXPECT_FALSE(channel.TryPush(3));
    channel.Close();
    EXPECT_EQ(channel.PopFor(1ms), 1);
    EXPECT_EQ(channel.PopFor(1ms), 2);
    EXPECT_EQ(channel.PopFor(1ms), std::nullopt);
  });
}

TEST(Mutex, IsHandedOverInOrder) {
  RunInFiber([] {
    Mutex mutex;
    std::vector<int> order;
    mutex.lock();
    for (int i = 0; i < 3; ++i) {
      CurrentLoop().Spawn([&, i] {
        std::lock_guard lock(mutex);
        YieldNow();
        order.push_back(i);
      });
    }
    YieldNow();
    mutex.unlock();
    mutex.lock();
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
    mutex.unlock();
  });
}

TEST(Gate, LetsWorkFinishAndRefusesNewWork) {
  RunInFiber([] {
    Gate gate;
    CurrentLoop().Spawn([&] {
      const auto pass = gate.Enter();
      EXPECT_TRUE(pass.has_value());
      SleepFor(2ms);
    });
    YieldNow();
    gate.Close();
    EXPECT_FALSE(gate.Enter().has_value());
    EXPECT_TRUE(gate.WaitEmptyFor(5s));
  });
}

TEST(RunOn, CarriesAResultBetweenLoops) {
  Loop other("other");
  std::thread thread([&] { other.Run(); });
  RunInFiber([&] {
    const auto id = RunOn(other, [&] {
      EXPECT_TRUE(other.RunsInThisThread());
      SleepFor(1ms);
      return std::this_thread::get_id();
    });
    EXPECT_EQ(id, thread.get_id());
  });
  other.Stop();
  thread.join();
}

}  // namespace
}  // namespace quantum::fiber
