#pragma once

#include <memory>
#include <optional>
#include <string>

#include "platform/lifecycle/service.h"
#include "services/risk_safety/conditions.h"
#include "services/risk_safety/emergency_stop.h"

namespace quantum::risk_safety {

// The emergency stop with its effects: it acts first (execution is told over HTTP), keeps a fsynced file, and records
// in Postgres after, trying again until that succeeds.
class EssKeeper {
 public:
  EssKeeper(lifecycle::Service& service, Duration cooldown, bool close_on_trip);

  // The newer of the file and Postgres; a missing Postgres is no reason to forget a trip.
  Status Restore();

  Status Trip(std::string_view reason, std::string_view by, bool by_hand);
  Status Reset(std::string_view by);
  // Once a second: trips on a condition, cools down, re-arms, and makes up for records that are still owed.
  void Tick(const std::optional<std::string>& condition);

  const EmergencyStop& stop() const { return *stop_; }
  std::string StatusJson() const;

 private:
  void Changed(EssState from);
  void TellExecution();
  void RecordOwed();

  lifecycle::Service& service_;
  Duration cooldown_;
  bool close_on_trip_;
  std::string file_;
  std::unique_ptr<EmergencyStop> stop_;
  bool tell_owed_ = false;
  bool record_owed_ = false;
  EssState owed_from_ = EssState::kArmed;
};

}  // namespace quantum::risk_safety
