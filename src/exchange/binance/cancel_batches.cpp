#include "exchange/binance/cancel_batches.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "exchange/binance/encode_order.h"
#include "exchange/binance/outcome.h"
#include "platform/log/log.h"

namespace quantum::binance {
namespace {

constexpr size_t kBatchMax = 10;  // of the venue
constexpr bool kAllowedInDoubt = true;
constexpr std::string_view kWhat = "cancelling order";

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
  if (ids.size() == 1) {
    return {SendOne(symbol, ids.front())};
  }
  Parameters parameters;
  // Spelt as ccxt does: the venue's page has capitals, and users report that they are refused.
  parameters.Add("symbol", symbol).Add("origclientorderidlist", fmt::format("[\"{}\"]", fmt::join(ids, "\",\"")));
  const auto answer =
      rest_->Write("DELETE", "/fapi/v1/batchOrders", parameters, Budget::Kind::kCancel, 1, kAllowedInDoubt).answer;
  if (!answer.ok() || Classify(*answer).verdict != Verdict::kRejected || IsLimited(answer->status)) {
    return WriteStatuses(answer, ids, kWhat);
  }
  // Refused as a whole: what the venue has against one of them, or against the request, must not keep the others open.
  log::Warning("cancels are refused together, and are asked for one by one",
               {{"symbol", symbol}, {"orders", ids.size()}, {"answer", answer->body}});
  std::vector<Status> statuses;
  for (const std::string& id : ids) {
    statuses.push_back(SendOne(symbol, id));
  }
  return statuses;
}

Status CancelBatches::SendOne(const std::string& symbol, const std::string& id) {
  Parameters parameters;
  parameters.Add("symbol", symbol).Add("origClientOrderId", id);
  const auto written = rest_->Write("DELETE", kOrderPath, parameters, Budget::Kind::kCancel, 1, kAllowedInDoubt);
  return WriteStatus(written.answer, std::string(kWhat) + " " + id);
}

}  // namespace quantum::binance
