#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace quantum::simulation {

// The transitions that a run must have been through to prove anything: of the broker, of the clients, and every fault
// in a state where it hurts.
enum class Visit : size_t {
  kAppended,
  kRepeatSkipped,  // the broker took nothing of a batch: it had all
  kBundled,        // several events in one entry
  kHeldInPart,     // of which the broker had some already
  kFenced,         // a twin's older process
  kOverQuota,      // a batch refused
  kReadOnly,       // a write sent to a replica
  kNoReplicas,     // a write refused by a master that is alone
  kWaitSatisfied,
  kWaitFailed,
  kOrphanExecuted,  // a request whose connection its client had given up
  kAnswerLost,
  kConnected,
  kMasterByMajority,
  kMasterByMemory,    // no majority of sentinels answered: the last master, with a replica
  kMasterByElection,  // chosen by the sentinels' leader, before they name it
  kNoMaster,          // the sentinels disagree
  kRoleRefused,       // the node found says that it is no master
  kSetback,           // a new master lacked what was confirmed
  kLaggingPromoted,   // a replica that lacked what its master had
  kFailoverGivenUp,   // the chosen one was master, and the deposed is again
  kDivergedDropped,   // an old master came back with what nobody else has
  kFileCutShort,      // a node came back without its last two seconds
  kSplitBrain,        // a deposed master was written to
  kEarlierLifeSent,   // what an earlier life left
  kHeldBack,          // a later life's events waited for those
  kFrozenWithAnswer,  // an answer read after a long freeze
  kDiskFull,
  kSyncFailed,
  kPowerLost,
  kRefusedPublish,
  kSegmentRemoved,
  kDuplicateDropped,  // by the set of what was seen
  kInboxDropped,      // by the inbox of a later life
  kFetchedAgain,      // pending entries of an earlier connection
  kLateReading,       // a request to read that came after a later connection's
  kTogether,          // several events of a key or of a stream in one transaction
  kParted,            // several that failed together, so that fewer are handled at once
  kSeparated,         // one that failed left the line that all keys of its stream share
  kRetried,
  kBuried,
  kTrimmed,
  kCount
};
inline constexpr size_t kVisits = static_cast<size_t>(Visit::kCount);
const char* ToString(Visit visit);

class Visits {
 public:
  void Count(Visit visit) { ++counts_[static_cast<size_t>(visit)]; }
  uint64_t of(Visit visit) const { return counts_[static_cast<size_t>(visit)]; }
  void Add(const Visits& other) {
    for (size_t i = 0; i < kVisits; ++i) {
      counts_[i] += other.counts_[i];
    }
  }

 private:
  std::array<uint64_t, kVisits> counts_{};
};

}  // namespace quantum::simulation
