#include "platform/lifecycle/dependency_checks.h"

#include <fmt/format.h>

namespace quantum::lifecycle {

void DependencyChecks::Add(Check check) {
  auto entry = std::make_shared<Entry>();
  entry->check = std::move(check);
  entries_.push_back(std::move(entry));
}

std::map<std::string, Duration> DependencyChecks::Slow() const {
  std::map<std::string, Duration> slow;
  for (const auto& entry : entries_) {
    slow[entry->check.name] = entry->check.slow;
  }
  return slow;
}

void DependencyChecks::AskOne(const std::shared_ptr<Entry>& entry, const std::shared_ptr<Round>& round) {
  entry->asking = true;
  entry->asked = clock_.Steady();
  ++round->open;
  loop_.Spawn([entry, round, clock = &clock_] {
    const Result<std::string> answer = entry->check.ask();
    entry->answer = Judge(answer, clock->Steady() - entry->asked, entry->check.slow, entry->check.required);
    if (entry->check.always) {
      entry->answer.details = entry->check.always();
    }
    entry->asking = false;
    if (--round->open == 0) {
      round->done.Set();
    }
  });
}

std::map<std::string, DependencyHealth> DependencyChecks::Ask() {
  const auto round = std::make_shared<Round>();
  for (const auto& entry : entries_) {
    if (!entry->asking) {
      AskOne(entry, round);
    }
  }
  if (round->open != 0) {
    round->done.WaitFor(deadline_);
  }
  std::map<std::string, DependencyHealth> answers;
  for (const auto& entry : entries_) {
    if (entry->asking) {
      const Duration waited = clock_.Steady() - entry->asked;
      const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(waited).count();
      answers[entry->check.name] = Judge(Error{Errc::kTimeout, fmt::format("no answer for {} ms", ms)}, waited,
                                         entry->check.slow, entry->check.required);
    } else {
      answers[entry->check.name] = entry->answer;
    }
  }
  return answers;
}

}  // namespace quantum::lifecycle
