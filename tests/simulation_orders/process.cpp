#include "tests/simulation_orders/process.h"

#include <algorithm>

namespace quantum::orders_simulation {

using namespace std::chrono_literals;
using execution::Decision;
using execution::Order;
using execution::Plan;
using execution::Sender;
using trading::Leg;
using trading::OrderStatus;

namespace {

trading::SymbolRules RulesOf(const std::string& symbol) {
  using trading::operator""_dec;
  trading::SymbolRules rules;
  rules.symbol = symbol;
  rules.tick_size = "0.1"_dec;
  rules.step_size = "0.001"_dec;
  rules.min_quantity = "0.001"_dec;
  rules.max_quantity = "1000"_dec;
  rules.market_max_quantity = "120"_dec;
  rules.min_notional = "10"_dec;
  return rules;
}

}  // namespace

execution::Settings Process::MakeSettings(const Rules& rules, std::vector<std::string> symbols) {
  execution::Settings settings;
  settings.mode = "PAPER";
  settings.symbols = std::move(symbols);
  settings.receive_window = rules.waits_for_absence ? settings.receive_window : -1h;
  return settings;
}

Process::Process(Network& network, Store& store, Audit& audit, Visits& visits, const Rules& rules, uint64_t life,
                 std::vector<std::string> symbols)
    : network_(network),
      store_(store),
      audit_(audit),
      visits_(visits),
      rules_(rules),
      loop_(std::make_unique<fiber::Loop>("execution")),
      port_(network, rules, life, execution::Settings().receive_window),
      journal_(network.clock(), store, audit),
      desk_(*loop_, network.clock(), port_, journal_, MakeSettings(rules, std::move(symbols))),
      sender_(desk_),
      protector_(desk_, sender_),
      reconciler_(desk_, sender_) {
  for (const std::string& symbol : desk_.settings.symbols) {
    desk_.rules[symbol] = RulesOf(symbol);
  }
  journal_.ledger = &desk_.ledger;
  port_.on_send = [this](const exchange::NewOrder& order, WallTime signed_for) {
    audit_.Sent(order, desk_.ledger.FindOrder(order.client_order_id), signed_for,
                signed_for + execution::Settings().receive_window);
  };
  port_.on_cancel = [this](const std::string& id) {
    if (desk_.ledger.FindOrder(id) == nullptr) {
      visits_.Count(Visit::kOrphanCancelled);
    }
  };
  desk_.on_change = [this](const std::string& symbol) { protector_.Wake(symbol); };
  desk_.on_fills_missing = [this] { reconciler_.Kick(); };
  execution::LedgerSnapshot snapshot = store_.Load();
  audit_.Loaded(snapshot);
  desk_.ledger.Restore(std::move(snapshot), desk_.Now());
  desk_.restored = true;
  desk_.Spawn([this] { Start(); });
}

Process::~Process() { loop_.reset(); }  // first: what its fibers hold is unwound

void Process::Start() {
  while (!reconciler_.First().ok()) {
    if (desk_.stopping.WaitFor(500ms)) {
      return;
    }
  }
  protector_.Recover();
  Recover();
  desk_.reconciled = true;
  if (rules_.reconciles) {
    desk_.Spawn([this] { reconciler_.Run(); });
  }
  for (const std::string& symbol : desk_.ledger.Symbols()) {
    protector_.Wake(symbol);
  }
}

void Process::OnUserEvent(const exchange::UserEvent& event) {
  if (const auto* report = std::get_if<trading::OrderReport>(&event)) {
    const Order* ours = desk_.ledger.FindOrder(report->client_order_id);
    if (report->fill && ours != nullptr && ours->status == OrderStatus::kIntent) {
      visits_.Count(Visit::kFillBeforeAnswer);
    }
    desk_.Report(*report);
  } else if (rules_.reconciles) {
    reconciler_.ExpectFunding();
  }
}

execution::Gates Process::Gates(const std::string& symbol) const {
  execution::Gates gates;
  gates.mode = desk_.settings.mode;
  gates.now = desk_.Now();
  gates.symbol_halted = desk_.SymbolHalted(symbol);
  gates.position = desk_.ledger.PositionOf(symbol).quantity;
  return gates;
}

bool Process::Takes(const Decision& decision) const {
  return desk_.reconciled &&
         (decision.intent == trading::event::Intent::kClose || desk_.SymbolSettled(decision.symbol)) &&
         !RefusedBy(Gates(decision.symbol), decision);
}

void Process::CarryOut(const Plan& plan, const Decision& decision) {
  desk_.Spawn([this, plan, decision] {
    const std::string& id = plan.orders.front().client_order_id;
    if (desk_.ledger.FindOrder(id) != nullptr) {
      return;
    }
    desk_.ledger.Adopt(plan);
    decision.intent == trading::event::Intent::kClose ? SendClose(id, decision) : SendEntry(id, decision);
  });
}

void Process::SendEntry(const std::string& client_order_id, const Decision& decision) {
  if (const auto refusal = RefusedBy(Gates(decision.symbol), decision)) {
    desk_.Commit(desk_.ledger.Discard(client_order_id, refusal->code, desk_.Now()));
    return;
  }
  sender_.Submit(client_order_id);
}

void Process::SendClose(const std::string& client_order_id, const Decision& decision) {
  const Decimal position = desk_.ledger.PositionOf(decision.symbol).quantity;
  const Order* order = desk_.ledger.FindOrder(client_order_id);
  const Decimal available = position.Abs() - (desk_.ledger.Closing(decision.symbol) - order->quantity);
  const bool reduces = !position.is_zero() && position.is_positive() != (order->side == trading::Side::kBuy);
  if (!reduces || !available.is_positive() || RefusedBy(Gates(decision.symbol), decision)) {
    desk_.Commit(desk_.ledger.Discard(client_order_id, "NOTHING_TO_CLOSE", desk_.Now()));
    return;
  }
  desk_.Commit(desk_.ledger.Resize(client_order_id, std::min(order->quantity, available), desk_.Now()));
  sender_.Submit(client_order_id);
}

void Process::Recover() {
  for (const OrderStatus status : {OrderStatus::kIntent, OrderStatus::kUnknown}) {
    for (const Order* order : desk_.ledger.OrdersWith(status)) {
      if (trading::IsProtective(order->leg) && status == OrderStatus::kIntent) {
        continue;
      }
      ++desk_.recovering[order->symbol];
      desk_.Spawn(
          [this, id = order->client_order_id, was_intent = status == OrderStatus::kIntent, symbol = order->symbol] {
            RecoverOrder(id, was_intent);
            if (--desk_.recovering[symbol] == 0) {
              desk_.recovering.erase(symbol);
            }
          });
    }
  }
}

void Process::RecoverOrder(const std::string& client_order_id, bool was_intent) {
  if (sender_.AskUntilKnown(client_order_id, desk_.VenueNow()) != Sender::Finding::kAbsent) {
    return;
  }
  const Order* order = desk_.ledger.FindOrder(client_order_id);
  const execution::Trade* trade = order == nullptr ? nullptr : desk_.ledger.FindTrade(order->decision_id);
  if (was_intent && order->leg == Leg::kEntry && trade != nullptr) {
    Decision decision;
    decision.decision_id = trade->trade_id;
    decision.symbol = trade->symbol;
    decision.side = trade->side;
    decision.expires_at = trade->expires_at;
    decision.mode = desk_.settings.mode;
    if (!RefusedBy(Gates(decision.symbol), decision)) {
      SendEntry(client_order_id, decision);
      return;
    }
  }
  desk_.Commit(order != nullptr && order->status == OrderStatus::kIntent
                   ? desk_.ledger.Discard(client_order_id, "NEVER_SENT", desk_.Now())
                   : desk_.ledger.MarkRejected(client_order_id, "NEVER_SENT", desk_.Now()));
}

void Process::CancelEntry(Choices& choices) {
  std::vector<std::string> entries;
  for (const Order* order : desk_.ledger.LiveOrders()) {
    if (order->leg == Leg::kEntry) {
      entries.push_back(order->client_order_id);
    }
  }
  if (!entries.empty()) {
    desk_.Spawn([this, id = entries[choices.Below(entries.size())]] { static_cast<void>(sender_.Cancel(id)); });
  }
}

}  // namespace quantum::orders_simulation
