#pragma once

#include <map>
#include <optional>
#include <string>

#include "platform/bus/bus.h"
#include "platform/postgres/pool.h"
#include "services/execution/lease.h"
#include "services/execution/sender.h"

namespace quantum::execution {

// Carries out approved decisions: commits the intents of entry, stop and take-profit with the event that asked for
// them, then sends. One entry at a time per symbol; protection and cancels never wait for it.
class Entries {
 public:
  Entries(Desk& desk, Sender& sender, postgres::Pool& pool, bus::Bus& bus, const Lease& lease)
      : desk_(desk), sender_(sender), pool_(pool), bus_(bus), lease_(lease) {}

  // The handler of risk.approved, inside the transaction of the bus's inbox. Nothing is sent before it is seen
  // to be committed.
  Status OnApproval(const bus::Event& event, postgres::Transaction& transaction);

  // The handler of the negative control (settings.h, at_risk): what is sent is written down afterwards.
  Status OnApprovalAtRisk(const bus::Event& event);

  // After the start's comparison, before entries are taken: intents and unknown orders that an earlier process left
  // behind. Their symbols take no entries until each of them is resolved.
  void Recover();

  // Cancels entry orders that rest for too long, or all: while Postgres is away nothing new is recorded of them. Called
  // every second.
  void CancelResting(bool all);

  // Takes no more; true when everything that was begun is sent.
  bool Finish(Duration timeout) {
    gate_.Close();
    return gate_.WaitEmptyFor(timeout);
  }
  size_t under_way() const { return gate_.inside(); }

 private:
  // What is to become of an approval.
  struct Judged {
    Plan plan;                       // of what is refused: what is recorded of it
    std::optional<Refusal> refusal;  // not to be carried out
    bool forgotten = false;          // it may have been sent before the database was set back
  };
  Result<Judged> Judge(const Approval& approval, const bus::Event& event);
  Status RecordRefusal(const Approval& approval, const Refusal& refusal, const Plan& plan, const bus::Event& cause,
                       postgres::Transaction& transaction);
  void Send(const std::string& client_order_id, const Decision& decision);
  // forgotten: it may have been sent before the database was set back.
  void Execute(const Plan& plan, const Decision& decision, bool forgotten);
  // When it is not known whether the transaction that was to record the plan commits, or has even begun: records the
  // plan itself, so that the other one finds its rows taken should it come later. False: not this plan but that of
  // another delivery of the decision is recorded, or the lease is another's, or the process ends; nothing may be sent.
  bool MakeSure(const Plan& plan);
  void SendEntry(const std::string& client_order_id, const Decision& decision);
  void SendClose(const std::string& client_order_id, const Decision& decision);
  // Leverage and margin mode as the entry needs them, as the venue has confirmed.
  Status EnsureConfig(const std::string& symbol, int leverage);
  void RecoverOrder(const std::string& client_order_id, bool was_intent);

  Desk& desk_;
  Sender& sender_;
  postgres::Pool& pool_;
  bus::Bus& bus_;
  const Lease& lease_;
  fiber::Gate gate_;
  std::map<std::string, fiber::Mutex> lanes_;  // per symbol
  struct Confirmed {
    exchange::SymbolConfig config;
    SteadyTime at{};
  };
  std::map<std::string, Confirmed> configs_;
};

}  // namespace quantum::execution
