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
constexpr Duration kHeldWait = 20ms;

// All lines of a stream begin with its name and a NUL.
std::string LineOfStream(const std::string& family) { return family + '\0'; }
std::string LineOfKey(const Delivery& delivery) { return delivery.family + std::string("\0 ", 2) + delivery.event.key; }

}  // namespace

void KeyScheduler::Push(Delivery delivery) {
  std::string name = LineOfKey(delivery);
  if (delivery.joins == Together::kOfStream && !lines_.contains(name)) {
    name = LineOfStream(delivery.family);
  }
  Line& line = lines_[name];
  line.deliveries.push_back(std::move(delivery));
  ++queued_;
  if (line.deliveries.size() == 1) {
    ready_.push_back(std::move(name));
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
  std::string name = std::move(ready_.front());
  ready_.pop_front();
  ++running_;
  Line& line = lines_.at(name);
  Job job{.line = std::move(name), .deliveries = {}, .attempt = line.failures + 1};
  const bool together = line.failures == 0 && line.absences == 0 && line.alone == 0;
  for (const Delivery& delivery : line.deliveries) {
    const bool joins = job.deliveries.empty() || (together && delivery.joins != Together::kNone &&
                                                  job.deliveries.front()->joins != Together::kNone &&
                                                  delivery.token == job.deliveries.front()->token);
    if (!joins || job.deliveries.size() >= kTogetherMax) {
      break;
    }
    job.deliveries.push_back(&delivery);
  }
  line.running = job.deliveries.size();
  return job;
}

size_t KeyScheduler::Part(const std::string& name, std::optional<size_t> culprit) {
  Line& line = lines_.at(name);
  if (line.abandoned) {
    return 0;
  }
  QUANTUM_ASSERT(!culprit || *culprit < line.running);
  line.alone = culprit ? *culprit + 1 : line.running;
  line.running = culprit ? std::max<size_t>(*culprit, 1) : 1;
  return line.running;
}

KeyScheduler::Step KeyScheduler::Judge(const std::string& name, Verdict verdict, SteadyTime now) {
  Line& line = lines_.at(name);
  if (line.abandoned && verdict != Verdict::kDone) {
    return Step::kDrop;
  }
  std::string waits = name;
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
      if (name == LineOfStream(line.deliveries.front().family)) {
        waits = Separate(name);  // and `line` is gone
      }
      break;
    case Verdict::kAway:
      wait = std::min(kAwayMax, kAwayBase * (1 << std::min(line.absences++, 10)));
      break;
    case Verdict::kHeld:
      wait = kHeldWait;
      break;
  }
  delayed_.emplace(now + wait, waits);
  lines_.at(waits).running = 0;
  --running_;
  return Step::kRetryLater;
}

std::string KeyScheduler::Separate(const std::string& shared) {
  Line line = std::move(lines_.extract(shared).mapped());
  QUANTUM_ASSERT(line.running == 1);
  const std::string key = line.deliveries.front().event.key;
  std::string name = LineOfKey(line.deliveries.front());
  Line own{.deliveries = {}, .failures = line.failures};
  Line rest;
  for (size_t i = 0; i < line.deliveries.size(); ++i) {
    Delivery& delivery = line.deliveries[i];
    const bool stays = delivery.event.key != key;
    rest.alone += stays && i < line.alone ? 1 : 0;
    (stays ? rest : own).deliveries.push_back(std::move(delivery));
  }
  // While a key has a line of its own, nothing of it stands in the other.
  QUANTUM_ASSERT(lines_.emplace(name, std::move(own)).second);
  if (!rest.deliveries.empty()) {
    lines_.emplace(shared, std::move(rest));
    ready_.push_back(shared);
  }
  return name;
}

void KeyScheduler::Finish(const std::string& name) {
  const auto found = lines_.find(name);
  QUANTUM_ASSERT(found != lines_.end() && running_ > 0);
  Line& line = found->second;
  QUANTUM_ASSERT(line.running > 0 && line.running <= line.deliveries.size());
  line.deliveries.erase(line.deliveries.begin(), line.deliveries.begin() + static_cast<ptrdiff_t>(line.running));
  queued_ -= line.running;
  line.alone -= std::min(line.alone, line.running);
  line.failures = 0;
  line.absences = 0;
  line.running = 0;
  line.abandoned = false;
  --running_;
  if (line.deliveries.empty()) {
    lines_.erase(found);
  } else {
    ready_.push_back(name);
  }
}

void KeyScheduler::Abandon(const std::string& family) {
  const std::string prefix = family + '\0';
  const auto is_of_family = [&](const std::string& key) { return key.starts_with(prefix); };
  std::erase_if(ready_, is_of_family);
  std::erase_if(delayed_, [&](const auto& delayed) { return is_of_family(delayed.second); });
  for (auto line = lines_.begin(); line != lines_.end();) {
    Line& state = line->second;
    if (!is_of_family(line->first)) {
      ++line;
      continue;
    }
    queued_ -= state.deliveries.size() - state.running;
    if (state.running == 0) {
      line = lines_.erase(line);
      continue;
    }
    while (state.deliveries.size() > state.running) {  // the first ones are in somebody's hands
      state.deliveries.pop_back();
    }
    state.alone = 0;
    state.abandoned = true;
    ++line;
  }
}

std::optional<SteadyTime> KeyScheduler::next_due() const {
  return delayed_.empty() ? std::nullopt : std::optional(delayed_.begin()->first);
}

}  // namespace quantum::bus
