#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "trading/order.h"

namespace quantum::operate {

// What one side knows of the account. Entry prices are each side's own average and are not compared.
struct Ledger {
  struct OrderRow {
    std::string symbol;
    trading::OrderStatus status = trading::OrderStatus::kNew;
    trading::Decimal filled_quantity;
    bool conditional = false;  // asked for at another place of the venue
    bool acknowledged = true;  // the venue has given it an id of its own
    int64_t exchange_id = 0;   // of the order, or of the one that it spawned; zero: not known
  };
  std::map<std::string, OrderRow> orders;                          // by client order id
  std::map<std::pair<std::string, int64_t>, trading::Fill> fills;  // by symbol and trade id
  std::map<std::string, trading::Decimal> positions;               // signed quantity; flat ones left out
  std::optional<trading::Decimal> wallet;                          // absent: it cannot be known on this side

  // Of the venue: it forgets what is old. Finished orders (plain, conditional) and fills below these numbers are beyond
  // what it keeps; zero: it has forgotten nothing that it numbered.
  int64_t orders_from = 0;
  int64_t algos_from = 0;
  std::map<std::string, int64_t> fills_from;  // by symbol
};

// What `postgres` has and the venue no longer keeps: not comparable, and no difference.
struct Beyond {
  size_t orders = 0;
  size_t fills = 0;
};
// Takes these out of `postgres`. Open orders are never beyond: the venue keeps them.
Beyond RemoveBeyond(Ledger& postgres, const Ledger& venue);

// Every row that one side has and the other lacks, or that differs; one sentence each, empty when both agree. An order
// that was never sent (INTENT, or CANCELED before the venue gave it an id) or was refused need not be known to the
// venue.
std::vector<std::string> Compare(const Ledger& postgres, const Ledger& venue);

// Several looks at an account that trades on: what moved between the two readings of one look is no difference. One
// counts when its row (what stands before the colon) differs at every look, whatever the numbers say: a balance that is
// wrong by the same amount has other numbers each time.
class Looks {
 public:
  static constexpr int kMost = 8;  // an order is not in the air for so long
  static constexpr int kSame = 4;  // looks in a row that find the same differences, to the letter, are enough

  void Add(std::vector<std::string> differences);
  // No further look would tell more.
  bool sure() const { return looks_ > 0 && (lasting_.empty() || same_ >= kSame || looks_ >= kMost); }
  const std::vector<std::string>& lasting() const { return lasting_; }  // as the last look found them

 private:
  std::vector<std::string> lasting_;
  int looks_ = 0;
  int same_ = 0;
};

}  // namespace quantum::operate
