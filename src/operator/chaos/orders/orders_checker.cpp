#include "operator/chaos/orders/orders_checker.h"

#include <fmt/format.h>

#include <algorithm>

#include "trading/liquidation.h"

namespace quantum::operate::chaos {

namespace {

constexpr size_t kOrderExamplesMost = 20;

class OrderJudge {
 public:
  explicit OrderJudge(const OrderBooks& books) : books_(books) {
    for (const OrderBooks::Decision& decision : books.decisions) {
      by_id_[decision.id] = &decision;
      by_correlation_[decision.correlation_id] = &decision;
    }
  }

  OrderVerdict Judge() {
    JudgePlaced();
    JudgeIntents();
    for (const std::string& difference : books_.differences) {
      Count(difference.starts_with("fill ")      ? violations().fills
            : difference.starts_with("balance:") ? violations().balance
                                                 : violations().differences,
            difference);
    }
    for (const std::string& each : books_.unprotected) {
      Count(violations().unprotected, each);
    }
    return std::move(verdict_);
  }

 private:
  OrderViolations& violations() { return verdict_.violations; }

  void Count(uint64_t& counter, std::string what) {
    ++counter;
    if (verdict_.examples.size() < kOrderExamplesMost) {
      verdict_.examples.push_back(std::move(what));
    }
  }

  const OrderBooks::Decision* DecisionOf(const std::string& client_id) const {
    if (const auto under = books_.correlations.find(client_id); under != books_.correlations.end()) {
      if (const auto found = by_correlation_.find(under->second); found != by_correlation_.end()) {
        return found->second;
      }
    }
    const auto intent = books_.intents.find(client_id);
    const auto found = intent == books_.intents.end() ? by_id_.end() : by_id_.find(intent->second.decision_id);
    return found == by_id_.end() ? nullptr : found->second;
  }

  void JudgePlaced() {
    std::map<const OrderBooks::Decision*, std::vector<std::string>> entries;
    std::map<const OrderBooks::Decision*, std::vector<std::string>> closes;
    for (const auto& [client_id, placed] : books_.placed) {
      if (trading::IsLiquidation(client_id)) {
        continue;  // the exchange's own
      }
      const OrderBooks::Decision* decision = DecisionOf(client_id);
      if (placed.reduce_only) {
        // What protects a trade, or closes it in need, goes under the decision that opened it, and may come again.
        if (decision != nullptr && !decision->opens && !placed.spawned) {
          closes[decision].push_back(client_id);
        }
        continue;
      }
      if (decision == nullptr || !decision->approved || !decision->opens) {
        Count(violations().invented,
              fmt::format("entry {} in {}: no approved decision explains it", client_id, placed.symbol));
        continue;
      }
      entries[decision].push_back(client_id);
      for (const auto& [from_ms, until_ms] : books_.halted_ms) {
        if (placed.time_ms > from_ms + kUnderWayMs && placed.time_ms < until_ms) {
          Count(violations().after_trip, fmt::format("entry {} of decision {}: {} ms after the trip", client_id,
                                                     decision->id, placed.time_ms - from_ms));
        }
      }
    }
    for (const auto* of : {&entries, &closes}) {
      for (const auto& [decision, ids] : *of) {
        for (size_t i = 1; i < ids.size(); ++i) {
          Count(violations().doubled, fmt::format("decision {} has {} orders at the exchange where one is its own: {}",
                                                  decision->id, ids.size(), fmt::join(ids, ", ")));
        }
      }
    }
  }

  void JudgeIntents() {
    std::set<std::string> entered;
    for (const auto& [client_id, intent] : books_.intents) {
      if (intent.leg != "ENTRY") {
        continue;
      }
      if (!entered.insert(intent.decision_id).second) {
        Count(violations().doubled, fmt::format("decision {} has two intents to enter", intent.decision_id));
      }
      if (intent.filled.is_positive() && !books_.trades.contains(intent.decision_id)) {
        Count(violations().lost, fmt::format("decision {} was filled, and there is no trade", intent.decision_id));
      }
    }
    for (const OrderBooks::Decision& decision : books_.decisions) {
      if (decision.approved && decision.opens && !entered.contains(decision.id)) {
        Count(violations().lost, fmt::format("decision {} was approved, and there is no intent", decision.id));
      }
    }
  }

  const OrderBooks& books_;
  std::map<std::string, const OrderBooks::Decision*> by_id_, by_correlation_;
  OrderVerdict verdict_;
};

}  // namespace

OrderVerdict JudgeOrders(const OrderBooks& books) { return OrderJudge(books).Judge(); }

}  // namespace quantum::operate::chaos
