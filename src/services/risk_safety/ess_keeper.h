#pragma once

#include <deque>
#include <optional>
#include <string>

#include "platform/fiber/fiber.h"
#include "services/risk_safety/conditions.h"
#include "services/risk_safety/emergency_stop.h"
#include "services/risk_safety/ess_agreement.h"

namespace quantum::risk_safety {

// One change of the emergency stop, as it goes into the history and out as an event.
struct EssMove {
  EssState from = EssState::kArmed;
  EssRecord record;
  trading::event::EssMetrics metrics;
};

// What execution is told. `by` says whose word it is: "ess" lifts only what "ess" halted.
struct EssOrder {
  bool halt = false;
  bool close = false;
  std::string reason;
  std::string by;
  WallTime since{};  // of the record that says so
};

// The world that the keeper acts on. Every call but ReadKept and Keep may suspend the fiber.
class EssPorts {
 public:
  virtual ~EssPorts() = default;
  virtual Result<std::optional<std::string>> ReadKept() = 0;  // nothing: there is no file
  virtual Status Keep(const std::string& text) = 0;           // fsynced
  virtual Result<ExecutionHalt> AskExecution() = 0;
  virtual Status TellExecution(EssOrder order) = 0;
  // Where execution finds it before it sends anything: for a halt that it could not be told.
  virtual Status LeaveHalt(const EssOrder& order) = 0;
  virtual Result<std::optional<EssRecord>> LoadStored() = 0;  // from Postgres
  // kConflict: Postgres knows another record under this version, or a newer one. A repeat does nothing.
  virtual Status Save(EssMove move) = 0;
};

// The emergency stop with its effects. A change is made at once and in one step, then execution is told (it acts
// first), then the file is written, and Postgres gets the record when it can: every change, in order, by value. Changes
// come from several fibers of one loop; words to execution pass one mutex and say what holds when they are sent, so
// that an older word never follows a newer one.
class EssKeeper {
 public:
  struct Options {
    Duration cooldown = std::chrono::minutes(15);
    bool close_on_trip = false;  // a trip closes positions too
    bool enabled = true;         // false: DISABLED in place of ARMED
  };
  EssKeeper(EssPorts& ports, const Clock& clock, Options options);

  // A missing Postgres is no reason to forget a trip, nor to wait where there is a file. kUnavailable: neither can be
  // read.
  Status Restore();

  // kConflict when it stands so already. They return when execution has been told, or could not be reached.
  Status Trip(std::string_view reason, std::string_view by, bool by_hand);
  Status Reset(std::string_view reason, std::string_view by);

  // Once a second, from a fiber that never waits for Postgres: trips on a condition, cools down, re-arms.
  void Tick(const Judgement& judgement);
  // Once a second: asks execution, and makes both sides agree.
  void Agree();
  // Saves what Postgres does not have yet. RecordLoop does so after every change and once a second.
  void RecordOwed();
  void RecordLoop(fiber::Event& stopping);

  const EmergencyStop& stop() const { return stop_; }
  bool agreed() const { return agreed_; }          // execution's last answer agreed
  bool recorded() const { return owed_.empty(); }  // Postgres has every change
  std::string StatusJson() const;

 private:
  enum class Tell { kYes, kNo };
  void Changed(EssState from, Tell tell);
  void TellExecution();
  void KeepFile();
  Status Number();

  EssPorts& ports_;
  const Clock& clock_;
  Options options_;
  EmergencyStop stop_;
  trading::event::EssMetrics metrics_;
  std::deque<EssMove> owed_;  // oldest first, bounded; the newest is the present record
  bool agreed_ = false;
  fiber::Mutex telling_;
  fiber::Mutex recording_;
  fiber::Event changed_;
};

}  // namespace quantum::risk_safety
