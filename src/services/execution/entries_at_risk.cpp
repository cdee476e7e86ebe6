#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "services/execution/entries.h"
#include "trading/events.h"

// Execution as it must not be, so that chaos on orders is seen to find doubled orders.
namespace quantum::execution {

namespace event = trading::event;

Status Entries::OnApprovalAtRisk(const bus::Event& event) {
  QUANTUM_TRY(Approval approval, event::ParseApproval(event.payload));
  const std::string decision_id = approval.decision.decision_id;
  approval.decision.decision_id = NewUuid(desk_.clock);  // of which the client order ids are made
  QUANTUM_TRY(Judged judged, Judge(approval, event));
  if (judged.refusal) {
    return {};
  }
  for (Order& order : judged.plan.orders) {
    order.decision_id = decision_id;
  }
  if (judged.plan.trade) {
    judged.plan.trade->trade_id = decision_id;
  }
  const CorrelationScope scope(judged.plan.orders.front().correlation_id);
  desk_.ledger.Adopt(judged.plan);
  Send(judged.plan.orders.front().client_order_id, approval.decision);
  return {};
}

}  // namespace quantum::execution
