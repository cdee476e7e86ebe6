#include "services/risk_safety/reservation_trial.h"

#include <iterator>

namespace quantum::risk_safety::test {

using trading::Side;
using trading::operator""_dec;

std::map<std::string, trading::SymbolRules> AllRules() {
  std::map<std::string, trading::SymbolRules> all;
  for (int i = 0; i < kSymbols; ++i) {
    trading::SymbolRules rules;
    rules.symbol = "COIN" + std::to_string(i);
    rules.tick_size = "0.1"_dec;
    rules.step_size = "0.001"_dec;
    rules.min_quantity = "0.001"_dec;
    rules.max_quantity = "1000"_dec;
    rules.market_max_quantity = "1000"_dec;
    rules.min_price = "1"_dec;
    rules.max_price = "1000000"_dec;
    rules.min_notional = "100"_dec;
    all[rules.symbol] = rules;
  }
  return all;
}

Decision RandomDecision(int number, Random& random) {
  const int third = number * 3 / kDecisions;
  const uint64_t steps = third == 0 ? 2 + random.Below(2) : 5 + random.Below(4);
  Decision decision;
  decision.decision_id = std::to_string(number);
  decision.symbol = "COIN" + std::to_string(random.Below(kSymbols));
  decision.side = random.Below(third == 1 ? 4 : 2) == 0 ? Side::kSell : Side::kBuy;
  decision.quantity = "0.001"_dec.Times(Decimal::FromInt(static_cast<int64_t>(steps)));
  decision.reference_price = kPrice;
  decision.leverage = third == 2 ? 1 + static_cast<int>(random.Below(2)) : 3;
  decision.stop_loss = decision.side == Side::kBuy ? "59700"_dec : "60300"_dec;
  decision.confidence = 0.9;
  decision.mode = "PAPER";
  decision.expires_at = ToUnixMs(SystemClock().Now() + std::chrono::minutes(10));
  return decision;
}

Trial::Trial(uint64_t seed) : desk(kWallet) {
  SeededRandom random(seed);
  for (int i = 0; i < kDecisions; ++i) {
    const Decision decision = RandomDecision(i, random);
    tasks_.push_back({decision});
    if (random.Below(4) == 0) {
      tasks_.push_back({decision});
    }
  }
}

std::optional<Trial::Task> Trial::Take(Random& random) {
  const std::lock_guard lock(mutex_);
  if (tasks_.empty()) {
    return std::nullopt;
  }
  ++under_way_;
  if (!verdicts.empty() && random.Below(20) == 0) {
    const auto known = std::next(verdicts.begin(), static_cast<std::ptrdiff_t>(random.Below(verdicts.size())));
    Task another{RandomDecision(std::stoi(known->first), random), true};
    another.decision.quantity += "0.01"_dec;
    return another;
  }
  Task task = std::move(tasks_.front());
  tasks_.pop_front();
  return task;
}

void Trial::Answered(const Task& task, const Status& status, const Verdict& verdict) {
  const std::lock_guard lock(mutex_);
  --under_way_;
  if (!status.ok()) {
    if (!task.another) {
      tasks_.push_back(task);
    }
    return;
  }
  for (const trading::event::Refusal& refusal : verdict.refusals) {
    ++refused[refusal.code];
  }
  const std::string& id = task.decision.decision_id;
  if (task.another) {
    if (verdict.refusals.size() != 1 || verdict.refusals.front().code != "DUPLICATE_DECISION") {
      violations_.push_back(id + ": another wish under its id was judged");
    }
    return;
  }
  const auto [known, fresh] = verdicts.emplace(id, verdict.approved);
  if (!fresh && known->second != verdict.approved) {
    violations_.push_back(id + " was decided in two ways");
  }
}

bool Trial::decided() {
  const std::lock_guard lock(mutex_);
  return tasks_.empty() && under_way_ == 0;
}

void Trial::Complain(std::string what) {
  const std::lock_guard lock(mutex_);
  violations_.push_back(std::move(what));
}

std::vector<std::string> Trial::Found() {
  std::vector<std::string> all = desk.violations();
  const std::lock_guard lock(mutex_);
  all.insert(all.end(), violations_.begin(), violations_.end());
  return all;
}

}  // namespace quantum::risk_safety::test
