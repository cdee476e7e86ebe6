#pragma once

#include <array>
#include <cstdint>
#include <iosfwd>

#include "platform/base/random.h"

namespace quantum::simulation {

// What may happen next in the simulated world. A step that is not possible now (a restart of what runs) does nothing,
// so that any part of a sequence of steps is a sequence too: this is what makes failures shrink.
enum class Kind : uint8_t {
  kPublish,
  kDisk,     // a producer's journal: take a job, carry it out, hear of it
  kSend,     // a producer's sender
  kDeliver,  // a request reaches its node, or an answer its client
  kLose,     // one of them is lost, and the connection with it
  kRepeat,   // a request that is on its way arrives twice
  kReplicate,
  kReport,       // a replica tells its master how far it is
  kGiveUpWait,   // WAIT answers though too few replicas have told
  kFetch,        // a consumer's reading connection
  kHandle,       // a consumer starts or ends an event's handling
  kAcknowledge,  // a consumer's other connection
  kTime,
  kFreezeProducer,  // for longer than confirmed events are kept
  kKillProducer,    // and it starts again
  kCopyDisk,        // of a producer
  kRestoreDisk,     // it dies, and starts again from the copy
  kTwin,            // a second process of its name starts on a copy
  kKillConsumer,
  kKillNode,
  kStartNode,
  kKillAll,  // all nodes at once; the last two seconds of their files are lost
  kIsolate,  // a node, and some clients with it
  kHeal,
  kPromote,      // the sentinels elect a replica
  kReconfigure,  // a sentinel learns of it; a node is told whom to follow
  kQuota,
  kTrim,
  kCount
};
inline constexpr size_t kKinds = static_cast<size_t>(Kind::kCount);
const char* ToString(Kind kind);

struct Step {
  Kind kind = Kind::kTime;
  uint32_t choice = 0;  // everything the step has to decide
};
std::ostream& operator<<(std::ostream& out, const Step& step);

// How often each kind is drawn, of the sum of all.
const std::array<unsigned, kKinds>& Weights();
Step Draw(Random& random);

// The decisions of one step, taken from its choice.
class Choices {
 public:
  explicit Choices(uint32_t choice) : random_(choice) {}
  uint64_t Below(uint64_t bound) { return random_.Below(bound); }
  bool OneIn(uint64_t chances) { return random_.Below(chances) == 0; }
  Random& random() { return random_; }

 private:
  // SplitMix64: a fresh generator for each step has to cost nothing.
  class Mixer final : public Random {
   public:
    explicit Mixer(uint64_t seed) : state_(seed) {}
    uint64_t Next() override {
      uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
      return z ^ (z >> 31);
    }

   private:
    uint64_t state_;
  };
  Mixer random_;
};

}  // namespace quantum::simulation
