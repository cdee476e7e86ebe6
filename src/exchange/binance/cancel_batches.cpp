#include "exchange/binance/cancel_batches.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "exchange/binance/encode_order.h"
#include "exchange/binance/outcome.h"

namespace quantum::binance {
namespace {

constexpr size_t kBatchMax = 10;  // of the venue

}  // namespace

Status CancelBatches::Cancel(const std::string& symbol, const std::string& client_order_id) {
  std::shared_ptr<Batch>& gathering = gathering_[symbol];
  const bool first = gathering == nullptr;
  if (first) {
    gathering = std::make_shared<Batch>();
  }
  const std::shared_ptr<Batch> batch = gathering;
  const size_t place = batch->ids.size();
  batch->ids.push_back(client_order_id);
  if (batch->ids.size() == kBatchMax) {
    gathering_.erase(symbol);
  }
  if (first) {
    fiber::YieldNow();
    if (const auto found = gathering_.find(symbol); found != gathering_.end() && found->second == batch) {
      gathering_.erase(found);
    }
    batch->statuses = Send(symbol, batch->ids);
    batch->done.Set();
  }
  batch->done.Wait();
  return batch->statuses[place];
}

std::vector<Status> CancelBatches::Send(const std::string& symbol, const std::vector<std::string>& ids) {
  Parameters parameters;
  parameters.Add("symbol", symbol);
  if (ids.size() == 1) {
    parameters.Add("origClientOrderId", ids.front());
  } else {
    parameters.Add("origClientOrderIdList", fmt::format("[\"{}\"]", fmt::join(ids, "\",\"")));
  }
  const auto answer =
      rest_
          ->Write("DELETE", ids.size() == 1 ? kOrderPath : "/fapi/v1/batchOrders", parameters, Budget::Kind::kCancel, 1,
                  /*allowed_in_doubt=*/true)
          .answer;
  const std::string what = fmt::format("cancelling order {}", fmt::join(ids, ", "));
  if (ids.size() == 1) {
    return {WriteStatus(answer, what)};
  }
  return WriteStatuses(answer, ids, what);
}

}  // namespace quantum::binance
