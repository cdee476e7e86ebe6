#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "platform/base/clock.h"
#include "platform/bus/event.h"
#include "platform/bus/together.h"

namespace quantum::bus {

struct Subscription;

// An event on its way to a handler.
struct Delivery {
  std::string family;  // of its stream
  std::string entry;   // its id in the stream
  std::string first;   // the entry's first event (in_hand.h)
  uint64_t token = 0;  // of the lease under which it was read
  Event event;
  const Subscription* subscription = nullptr;
  Together joins{};  // which of its neighbours it may be handled with in one go
};

// What ran how.
enum class Verdict {
  kDone,
  kFailed,    // tried again, five times within 5 s, then dead
  kPoisoned,  // dead at once
  kAway,      // not the event's fault (the database is away): tried again without limit
  kHeld,      // not handed out: the process's right to the stream is in doubt; soon again
};

// Which delivery runs next: those of one key strictly in order, different keys at once up to a bound; a failing one
// holds back its own key only. No I/O.
//
// Deliveries stand in lines. Each key of a stream has one, or (Together::kOfStream) all keys of the stream share one.
// What fails in a line that is shared goes to a line of its own key, with all that waits of that key; what comes of the
// key joins it there until that line is empty.
class KeyScheduler {
 public:
  static constexpr int kTriesMax = 5;
  static constexpr size_t kTogetherMax = 64;

  enum class Step { kRetryLater, kAcknowledge, kDeadLetter, kDrop };

  explicit KeyScheduler(size_t running_max) : running_max_(running_max) {}

  void Push(Delivery delivery);

  struct Job {
    std::string line;  // names it in Part, Judge and Finish
    // Not empty, one unless all of them join: what waits in the line, at its first try. Valid until Finish, or Judge
    // says kRetryLater.
    std::vector<const Delivery*> deliveries;
    int attempt = 1;
  };
  std::optional<Job> Next(SteadyTime now);

  // The job's deliveries could not be handled together. culprit: which of them was at fault, if that is known; then it
  // is to be handled alone and those before it together once more, else each alone. How many are to be handled now, the
  // first ones; zero: the stream was abandoned meanwhile; call Finish.
  size_t Part(const std::string& line, std::optional<size_t> culprit = std::nullopt);

  // After kRetryLater the job is over and comes again; otherwise the caller acts, then calls Finish. kDrop: the stream
  // was abandoned meanwhile; there is nothing to do.
  Step Judge(const std::string& line, Verdict verdict, SteadyTime now);
  void Finish(const std::string& line);

  // Forgets the stream's deliveries, but for those that run now: they end, and are tried no more.
  void Abandon(const std::string& family);

  // How many could run now, were there no bound.
  size_t Ready(SteadyTime now);
  // When Next() is worth another call without a Push or a Finish.
  std::optional<SteadyTime> next_due() const;
  size_t queued() const { return queued_; }  // running ones included
  size_t running() const { return running_; }

 private:
  struct Line {
    std::deque<Delivery> deliveries;
    int failures = 0;
    int absences = 0;
    size_t running = 0;      // of the first deliveries
    size_t alone = 0;        // that many of the first are not to be handled together
    bool abandoned = false;  // those that run
  };
  // Takes the first delivery of a line that is shared, and all others of its key, to a line of their own, whose name it
  // returns.
  std::string Separate(const std::string& shared);

  const size_t running_max_;
  std::unordered_map<std::string, Line> lines_;
  std::deque<std::string> ready_;
  std::set<std::pair<SteadyTime, std::string>> delayed_;
  size_t queued_ = 0;
  size_t running_ = 0;
};

}  // namespace quantum::bus
