#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "tests/platform/stack.h"

namespace quantum::testing {
namespace {

// What became of the requests of a restart: answered, refused before anything was sent, or lost.
struct Tally {
  std::mutex mutex;
  int answered = 0;
  int refused = 0;
  std::map<std::string, int> lost;

  void Add(const Answer& answer) {
    const std::lock_guard lock(mutex);
    if (answer.end == Answer::End::kRefused) {
      ++refused;
    } else if (answer.end == Answer::End::kAnswered && answer.status == 200) {
      ++answered;
    } else {
      ++lost[answer.end == Answer::End::kAnswered
                 ? fmt::format("status {}: {}", answer.status, answer.body.substr(0, 160))
             : answer.end == Answer::End::kTimeout ? std::string("no answer")
                                                   : std::string("connection broken")];
    }
  }
};

struct Load {
  const char* unit;
  const char* path;
};

class GracefulRestart : public ::testing::TestWithParam<Load> {};

TEST_P(GracefulRestart, AnswersEveryRequestThatItHasAccepted) {
  Stack& stack = Stack::Get();
  const Load load = GetParam();
  const int port = stack.Port(load.unit);
  const int pid = stack.Unit(load.unit).pid;
  Tally tally;
  std::atomic<bool> stop{false};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (!stop) {
        tally.Add(Send({.port = port, .path = load.path}));
        std::this_thread::sleep_for(milliseconds(2));
      }
    });
  }
  const auto answered = [&] {
    const std::lock_guard lock(tally.mutex);
    return tally.answered;
  };
  EXPECT_TRUE(Eventually(seconds(20), [&] { return answered() >= 100; })) << "the load does not get going";
  const Outcome restart = stack.Quantum({"restart", load.unit});
  const int at_restart = answered();
  EXPECT_TRUE(Eventually(seconds(20), [&] { return answered() >= at_restart + 100; })) << "it does not serve again";
  stop = true;
  for (std::thread& client : clients) {
    client.join();
  }
  EXPECT_EQ(restart.exit_code, 0) << restart.output;
  EXPECT_NE(stack.Unit(load.unit).pid, pid);
  Say(fmt::format("{}: {} answered, {} refused in the gap, {} kinds of loss", load.unit, tally.answered, tally.refused,
                  tally.lost.size()));
  for (const auto& [how, count] : tally.lost) {
    ADD_FAILURE() << count << " requests were lost: " << how;
  }
}

INSTANTIATE_TEST_SUITE_P(EachService, GracefulRestart,
                         ::testing::Values(Load{"risk-safety", "/api/risk/ess/status"},
                                           Load{"execution", "/api/execution/positions"},
                                           Load{"ai-engine", "/api/ai/models"},
                                           Load{"marketdata", "/api/market/price?symbol=BTCUSDT"},
                                           Load{"portfolio-intelligence", "/api/portfolio/pnl"},
                                           Load{"monitoring-health", "/api/health/alerts"}),
                         [](const auto& each) {
                           std::string name = each.param.unit;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace quantum::testing
