#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "services/risk_safety/decider.h"
#include "services/risk_safety/desk_model.h"

// For tests: random decisions, who has them, and what was said of them. Thread-safe.
namespace quantum::risk_safety::test {

inline constexpr int kDecisions = 480;
inline constexpr int kSymbols = 16;
inline const Decimal kWallet = Decimal::FromInt(1000);
inline const Decimal kPrice = Decimal::FromInt(60'000);

std::map<std::string, trading::SymbolRules> AllRules();  // COIN0, COIN1, …

// A third of all takes small positions, which are many (the slots bind), a third large ones (exposure and one-sided
// exposure), a third ones of little leverage (margin).
Decision RandomDecision(int number, Random& random);

struct Trial {
  explicit Trial(uint64_t seed);

  struct Task {
    Decision decision;
    bool another = false;  // another wish under an id that was decided
  };
  // Some decisions are handed out twice, at about the same time.
  std::optional<Task> Take(Random& random);
  // What was not answered is handed out again.
  void Answered(const Task& task, const Status& status, const Verdict& verdict);
  bool decided();

  void Complain(std::string what);
  std::vector<std::string> Found();  // all that is wrong so far

  DeskModel desk;
  std::atomic<bool> stop{false};
  std::atomic<int> deaths{0};
  std::atomic<int> cuts{0};
  std::atomic<int> audits{0};
  // Of whoever has joined the threads.
  std::map<std::string, bool> verdicts;
  std::map<std::string, int> refused;

 private:
  std::mutex mutex_;
  std::deque<Task> tasks_;
  int under_way_ = 0;
  std::vector<std::string> violations_;
};

}  // namespace quantum::risk_safety::test
