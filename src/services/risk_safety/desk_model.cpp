#include "services/risk_safety/desk_model.h"

#include <algorithm>

#include "trading/order.h"

namespace quantum::risk_safety::test {
namespace {

namespace event = trading::event;
using trading::OrderStatus;

constexpr size_t kOldMax = 50;

bool Chance(Random& random, uint64_t percent) { return random.Below(100) < percent; }

}  // namespace

void DeskModel::OnApproval(const Decision& decision, Random& random) {
  const std::lock_guard lock(mutex_);
  if (entries_.contains(decision.decision_id)) {
    return;  // a repeat is not carried out again
  }
  const bool opposite = OppositeOf(decision);
  Entry& entry = entries_[decision.decision_id];
  entry.decision = decision;
  if (expired_.contains(decision.decision_id)) {
    End(entry, event::kOrderCanceled, OrderStatus::kCanceled, "came too late");
  } else if (opposite || Chance(random, 5)) {
    End(entry, event::kOrderCanceled, OrderStatus::kCanceled, "refused by execution");
  } else if (Chance(random, 15)) {
    End(entry, event::kOrderFailed, OrderStatus::kRejected, "rejected");
  } else if (Chance(random, 15)) {
    TellOrder(entry, event::kOrderUnknown, OrderStatus::kUnknown);
  }
}

void DeskModel::Advance(Random& random, bool ending) {
  const std::lock_guard lock(mutex_);
  std::vector<Entry*> live;
  for (auto& [id, entry] : entries_) {
    if (entry.state == State::kResting || (entry.state == State::kOpen && !ending)) {
      live.push_back(&entry);
    }
  }
  if (live.empty()) {
    return;
  }
  Entry& entry = *live[random.Below(live.size())];
  entry.state == State::kResting ? AdvanceEntry(entry, random) : Close(entry);
  const auto open = std::ranges::count_if(entries_, [](const auto& one) { return one.second.state == State::kOpen; });
  if (MarginTaken() > wallet_) {
    violations_.push_back(std::to_string(open) + " trades at the venue take a margin of " + MarginTaken().ToString());
  }
}

void DeskModel::AdvanceEntry(Entry& entry, Random& random) {
  const bool filled = entry.filled.is_positive();
  switch (random.Below(filled ? 2 : 5)) {
    case 0:  // what is left is cancelled, or all of it filled
      if (filled) {
        entry.state = State::kOpen;
        TellOrder(entry, event::kOrderCanceled, OrderStatus::kCanceled);
        ++ends_["filled in part and cancelled"];
        return;
      }
      End(entry, event::kOrderCanceled, OrderStatus::kCanceled, "cancelled");
      return;
    case 1:
    case 2:
      entry.filled = entry.decision.quantity;
      entry.state = State::kOpen;
      TellOrder(entry, event::kOrderFilled, OrderStatus::kFilled);
      ++version_;
      ++ends_["filled"];
      return;
    case 3:
      entry.filled = Decimal::Parse("0.001").value();
      TellOrder(entry, event::kOrderPartiallyFilled, OrderStatus::kPartiallyFilled);
      ++version_;
      return;
    default:
      End(entry, event::kOrderCanceled, OrderStatus::kExpired, "expired at the venue");
  }
}

void DeskModel::End(Entry& entry, std::string_view type, OrderStatus status, const char* how) {
  entry.state = State::kOver;
  TellOrder(entry, type, status);
  ++ends_[how];
}

void DeskModel::Close(Entry& entry) {
  entry.state = State::kClosed;
  ++version_;
  ++ends_["closed"];
  const std::string& id = entry.decision.decision_id;
  event::TradeUpdate trade;
  trade.trade_id = id;
  trade.symbol = entry.decision.symbol;
  trade.side = entry.decision.side;
  trade.status = "CLOSED";
  trade.quantity = entry.filled;
  entry.streams["trade"].push_back({id, std::string(event::kTradeClosed), event::ToJson(trade)});
}

void DeskModel::TellOrder(Entry& entry, std::string_view type, OrderStatus status) {
  const std::string& id = entry.decision.decision_id;
  event::OrderUpdate order;
  order.client_order_id = trading::ClientOrderId(id, trading::Leg::kEntry);
  order.decision_id = id;
  order.symbol = entry.decision.symbol;
  order.side = entry.decision.side;
  order.status = status;
  order.quantity = entry.decision.quantity;
  order.filled_quantity = entry.filled;
  entry.streams["order"].push_back({id, std::string(type), event::ToJson(order)});
}

// The venue nets a symbol to one position, so that execution refuses an entry against it.
bool DeskModel::OppositeOf(const Decision& decision) const {
  return std::ranges::any_of(entries_, [&](const auto& one) {
    const Entry& entry = one.second;
    return (entry.state == State::kResting || entry.state == State::kOpen) &&
           entry.decision.symbol == decision.symbol && entry.decision.side != decision.side;
  });
}

EntryState DeskModel::AskExpired(const std::string& decision_id) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(decision_id);
  if (found == entries_.end()) {
    expired_.insert(decision_id);
    return EntryState::kNothing;
  }
  if (found->second.filled.is_positive()) {
    return EntryState::kFilled;
  }
  return found->second.state == State::kOver ? EntryState::kNothing : EntryState::kMayStillFill;
}

std::optional<DeskModel::Delivery> DeskModel::Next(Random& random) {
  const std::lock_guard lock(mutex_);
  if (!old_.empty() && Chance(random, 15)) {
    Delivery again = old_[random.Below(old_.size())];
    again.again = true;
    return again;
  }
  std::vector<std::pair<Entry*, std::string>> ready;
  for (auto& [id, entry] : entries_) {
    for (const auto& [stream, waiting] : entry.streams) {
      if (!waiting.empty() && !entry.busy.contains(stream)) {
        ready.emplace_back(&entry, stream);
      }
    }
  }
  if (ready.empty()) {
    return std::nullopt;
  }
  const auto& [entry, stream] = ready[random.Below(ready.size())];
  entry->busy.insert(stream);
  return entry->streams[stream].front();
}

void DeskModel::Done(const Delivery& delivery, bool applied, Random& random) {
  const std::lock_guard lock(mutex_);
  if (delivery.again) {
    return;
  }
  Entry& entry = entries_.at(delivery.decision_id);
  const std::string stream = delivery.type.substr(0, delivery.type.find('.'));
  entry.busy.erase(stream);
  if (!applied || Chance(random, 10)) {
    return;  // it stays at the front, and comes again
  }
  entry.streams[stream].pop_front();
  if (old_.size() < kOldMax) {
    old_.push_back(delivery);
  } else {
    old_[random.Below(kOldMax)] = delivery;
  }
}

// From its first fill on the venue keeps back what the whole entry needs, what still rests included.
Decimal DeskModel::MarginTaken() const {
  Decimal taken;
  for (const auto& [id, entry] : entries_) {
    const bool holds = entry.state == State::kOpen || (entry.state == State::kResting && entry.filled.is_positive());
    taken += holds ? MarginOf(entry.decision) : Decimal();
  }
  return taken;
}

DeskModel::Account DeskModel::Read(const Clock& clock) const {
  const std::lock_guard lock(mutex_);
  Account account{.available = wallet_ - MarginTaken(), .version = version_, .as_of = clock.Now()};
  for (const auto& [id, entry] : entries_) {
    Decimal& position = account.positions[entry.decision.symbol];
    if (entry.state == State::kOpen || entry.state == State::kResting) {
      position += Signed(entry.decision, entry.filled);
    }
  }
  return account;
}

bool DeskModel::quiet() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::all_of(entries_, [](const auto& one) {
    return one.second.state != State::kResting &&
           std::ranges::all_of(one.second.streams, [](const auto& stream) { return stream.second.empty(); });
  });
}

std::set<std::string> DeskModel::open_trades() const {
  const std::lock_guard lock(mutex_);
  std::set<std::string> open;
  for (const auto& [id, entry] : entries_) {
    if (entry.state == State::kOpen) {
      open.insert(id);
    }
  }
  return open;
}

bool DeskModel::IsClosed(const std::string& decision_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(decision_id);
  return found != entries_.end() && found->second.state == State::kClosed;
}

std::map<std::string, int> DeskModel::ends() const {
  const std::lock_guard lock(mutex_);
  return ends_;
}

std::vector<std::string> DeskModel::violations() const {
  const std::lock_guard lock(mutex_);
  return violations_;
}

}  // namespace quantum::risk_safety::test
