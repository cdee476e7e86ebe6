#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "services/execution/protector.h"
#include "services/execution/reconciler.h"
#include "services/execution/sender.h"
#include "tests/simulation_orders/audit.h"
#include "tests/simulation_orders/venue_port.h"

namespace quantum::orders_simulation {

// Changes wait here until they are written; a crash loses them.
class Journal final : public execution::ChangeSink {
 public:
  Journal(const Clock& clock, Store& store, Audit& audit) : clock_(clock), store_(store), audit_(audit) {}
  void Enqueue(execution::ChangeSet changes) override;
  bool WaitWritten(Duration timeout) override;
  bool Awaits(const std::string& client_order_id) const override;
  void Write(size_t count);
  size_t pending() const { return queue_.size(); }

  const execution::Ledger* ledger = nullptr;

 private:
  const Clock& clock_;
  Store& store_;
  Audit& audit_;
  std::deque<execution::ChangeSet> queue_;
  uint64_t enqueued_ = 0;
  uint64_t written_ = 0;
  fiber::Event progress_;
};

// One life of execution: its own ledger, sender, protector and reconciler, as execution.cpp wires them. Entries, which
// stand in Postgres' and the bus' transactions, are told here (entries.cpp): approvals are carried out once recorded,
// and what an earlier life left is found out about first.
class Process {
 public:
  Process(Network& network, Store& store, Audit& audit, Visits& visits, const Rules& rules, uint64_t life,
          std::vector<std::string> symbols);
  ~Process();

  void OnUserEvent(const exchange::UserEvent& event);
  void CarryOut(const execution::Plan& plan, const execution::Decision& decision);
  void CancelEntry(Choices& choices);
  // Until nothing is ready.
  void Run() { loop_->Run(); }

  execution::Gates Gates(const std::string& symbol) const;
  bool Takes(const execution::Decision& decision) const;
  bool idle() const;
  execution::Desk& desk() { return desk_; }
  Journal& journal() { return journal_; }
  size_t sending() const { return sender_.in_flight(); }

 private:
  void Start();
  void SendEntry(const std::string& client_order_id, const execution::Decision& decision);
  void SendClose(const std::string& client_order_id, const execution::Decision& decision);
  void Recover();
  void RecoverOrder(const std::string& client_order_id, bool was_intent);
  static execution::Settings MakeSettings(const Rules& rules, std::vector<std::string> symbols);

  Network& network_;
  Store& store_;
  Audit& audit_;
  Visits& visits_;
  const Rules& rules_;
  std::unique_ptr<fiber::Loop> loop_;
  VenuePort port_;
  Journal journal_;
  execution::Desk desk_;
  execution::Sender sender_;
  execution::Protector protector_;
  execution::Reconciler reconciler_;
};

}  // namespace quantum::orders_simulation
