#include <gtest/gtest.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include <filesystem>
#include <sstream>

#include "platform/bus/bus.h"
#include "platform/bus/live_feed.h"
#include "platform/metrics/names.h"
#include "tests/support/redis_cluster.h"

// Volatile events delay nothing: neither a flood of them nor a connection on which nothing comes back.
namespace quantum::bus {
namespace {

using namespace std::chrono_literals;
using quantum::testing::RedisCluster;

constexpr const char* kPlaced = "order.placed";
constexpr const char* kTick = "market.tick";

template <class Condition>
bool Eventually(Duration timeout, Condition condition) {
  timeout *= quantum::testing::kSlowdown;
  const SteadyTime end = SystemClock().Steady() + timeout;
  while (!condition()) {
    if (SystemClock().Steady() > end) {
      return false;
    }
    fiber::SleepFor(5ms);
  }
  return true;
}

// The descriptor of our socket with this local port; -1: none.
int SocketOn(int port) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int descriptor = std::stoi(entry.path().filename().string());
    sockaddr_in address{};
    socklen_t size = sizeof address;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0 && address.sin_family == AF_INET &&
        ntohs(address.sin_port) == port) {
      return descriptor;
    }
  }
  return -1;
}

class BusVolatileTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    RegisterEventType({kPlaced});
    RegisterEventType({kTick, Durability::kVolatile});
  }

  // What comes in on the connections that carry volatile events is thrown away by the kernel. How many were found.
  int Block() {
    int found = 0;
    std::istringstream clients(cluster_.Ask(cluster_.AwaitMaster(), {"CLIENT", "LIST"}));
    for (std::string line; std::getline(clients, line);) {
      if (line.find(fmt::format("name={} ", VolatileSender::kConnectionName)) == std::string::npos) {
        continue;
      }
      const size_t at = line.find("addr=127.0.0.1:");
      const int descriptor = SocketOn(std::stoi(line.substr(at + 15)));
      sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
      const sock_fprog program{.len = 1, .filter = nothing};
      found += descriptor >= 0 && ::setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
    }
    return found;
  }

  static void RunInFiber(const std::function<void(fiber::Loop&)>& body) {
    fiber::Loop loop("test");
    loop.Spawn([&] {
      body(loop);
      loop.Stop();
    });
    loop.Run();
  }
  static Event Tick(int number, int keys) {
    return {.type = kTick, .key = fmt::format("S{}", number % keys), .payload = fmt::format("{{\"n\":{}}}", number)};
  }
  static int NumberOf(const Event& event) { return std::stoi(event.payload.substr(5)); }
  static double Dropped(const char* reason) {
    return metrics::GetCounter(metrics::kVolatileDropped, {{"event_type", kTick}, {"reason", reason}}).value();
  }

  RedisCluster cluster_;
};

TEST_F(BusVolatileTest, AFloodOfThemAndAConnectionThatIsStuckDelayNoDurableEvent) {
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_.Options());
    Bus bus(loop, client, nullptr, {.producer = "p", .group = "g"});
    std::vector<int> handled;
    std::map<std::string, int> newest;
    bus.Subscribe({.types = {kPlaced}, .handler = [&](const Event& event) {
                     handled.push_back(NumberOf(event));
                     return Status();
                   }});
    bus.Subscribe({.types = {kTick}, .handler = [&](const Event& event) {
                     newest[event.key] = NumberOf(event);
                     return Status();
                   }});
    ASSERT_TRUE(bus.Start().ok());
    ASSERT_TRUE(bus.Publish(Tick(0, 1)).ok());
    ASSERT_TRUE(Eventually(20s, [&] { return newest.contains("S0"); }));
    const double full = Dropped("queue_full");
    const double superseded = Dropped("superseded");
    constexpr int kKeys = 2 * VolatileSender::kKeysMax;
    ASSERT_GE(Block(), 1);
    for (int number = 0; number < 2 * kKeys; ++number) {  // without a pause: nothing else has a turn
      ASSERT_TRUE(bus.Publish(Tick(number, kKeys)).ok());
    }
    EXPECT_EQ(bus.health().volatile_waiting, VolatileSender::kKeysMax);
    EXPECT_GE(Dropped("queue_full"), full + kKeys);
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(bus.Publish(Tick(i, 1)).ok());
    }
    EXPECT_GE(Dropped("superseded"), superseded + 19);
    int stuck = 0;
    for (int i = 0; i < 50; ++i) {
      for (int number = 0; number < 1000; ++number) {
        EXPECT_TRUE(bus.Publish(Tick(1000 * i + number, kKeys)).ok());
      }
      const auto id = bus.Publish({.type = kPlaced, .key = "K", .payload = fmt::format("{{\"n\":{}}}", i)},
                                  {.await_replicated = true});
      ASSERT_TRUE(id.ok()) << id.error().message;
      ASSERT_TRUE(Eventually(20s, [&] { return handled.size() == static_cast<size_t>(i) + 1; }));
      Block();  // a connection that took the place of the one that is stuck
      stuck += bus.health().volatile_waiting > 0;
    }
    EXPECT_GT(stuck, 25) << "a connection that takes the place of a stuck one may send everything before it is found";
    EXPECT_TRUE(Eventually(20s, [&] {
      return cluster_.Ask(cluster_.AwaitMaster(), {"XPENDING", StreamKey("order"), GroupName("g")}).starts_with("0\n");
    })) << "acknowledged too";
    int last = 10 * kKeys;
    EXPECT_TRUE(Eventually(60s, [&] {
      EXPECT_TRUE(bus.Publish(Tick(++last, 1)).ok());
      return newest["S0"] > 10 * kKeys;
    })) << "the newest comes in the end";
    EXPECT_TRUE(Eventually(20s, [&] { return bus.health().volatile_waiting == 0; }));
    bus.Stop();
  });
}

}  // namespace
}  // namespace quantum::bus
