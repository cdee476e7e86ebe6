#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "platform/bus/journal/faulty_storage.h"
#include "platform/bus/journal/journal.h"
#include "platform/bus/sender_core.h"
#include "tests/simulation/audit.h"
#include "tests/simulation/line.h"

namespace quantum::simulation {

// What a producer's life leaves behind and the next one finds.
struct Disk {
  bus::journal::FaultyStorage storage;
  std::string line;                  // of events published on it, for the audit
  std::vector<std::string> earlier;  // lines of the disks that it was copied from, one from the other
  std::vector<uint64_t> at_risk;     // operations that a copy of it may not hold
};

// One life of a publishing process: journal (or memory) and sender, moved on step by step.
class Publisher {
 public:
  static constexpr size_t kEventsMax = 400;
  static constexpr size_t kInOneEntryMax = 3;

  // start: a later one is a later life, everywhere.
  Publisher(std::string name, std::shared_ptr<Disk> disk, uint64_t start, const Rules& rules, ManualClock& clock,
            Network& network, const Cluster& cluster, Audit& audit, Visits& visits, bool with_isolated);

  void Publish(Choices& choices);
  void WriteDisk(Choices& choices, bool faults);
  void Send(Choices& choices);
  void Freeze(Duration duration) { frozen_until_ = clock_.Steady() + duration; }
  void Thaw() { frozen_until_ = {}; }

  const std::string& name() const { return name_; }
  const std::shared_ptr<Disk>& disk() const { return disk_; }
  Line& line() { return line_; }
  bool fenced() const { return fenced_; }
  bool frozen() const { return clock_.Steady() < frozen_until_; }
  // Nothing waits, as far as the broker has said over this connection: what an earlier life knew to be confirmed may be
  // gone from it since.
  bool done() const { return fenced_ || (resumed() && outbox_->pending() == 0 && !job_); }
  size_t pending() const { return outbox_->pending(); }
  size_t retained() const { return outbox_->retained(); }
  std::vector<uint64_t> Unacknowledged() const;

 private:
  bool resumed() const { return line_.connected() && line_.epoch() == resumed_epoch_; }
  enum class Asked { kNothing, kLast, kAppend, kRole };
  void OnAnswer(const std::vector<redis::Reply>& replies);
  void OnAppended(const std::vector<redis::Reply>& replies);
  void AskForMore();
  void CollectCommands();
  bool HoldsBack() const;
  void Acknowledge();

  const std::string name_;
  const std::shared_ptr<Disk> disk_;
  const Rules& rules_;
  ManualClock& clock_;
  Audit& audit_;
  Visits& visits_;
  const std::string incarnation_;
  const std::string session_;
  std::unique_ptr<bus::journal::Journal> journal_;
  std::unique_ptr<bus::MemoryOutbox> memory_;
  bus::Outbox* outbox_;
  bus::SenderCore core_;
  Line line_;
  uint64_t resumed_epoch_ = 0;  // of the line: since when the broker was asked what it has
  Asked asked_ = Asked::kNothing;
  std::vector<redis::Command> commands_;
  std::vector<bus::SenderCore::Sending> sendings_;
  std::optional<bus::journal::Journal::Job> job_;
  std::optional<bus::journal::Journal::Outcome> outcome_;
  std::map<size_t, std::map<uint64_t, uint64_t>> waiting_;  // by lane and sequence: operations not acknowledged yet
  SteadyTime frozen_until_{};
  bool fenced_ = false;
};

}  // namespace quantum::simulation
