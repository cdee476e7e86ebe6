#include <gtest/gtest.h>

#include <fmt/format.h>

#include <regex>

#include "platform/redis/client.h"
#include "tests/support/fiber_eventually.h"
#include "tests/support/redis_cluster.h"
#include "tests/support/run_in_fiber.h"

// What the client does about words that are no longer true, and how often it knocks where nobody opens.
namespace quantum::redis {
namespace {

using namespace std::chrono_literals;
using quantum::testing::FreePorts;
using quantum::testing::Process;
using quantum::testing::RedisCluster;
using quantum::testing::RunInFiber;
using quantum::testing::TemporaryDirectory;
using quantum::testing::fibers::Eventually;

// A Redis server at a sentinel's place. It knows no command of sentinels, so it counts as silent; but it has channels,
// and what is said there reaches who listens for a failover. Lives in a fiber of the loop, as its connection does.
class Gossip {
 public:
  Gossip(fiber::Loop& loop, const std::string& password)
      : loop_(loop),
        password_(password),
        process_({.command = {"redis-server", "--port", std::to_string(port_), "--bind", "127.0.0.1", "--save", "",
                              "--requirepass", password, "--dir", directory_.path().string()},
                  .output = directory_.path() / "log",
                  .user = {},
                  .directory = {},
                  .environment = {}}) {}

  Endpoint endpoint() const { return {"127.0.0.1", port_}; }

  // Nothing while it does not answer.
  std::optional<Reply> Ask(const Command& command) {
    if (!connection_) {
      auto opened = Connection::Open(loop_, endpoint(), "", password_, 5s);
      if (!opened) {
        return std::nullopt;
      }
      connection_ = *std::move(opened);
    }
    const auto reply = connection_->Run(command, 5s);
    return reply ? std::optional(*reply) : std::nullopt;
  }
  // To how many.
  int64_t Say(const std::string& channel, const std::string& text) {
    const auto reply = Ask({"PUBLISH", channel, text});
    return reply ? reply->integer : 0;
  }

 private:
  fiber::Loop& loop_;
  const std::string password_;
  const int port_ = FreePorts(1).front();
  TemporaryDirectory directory_{"gossip"};
  Process process_;
  std::unique_ptr<Connection> connection_;
};

int64_t NumberIn(const std::string& text, const std::string& before) {
  std::smatch found;
  return std::regex_search(text, found, std::regex(before + "(\\d+)")) ? std::stoll(found[1]) : -1;
}

TEST(RedisHints, ObsoleteWordsOfAFailoverNeitherMoveTheClientNorDisconnectIt) {
  RedisCluster cluster;
  ClientOptions options = cluster.Options();
  const Endpoint master = cluster.nodes()[0];
  const Endpoint other = cluster.nodes()[1];
  const std::string switched =
      fmt::format("{} {} {} {} {}", options.master_name, master.host, master.port, other.host, other.port);
  const std::string selected = fmt::format("slave {}:{} {} {} @ {} {} {}", other.host, other.port, other.host,
                                           other.port, options.master_name, master.host, master.port);
  RunInFiber([&](fiber::Loop& loop) {
    Gossip gossip(loop, options.sentinel_password);
    options.sentinels.push_back(gossip.endpoint());
    Client client(loop, options);
    ASSERT_TRUE(client.Run({"SET", "quantum:test:a", "0"}, 30s).ok());
    ASSERT_TRUE(Eventually(30s, [&] { return gossip.Say("+switch-master", switched) > 0; }));
    const auto connection = [&] {
      return NumberIn(cluster.Ask(0, {"CLIENT", "LIST"}), "id=(?=\\d+ [^\\n]*user=service)");
    };
    const auto received = [&] { return NumberIn(cluster.Ask(1, {"INFO", "stats"}), "total_connections_received:"); };
    const int64_t before = connection();
    const int64_t received_before = received();
    ASSERT_GT(before, 0);
    const SteadyTime began = SystemClock().Steady();
    for (int i = 1; i <= 50; ++i) {
      EXPECT_GT(gossip.Say("+switch-master", switched), 0);
      EXPECT_GT(gossip.Say("+selected-slave", selected), 0);
      EXPECT_TRUE(client.Run({"SET", "quantum:test:a", std::to_string(i)}, 30s).ok());
      fiber::SleepFor(20ms);  // so that they are not one hint
    }
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(SystemClock().Steady() - began);
    EXPECT_EQ(connection(), before) << "the connection was given up";
    EXPECT_EQ(client.master(), master);
    EXPECT_EQ(cluster.Ask(0, {"GET", "quantum:test:a"}), "50");
    EXPECT_LE(received() - received_before, took / 100ms + 10) << "it looks at the chosen one, but not for each word";
  });
}

TEST(RedisHints, WithoutAMasterItKnocksNoMoreOftenThanItsBackOffAllowsHoweverManyWait) {
  ClientOptions options;
  options.sentinel_password = "not-a-secret";
  RunInFiber([&](fiber::Loop& loop) {
    std::vector<std::unique_ptr<Gossip>> sentinels;
    for (int i = 0; i < 3; ++i) {
      sentinels.push_back(std::make_unique<Gossip>(loop, options.sentinel_password));
      options.sentinels.push_back(sentinels.back()->endpoint());
    }
    const auto received = [&] {
      const auto stats = sentinels[0]->Ask({"INFO", "stats"});
      return stats ? NumberIn(stats->text, "total_connections_received:") : -1;
    };
    ASSERT_TRUE(Eventually(30s, [&] { return received() > 0; }));
    const int64_t before = received();
    const SteadyTime began = SystemClock().Steady();
    Client client(loop, options);
    size_t refused = 0;
    constexpr size_t kWaiting = 200;
    for (size_t i = 0; i < kWaiting; ++i) {
      loop.Spawn([&] { refused += client.Run({"GET", "quantum:test:a"}, 2s).ok() ? 0 : 1; });
    }
    ASSERT_TRUE(Eventually(30s, [&] { return refused == kWaiting; }));
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(SystemClock().Steady() - began);
    const int64_t knocked = received() - before;
    EXPECT_GT(knocked, 3) << "it goes on trying";
    EXPECT_LE(knocked, took / 50ms + 10) << "its pauses last 155 ms in the middle";
  });
}

}  // namespace
}  // namespace quantum::redis
