#include "services/risk_safety/settle.h"

#include "services/risk_safety/store.h"

namespace quantum::risk_safety {

namespace event = trading::event;

Status SettleByOrder(postgres::Transaction& transaction, std::string_view type, const event::OrderUpdate& update,
                     WallTime now) {
  if (update.leg != trading::Leg::kEntry) {
    return {};
  }
  if (update.filled_quantity.is_positive()) {
    return MarkFilled(transaction, update.decision_id, now);
  }
  const bool over = type == event::kOrderCanceled || type == event::kOrderFailed;
  return over ? Release(transaction, update.decision_id) : Status();
}

Status SettleByTrade(postgres::Transaction& transaction, const event::TradeUpdate& closed) {
  return Release(transaction, closed.trade_id);
}

Status SettleExpired(postgres::Transaction& transaction, const std::string& decision_id, EntryState state,
                     WallTime now) {
  switch (state) {
    case EntryState::kFilled:
      return MarkFilled(transaction, decision_id, now);
    case EntryState::kNothing:
      return Release(transaction, decision_id);
    case EntryState::kMayStillFill:
      return {};
  }
  AssertionFailed("every state of an entry is settled", __FILE__, __LINE__);
}

}  // namespace quantum::risk_safety
