#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "trading/decimal.h"

namespace quantum::operate::chaos {

// All that is known of a run on both sides: what was decided, what we wrote down, and what the exchange has.
struct OrderBooks {
  struct Decision {
    std::string id;
    std::string correlation_id;  // its own, on everything that follows from it
    bool opens = false;          // else it closes
    bool approved = false;
  };
  struct Intent {
    std::string decision_id;
    std::string leg;  // ENTRY, STOP_LOSS, TAKE_PROFIT, CLOSE
    trading::Decimal filled;
  };
  // A plain order that the exchange has accepted.
  struct Placed {
    std::string symbol;
    bool reduce_only = false;
    bool spawned = false;  // by a conditional order
    int64_t time_ms = 0;   // when it was filled or ended
  };
  std::vector<Decision> decisions;
  std::map<std::string, Intent> intents;               // by client order id
  std::map<std::string, Placed> placed;                // by client order id
  std::map<std::string, std::string> correlations;     // of placed ones, by client order id, as the exchange saw them
  std::set<std::string> trades;                        // by the decision that opened each
  std::vector<std::string> differences;                // between both sides, as `quantum verify` says them
  std::vector<std::pair<int64_t, int64_t>> halted_ms;  // from the answer to a trip until its reset was asked for
  std::vector<std::string> unprotected;                // positions that were for too long
};

// What is wrong. Zeros in a good run.
struct OrderViolations {
  uint64_t doubled = 0;      // orders beyond one for a decision's entry, or for a decision to close
  uint64_t fills = 0;        // lost, doubled or other than the exchange's
  uint64_t unprotected = 0;  // positions beyond 15 s of a working exchange
  uint64_t after_trip = 0;   // entries that the exchange took while everything was halted
  uint64_t balance = 0;      // 1: the wallet is not what the fills make it
  uint64_t invented = 0;     // entries at the exchange that no approved decision explains
  uint64_t lost = 0;         // approved decisions without an intent, and filled entries without a trade
  uint64_t differences = 0;  // orders and positions that the two sides tell otherwise

  uint64_t total() const {
    return doubled + fills + unprotected + after_trip + balance + invented + lost + differences;
  }
};

struct OrderVerdict {
  OrderViolations violations;
  std::vector<std::string> examples;  // the first in words
};

// What had left before a trip may reach the exchange after its answer: so long, with the 80 ms that the run's orders
// are kept back.
constexpr int64_t kUnderWayMs = 100;

// Judges the books of a run whose load has stopped and whose orders have come to rest. An order belongs to the decision
// under whose correlation id the exchange got it; where it does not know, to the one that our intent of that name is
// of: a client order id proves nothing, since two orders of one decision would bear two.
OrderVerdict JudgeOrders(const OrderBooks& books);

}  // namespace quantum::operate::chaos
