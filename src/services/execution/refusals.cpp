#include "services/execution/refusals.h"

#include <algorithm>

#include "platform/base/correlation.h"
#include "services/execution/store_rows.h"

namespace quantum::execution {
namespace {

using trading::RecordedRefusal;

constexpr const char* kService = "execution-service";

}  // namespace

Result<std::vector<RecordedRefusal>> LoadRefusals(postgres::Pool& pool, const std::string& correlation_id) {
  QUANTUM_TRY(
      const auto rows,
      pool.Batch({{"SELECT " + std::string(kOrderColumns) +
                       " FROM orders WHERE correlation_id = $1 AND status IN ('REJECTED', 'CANCELED', 'EXPIRED') "
                       "AND leg IN ('ENTRY', 'CLOSE') ORDER BY updated_at LIMIT 100",
                   {correlation_id}},
                  {"SELECT (extract(epoch from refused_at) * 1000)::bigint AS time_ms, decision_id, symbol, code, "
                   "detail FROM manual_refusals WHERE correlation_id = $1 ORDER BY id LIMIT 100",
                   {correlation_id}}},
                 {.idempotent = true}));
  std::vector<RecordedRefusal> all;
  for (size_t i = 0; i < rows.at(0).size(); ++i) {
    QUANTUM_TRY(const trading::Order order, ReadOrder(rows.at(0), i));
    if (auto refusal = trading::RefusalOf(order.leg, order.status, order.filled_quantity, order.reason)) {
      all.push_back({ToUnixMs(order.updated), kService, order.decision_id, order.symbol, std::move(*refusal)});
    }
  }
  const postgres::Rows& manual = rows.at(1);
  for (size_t i = 0; i < manual.size(); ++i) {
    all.push_back({manual.Int(i, "time_ms"),
                   kService,
                   std::string(manual.Text(i, "decision_id")),
                   std::string(manual.Text(i, "symbol")),
                   {std::string(manual.Text(i, "code")), std::string(manual.Text(i, "detail"))}});
  }
  std::ranges::stable_sort(all, {}, &RecordedRefusal::time_ms);
  return all;
}

postgres::Statement RecordManualRefusal(const trading::event::Decision& decision,
                                        const trading::event::Refusal& refusal) {
  return {"INSERT INTO manual_refusals (correlation_id, decision_id, symbol, code, detail) VALUES ($1, $2, $3, $4, $5)",
          {CurrentCorrelationId(), decision.decision_id, decision.symbol, refusal.code, refusal.detail}};
}

}  // namespace quantum::execution
