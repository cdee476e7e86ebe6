#include "operator/chaos/postgres/ledger_checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "platform/base/assert.h"

namespace quantum::operate::chaos {

namespace {

constexpr size_t kExamplesMax = 10;

}  // namespace

void LedgerChecker::Begin(const Operation& operation, SteadyTime at) {
  const bool fresh = past_.emplace(operation.key, Past{.operation = operation, .begun = at}).second;
  QUANTUM_ASSERT(fresh);
  ++seen_.unknown;
}

void LedgerChecker::Acknowledge(int64_t key, const Receipt& receipt, bool was_unknown, SteadyTime at) {
  Past& past = past_.at(key);
  QUANTUM_ASSERT(past.outcome == Outcome::kNone);
  past.outcome = Outcome::kAcknowledged;
  --seen_.unknown;
  ++seen_.acknowledged;
  seen_.repeated += was_unknown ? 1 : 0;
  seen_.found += was_unknown && !receipt.applied ? 1 : 0;
  first_acknowledged_.emplace(receipt.timeline, at);
  for (const auto& [timeline, first] : first_acknowledged_) {
    if (timeline > receipt.timeline && past.begun > first) {
      ++deposed_;
      deposed_notes_.push_back(
          fmt::format("{} was acknowledged on timeline {} by the node at port {}, begun after "
                      "timeline {} had acknowledged",
                      key, receipt.timeline, receipt.port, timeline));
      return;
    }
  }
}

void LedgerChecker::Refuse(int64_t key) {
  Past& past = past_.at(key);
  QUANTUM_ASSERT(past.outcome == Outcome::kNone);
  past.outcome = Outcome::kRefused;
  --seen_.unknown;
  ++seen_.refused;
}

void LedgerChecker::Note(std::string what) {
  if (examples_.size() < kExamplesMax) {
    examples_.push_back(std::move(what));
  }
}

// The operation whose row stands in the books; null: nobody's.
LedgerChecker::Past* LedgerChecker::Stored(int64_t key, Violations& violations) {
  const auto found = past_.find(key);
  if (found == past_.end()) {
    ++violations.invented;
    Note(fmt::format("{} is in the books, and nobody did it", key));
    return nullptr;
  }
  found->second.stored = true;
  if (found->second.outcome == Outcome::kRefused) {
    ++violations.contradicted;
    Note(fmt::format("{} is in the books, though it was refused", key));
  }
  return &found->second;
}

void LedgerChecker::JudgeSums(const Books& books, Violations& violations) {
  std::map<int, int64_t> balances;
  for (int account = 1; account <= kAccounts; ++account) {
    balances[account] = kStartBalance;
  }
  for (const Books::Transfer& transfer : books.transfers) {
    balances[transfer.source] -= transfer.amount;
    balances[transfer.target] += transfer.amount;
  }
  int64_t off = 0;
  for (const auto& [account, expected] : balances) {
    const auto found = books.balances.find(account);
    const int64_t balance = found == books.balances.end() ? 0 : found->second;
    off += balance - kStartBalance;
    if (balance != expected) {
      ++violations.doubled;
      Note(fmt::format("account {} holds {}, and its transfers make {}", account, balance, expected));
    }
  }
  violations.missing_money = static_cast<uint64_t>(std::abs(off));
  std::map<int, int64_t> trades;
  for (const Books::Trade& trade : books.trades) {
    ++trades[trade.client];
  }
  for (const auto& [client, counted] : books.counted) {
    if (const int64_t beyond = counted - trades[client]; beyond != 0) {
      violations.doubled += static_cast<uint64_t>(std::abs(beyond));
      Note(fmt::format("client {} has counted {} trades, and has {}", client, counted, trades[client]));
    }
  }
}

Violations LedgerChecker::Judge(const Books& books) {
  Violations violations{.deposed = deposed_};
  examples_ = {deposed_notes_.begin(),
               deposed_notes_.begin() + static_cast<std::ptrdiff_t>(std::min(deposed_notes_.size(), kExamplesMax))};
  for (auto& [key, past] : past_) {
    past.stored = false;
  }
  const auto other = [&](int64_t key, bool same) {
    if (!same) {
      ++violations.invented;
      Note(fmt::format("{} is in the books with other contents", key));
    }
  };
  for (const Books::Transfer& row : books.transfers) {
    if (const Past* past = Stored(row.key, violations)) {
      const Operation& did = past->operation;
      other(row.key, did.kind == Operation::Kind::kTransfer && did.source == row.source && did.target == row.target &&
                         did.amount == row.amount);
    }
  }
  for (const Books::Trade& row : books.trades) {
    if (const Past* past = Stored(row.key, violations)) {
      other(row.key, past->operation.kind == Operation::Kind::kTrade && past->operation.client == row.client);
    }
  }
  for (const auto& [key, past] : past_) {
    if (past.outcome == Outcome::kAcknowledged && !past.stored) {
      ++violations.lost;
      Note(fmt::format("{} was acknowledged and is not in the books", key));
    }
  }
  JudgeSums(books, violations);
  return violations;
}

}  // namespace quantum::operate::chaos
