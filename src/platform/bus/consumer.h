#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "platform/bus/bus.h"
#include "platform/bus/fetcher.h"
#include "platform/bus/in_hand.h"
#include "platform/bus/key_scheduler.h"
#include "platform/bus/lease_keeper.h"
#include "platform/bus/seen.h"

namespace quantum::bus {

// What the parts of a bus share.
struct Context {
  fiber::Loop& loop;
  redis::Client& redis;
  postgres::Pool* pool;
  BusOptions options;
  const Clock& clock;
  Random& random;
  std::string session{};  // of this life of the process; a later life's is greater
};

// One group's durable side: fetches the streams whose lease it holds, hands out, acknowledges. The loop's fibers keep
// it alive.
class Consumer : public std::enable_shared_from_this<Consumer> {
 public:
  Consumer(Context context, std::string service);

  void Add(std::shared_ptr<const Subscription> subscription, const std::string& type);
  const std::string& group() const { return group_; }
  const std::set<std::string>& families() const { return families_; }

  Status CreateGroups(Duration timeout);
  void Start();
  // Fetches and hands out nothing more; true when what was being handled is done and acknowledged in time. Then a
  // standby may go on at once.
  bool StopConsuming(Duration timeout);
  std::vector<Bus::Reader> readers() const;
  // Why failed events cannot go to the dead letters, a line a stream; empty when they can.
  std::string trouble() const;

 private:
  void KeepLeases() { leases_.Run(); }  // fiber
  void Fetch();                         // fiber
  size_t Take(const std::string& family, uint64_t token, const redis::Reply& entries);
  void Lose(const std::string& family);
  void Tick();  // fiber: starts what is due
  void Pump();  // starts workers for what may run
  void Work();  // fiber: runs jobs until there is none
  void Handle(const KeyScheduler::Job& job);
  void HandleOne(const KeyScheduler::Job& job);
  using Deliveries = std::vector<const Delivery*>;
  // One transaction for all. When it fails, culprit: the one that is to be handled alone, if that is known.
  Status HandleTogether(const Deliveries& deliveries, std::optional<size_t>& culprit);
  Status Call(const Delivery& delivery, int attempt, bool& duplicate, bool& away);
  // In a transaction: has the inbox take them, then runs the handlers of those that it had not, in order. at_once: in
  // one with the handlers' statements first, and anew where that meets what may be a repeat.
  Status Transact(const Deliveries& deliveries, bool at_once, std::vector<bool>& duplicates,
                  std::optional<size_t>& culprit);
  // The inbox's rows travel ahead of the handlers' statements. kConflict: perhaps there is a repeat.
  Status TransactAtOnce(const Deliveries& deliveries, std::optional<size_t>& culprit);
  static Status RunHandlers(const Deliveries& deliveries, const std::vector<bool>& duplicates,
                            postgres::Transaction& transaction, std::optional<size_t>& culprit);
  postgres::Statement Inbox(const Event& event, std::string_view on_repeat) const;
  void Applied(const Delivery& delivery, bool duplicate);
  void DeadLetter(const Delivery& delivery, const std::string& reason, int attempts);
  void BuryUnreadable(const std::string& family, const std::string& entry, const redis::Reply& fields,
                      const Error& why);
  // One event of the entry is through. first: the entry's first event.
  void Acknowledge(const std::string& family, uint64_t token, const std::string& entry, const std::string& first);
  void SendAcknowledgements();  // fiber
  // False when it has to be done again.
  bool SendAcknowledgements(const std::string& family);
  bool SendBurials(const std::string& family);
  bool Tell(const std::string& family, redis::Command command, const std::vector<std::string>& entries);

  Context context_;
  const std::string service_;
  const std::string group_;
  std::set<std::string> families_;
  std::map<std::string, std::shared_ptr<const Subscription>> by_type_;
  LeaseKeeper leases_;
  Fetcher fetcher_;
  KeyScheduler scheduler_;
  std::map<std::string, SeenWindow> seen_;       // by family
  std::map<std::string, InHand> in_hand_;        // by family: read under its present lease
  std::map<std::string, std::string> unburied_;  // by family: why the last burial was refused, until one is not
  size_t workers_ = 0;
  fiber::Event acknowledgements_;
  fiber::Event room_;
  fiber::Event gained_;   // a stream is ours
  fiber::Event stop_;     // no more fetching and handing out
  fiber::Event stopped_;  // the fibers may end
  fiber::Gate gate_;
};

}  // namespace quantum::bus
