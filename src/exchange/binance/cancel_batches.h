#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "exchange/binance/rest.h"

namespace quantum::binance {

// Cancels of plain orders. Those of one symbol that are asked for in the same turn of the loop share requests, ten
// orders each: an emergency stop asks for hundreds at once, and a request costs the venue, its weight and the
// connection as much for one order as for ten. Where such a request is refused as a whole, each is asked for by itself.
// What the venue says of single orders of a batch is in no metric and no budget. For fibers of one loop.
class CancelBatches {
 public:
  explicit CancelBatches(std::shared_ptr<Rest> rest) : rest_(std::move(rest)) {}

  // The errors of WriteStatus (outcome.h), for this order alone. Suspends the calling fiber.
  Status Cancel(const std::string& symbol, const std::string& client_order_id);

 private:
  struct Batch {
    std::vector<std::string> ids;
    std::vector<Status> statuses;  // of each, once `done`
    fiber::Event done;
  };
  std::vector<Status> Send(const std::string& symbol, const std::vector<std::string>& ids);
  Status SendOne(const std::string& symbol, const std::string& id);

  std::shared_ptr<Rest> rest_;
  std::map<std::string, std::shared_ptr<Batch>> gathering_;  // by symbol; what is sent or full is not in it
};

}  // namespace quantum::binance
