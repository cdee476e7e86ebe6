#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "platform/bus/in_hand.h"
#include "platform/bus/key_scheduler.h"
#include "platform/bus/seen.h"
#include "tests/simulation/audit.h"
#include "tests/simulation/line.h"

namespace quantum::simulation {

// What outlives a consumer's process: its table `inbox`.
using Inbox = std::set<std::pair<std::string, uint64_t>>;  // lane, sequence

// One life of a consuming process of a group of its own: reads, handles, acknowledges, step by step, with the rules of
// Consumer (platform/bus/consumer.cpp, consumer_handling.cpp). inbox: null for handlers without a transaction.
class Subscriber {
 public:
  static constexpr size_t kFetchedMax = 64;
  static constexpr size_t kFetch = 16;

  Subscriber(std::string group, Inbox* inbox, uint64_t life, const Rules& rules, ManualClock& clock, Network& network,
             const Cluster& cluster, Audit& audit, Visits& visits);

  void Fetch(Choices& choices);
  void Handle(Choices& choices, bool failures);
  void Acknowledge(Choices& choices);

  Line& reading() { return reading_; }
  Line& acknowledging() { return acknowledging_; }
  size_t queued() const { return scheduler_.queued(); }
  bool idle() const;
  const std::string& group() const { return group_; }

 private:
  std::vector<redis::Command> Reading(const std::vector<std::string>& streams, const std::string& after) const;
  void OnFetched(const std::vector<redis::Reply>& replies);
  void Take(const std::string& stream, const redis::Reply& entries);
  bool Seen(const bus::Delivery& delivery);
  void End(const bus::KeyScheduler::Job& job, Choices& choices, bool failures);
  void EndOne(const bus::KeyScheduler::Job& job, Choices& choices, bool failures);
  void Effect(const bus::Delivery& delivery, uint64_t operation);
  void Done(const bus::Delivery& delivery);
  void Bury(const bus::Delivery& delivery);
  std::vector<redis::Command> BurialOf(const std::string& stream, const std::string& entry,
                                       const std::vector<bus::InHand::Letter>& letters) const;
  void OnAcknowledged(const std::vector<redis::Reply>& replies);

  const std::string group_;
  const std::string key_of_group_;
  Inbox* const inbox_;
  const uint64_t life_;
  const bus::Together together_;  // alternates from life to life
  const Rules& rules_;
  ManualClock& clock_;
  Audit& audit_;
  Visits& visits_;
  Line reading_;
  Line acknowledging_;
  bus::KeyScheduler scheduler_;
  std::map<std::string, bus::SeenWindow> seen_;
  std::map<std::string, bus::InHand> in_hand_;
  std::vector<bus::KeyScheduler::Job> running_;
  std::map<std::string, std::string> failed_in_;  // by key: the line in which its event failed last

  enum class Reads { kGroups, kPending, kNew };
  Reads reads_ = Reads::kGroups;
  uint64_t reading_epoch_ = 0;
  size_t family_ = 0;  // kPending
  std::string after_;
  SteadyTime read_pending_at_{};
  bool reading_asked_ = false;

  std::string in_flight_of_;
  std::vector<std::string> in_flight_;  // acknowledged on the wire
  bool burying_ = false;
  std::set<std::string> written_;  // entries whose dead letters stand, and that are not acknowledged (buries_at_once)
  bool acknowledging_asked_ = false;
};

std::vector<std::string> Families();

}  // namespace quantum::simulation
