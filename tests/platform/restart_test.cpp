#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <mutex>
#include <ostream>
#include <thread>

#include "tests/platform/stack.h"

namespace quantum::testing {
namespace {

// What became of the requests around a restart. Refused: nothing was sent, or the service said at once that it is
// stopping or starting and did nothing; that may happen between the restart's beginning and its readiness and at no
// other time. Everything else that is no answer is a loss.
struct Tally {
  std::mutex mutex;
  int answered = 0;
  int refused = 0;
  int turned_away = 0;
  std::map<std::string, int> lost;

  void Add(const Answer& answer, bool restarting) {
    const std::lock_guard lock(mutex);
    if (answer.end == Answer::End::kAnswered && answer.status == 200) {
      ++answered;
    } else if (restarting && answer.end == Answer::End::kRefused) {
      ++refused;
    } else if (restarting && answer.status == 503 && (HasCode(answer, "DRAINING") || HasCode(answer, "STARTING"))) {
      ++turned_away;
    } else {
      ++lost[Describe(answer) + (restarting ? " during the restart" : " while the unit was ready")];
    }
  }

  static bool HasCode(const Answer& answer, const std::string& code) {
    return answer.body.find("\"code\":\"" + code + "\"") != std::string::npos;
  }
  static std::string Describe(const Answer& answer) {
    switch (answer.end) {
      case Answer::End::kAnswered:
        return fmt::format("status {}: {}", answer.status,
                           answer.body.substr(0, answer.body.find(",\"correlation_id")));
      case Answer::End::kRefused:
        return "connection refused";
      case Answer::End::kTimeout:
        return "no answer in time";
      case Answer::End::kBroken:
        break;
    }
    return "connection broken";
  }
};

struct Load {
  const char* unit;
  const char* path;
  friend void PrintTo(const Load& load, std::ostream* out) { *out << load.unit; }
};

class GracefulRestart : public ::testing::TestWithParam<Load> {};

TEST_P(GracefulRestart, AnswersEveryRequestThatItHasAccepted) {
  Stack& stack = Stack::Get();
  const Load load = GetParam();
  const int port = stack.Port(load.unit);
  const int pid = stack.Unit(load.unit).pid;
  Tally tally;
  std::atomic<bool> stop{false};
  std::atomic<bool> restarting{false};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (!stop) {
        const bool before = restarting;
        const Answer answer = Send({.port = port, .path = load.path});
        tally.Add(answer, before || restarting);
        std::this_thread::sleep_for(milliseconds(2));
      }
    });
  }
  const auto answered = [&] {
    const std::lock_guard lock(tally.mutex);
    return tally.answered;
  };
  EXPECT_TRUE(Eventually(seconds(20), [&] { return answered() >= 100; })) << "the load does not get going";
  restarting = true;
  const Outcome restart = stack.Quantum({"restart", load.unit});
  restarting = false;
  const int at_restart = answered();
  EXPECT_TRUE(Eventually(seconds(20), [&] { return answered() >= at_restart + 100; })) << "it does not serve again";
  stop = true;
  for (std::thread& client : clients) {
    client.join();
  }
  EXPECT_EQ(restart.exit_code, 0) << restart.output;
  EXPECT_NE(stack.Unit(load.unit).pid, pid);
  Say(fmt::format("{}: {} answered; in the gap {} connections refused, {} requests turned away", load.unit,
                  tally.answered, tally.refused, tally.turned_away));
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
