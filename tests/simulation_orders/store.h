#pragma once

#include <map>
#include <string>

#include "services/execution/ledger.h"

namespace quantum::orders_simulation {

// The tables of Postgres, as store.cpp writes them and store_load.cpp reads them. Times are of milliseconds there.
class Store {
 public:
  void Insert(const execution::Plan& plan);
  void Write(const execution::ChangeSet& changes);
  execution::LedgerSnapshot Load() const;

  const std::map<std::string, execution::Order>& orders() const { return orders_; }
  const std::map<std::string, execution::Trade>& trades() const { return trades_; }
  const std::map<std::pair<std::string, int64_t>, trading::Fill>& fills() const { return fills_; }
  const std::map<std::string, execution::PositionRow>& positions() const { return positions_; }
  const std::map<std::pair<std::string, int64_t>, exchange::FundingPayment>& funding() const { return funding_; }

  // For a control: what is read after a crash lacks the fills that lie beyond the cursor.
  bool forgets_fills = false;

 private:
  std::map<std::string, execution::Order> orders_;
  std::map<std::string, execution::Trade> trades_;
  std::map<std::pair<std::string, int64_t>, trading::Fill> fills_;  // by symbol and trade id
  std::map<std::string, execution::PositionRow> positions_;
  std::map<std::pair<std::string, int64_t>, exchange::FundingPayment> funding_;
  std::map<std::string, int64_t> cursors_;
};

}  // namespace quantum::orders_simulation
