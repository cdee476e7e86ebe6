#include "services/risk_safety/settle.h"

#include "services/risk_safety/store.h"

namespace quantum::risk_safety {

namespace event = trading::event;

void SettleByOrder(postgres::Transaction& transaction, std::string_view type, const event::OrderUpdate& update,
                   WallTime now) {
  if (update.leg != trading::Leg::kEntry) {
    return;
  }
  if (update.filled_quantity.is_positive()) {
    MarkFilled(transaction, update.decision_id, now);
  } else if (type == event::kOrderCanceled || type == event::kOrderFailed) {
    Release(transaction, update.decision_id);
  }
}

void SettleByTrade(postgres::Transaction& transaction, const event::TradeUpdate& closed) {
  Release(transaction, closed.trade_id);
}

void SettleExpired(postgres::Transaction& transaction, const std::string& decision_id, EntryState state, WallTime now) {
  switch (state) {
    case EntryState::kFilled:
      MarkFilled(transaction, decision_id, now);
      return;
    case EntryState::kNothing:
      Release(transaction, decision_id);
      return;
    case EntryState::kMayStillFill:
      return;
  }
  AssertionFailed("every state of an entry is settled", __FILE__, __LINE__);
}

}  // namespace quantum::risk_safety
