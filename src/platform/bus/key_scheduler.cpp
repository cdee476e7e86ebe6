#include "platform/bus/key_scheduler.h"

#include <algorithm>
#include <array>

#include "platform/base/assert.h"

namespace quantum::bus {

namespace {

using namespace std::chrono_literals;

// Four waits between five tries: 4.2 s in all.
constexpr std::array<Duration, KeyScheduler::kTriesMax - 1> kWaits = {100ms, 400ms, 1200ms, 2500ms};
constexpr Duration kAwayBase = 100ms;
constexpr Duration kAwayMax = 2s;

}  // namespace

void KeyScheduler::Push(Delivery delivery) {
  std::string key = delivery.stream + '\0' + delivery.event.key;
  Line& line = lines_[key];
  line.deliveries.push_back(std::move(delivery));
  ++queued_;
  if (line.deliveries.size() == 1) {
    ready_.push_back(std::move(key));
  }
}

size_t KeyScheduler::Ready(SteadyTime now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    ready_.push_back(delayed_.begin()->second);
    delayed_.erase(delayed_.begin());
  }
  return ready_.size();
}

std::optional<KeyScheduler::Job> KeyScheduler::Next(SteadyTime now) {
  if (Ready(now) == 0 || running_ >= running_max_) {
    return std::nullopt;
  }
  std::string key = std::move(ready_.front());
  ready_.pop_front();
  ++running_;
  const Line& line = lines_.at(key);
  return Job{std::move(key), &line.deliveries.front(), line.failures + 1};
}

KeyScheduler::Step KeyScheduler::Judge(const std::string& key, Verdict verdict, SteadyTime now) {
  Line& line = lines_.at(key);
  Duration wait{};
  switch (verdict) {
    case Verdict::kDone:
      return Step::kAcknowledge;
    case Verdict::kPoisoned:
      return Step::kDeadLetter;
    case Verdict::kFailed:
      if (++line.failures >= kTriesMax) {
        return Step::kDeadLetter;
      }
      wait = kWaits.at(static_cast<size_t>(line.failures - 1));
      break;
    case Verdict::kAway:
      wait = std::min(kAwayMax, kAwayBase * (1 << std::min(line.absences++, 10)));
      break;
  }
  delayed_.emplace(now + wait, key);
  --running_;
  return Step::kRetryLater;
}

void KeyScheduler::Finish(const std::string& key) {
  const auto found = lines_.find(key);
  QUANTUM_ASSERT(found != lines_.end() && running_ > 0);
  Line& line = found->second;
  line.deliveries.pop_front();
  line.failures = 0;
  line.absences = 0;
  --queued_;
  --running_;
  if (line.deliveries.empty()) {
    lines_.erase(found);
  } else {
    ready_.push_back(key);
  }
}

std::optional<SteadyTime> KeyScheduler::next_due() const {
  return delayed_.empty() ? std::nullopt : std::optional(delayed_.begin()->first);
}

}  // namespace quantum::bus
