#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "platform/base/clock.h"

namespace quantum::bus {

// One process's side of the lease of a group on a stream: who holds it reads the stream, the others stand by. No I/O.
//
// The broker keeps a record (bus.lua, quantum_bus_4_lease): a token, greater with each new holder, and a beat that
// every renewal moves. No clock is compared with another's: the holder counts its time from before it asked for a
// renewal; a standby takes over once it saw the same beat for the whole length of the lease. So the holder's time has
// passed before anybody takes over, whichever of the two was frozen and whichever node answers. What the holder reads
// and acknowledges carries the token, and the broker refuses an older one.
//
// While the broker does not answer nobody can renew, so silence counts only from answer to answer.
//
// Who knows by other means that it alone works from now on claims the lease with its first question, and has it at
// once; afterwards it is one as the others.
//
// A master that was promoted with an older record: the holder whose time runs tells it again; a standby that has seen a
// greater token watches for the whole length, as if somebody held it.
class Lease {
 public:
  struct Options {
    std::string holder;   // the process's stable name
    std::string session;  // of this life; a later life's is greater, and takes over from the earlier at once
    Duration length{};    // a holder that is silent for so long loses the lease
    bool claims = false;  // nobody else works from the first question on
  };

  // The words of the broker's function.
  struct Question {
    uint64_t token = 0;
    const char* how = "";
    std::string watched;
    SteadyTime asked_at;
  };
  struct Answer {
    bool ours = false;
    uint64_t token = 0;
    uint64_t beat = 0;
    std::string holder;  // empty: nobody
    bool safe = true;    // enough replicas have heard it
  };
  enum class Change { kNone, kGained, kLost };

  explicit Lease(Options options) : options_(std::move(options)), claims_(options_.claims) {}

  Question Ask(SteadyTime now) const;
  // kGained: read from the oldest pending entry on. kLost: forget what was read. One tenure may follow another
  // directly: then it is kGained again, under a new token.
  Change Take(const Question& question, const Answer& answer, SteadyTime now);
  // The broker refused something under this token.
  Change Refused(uint64_t token);
  // Precondition: nothing is in hand any more. The words that free it for the next one; nothing when it is not ours.
  std::optional<Question> Release(SteadyTime now);

  // Of the present tenure; 0 while standing by.
  uint64_t token() const { return token_; }
  // Whether events may be handed out now. A holder whose time has passed waits: it has lost nothing unless the broker
  // says so.
  bool Runs(SteadyTime now) const { return token_ != 0 && now < runs_until_; }
  const std::string& holder() const { return seen_.holder; }  // as last heard; empty: nobody, or not heard yet

 private:
  bool Listens(SteadyTime now) const;

  const Options options_;
  bool claims_;  // it is still to be claimed
  uint64_t token_ = 0;
  SteadyTime runs_until_{};
  uint64_t greatest_ = 0;  // token ever seen
  Answer seen_;            // the record as last heard
  SteadyTime seen_since_{};
  std::optional<SteadyTime> heard_at_;  // the last answer
};

}  // namespace quantum::bus
