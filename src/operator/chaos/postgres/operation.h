#pragma once

#include <cstdint>

namespace quantum::operate::chaos {

// Who holds the run's money, and what each begins with.
constexpr int kAccounts = 64;
constexpr int64_t kStartBalance = 1'000'000;

// What a client does in one transaction: money goes from one account to another, or a trade is written and counted.
// The key is unique over the run: a second execution with it has no effect.
struct Operation {
  enum class Kind { kTransfer, kTrade };
  int64_t key = 0;
  int client = 0;
  Kind kind = Kind::kTransfer;
  int source = 0;  // accounts, of a transfer
  int target = 0;
  int64_t amount = 0;
};

}  // namespace quantum::operate::chaos
