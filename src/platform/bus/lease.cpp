#include "platform/bus/lease.h"

#include <algorithm>
#include <utility>

namespace quantum::bus {

namespace {

std::string Name(const Lease::Answer& record) {
  return std::to_string(record.token) + "/" + std::to_string(record.beat);
}

}  // namespace

Lease::Question Lease::Ask(SteadyTime now) const {
  if (token_ != 0) {
    return {.token = token_, .how = Runs(now) ? "hold" : "renew", .watched = "", .asked_at = now};
  }
  if (claims_) {
    return {.token = greatest_, .how = "claim", .watched = "", .asked_at = now};
  }
  const bool silent = Listens(now) && now - seen_since_ >= options_.length;
  return {.token = greatest_, .how = silent ? "take" : "ask", .watched = Name(seen_), .asked_at = now};
}

Lease::Change Lease::Take(const Question& question, const Answer& answer, SteadyTime now) {
  greatest_ = std::max(greatest_, answer.token);
  if (!Listens(now) || Name(answer) != Name(seen_)) {
    seen_since_ = now;
  }
  heard_at_ = now;
  seen_ = answer;
  if (!answer.ours) {
    return std::exchange(token_, 0) != 0 ? Change::kLost : Change::kNone;
  }
  const bool gained = answer.token != token_;
  if (gained) {
    token_ = answer.token;
    runs_until_ = {};
    claims_ = false;
  }
  if (answer.safe) {
    // A tenth less than what the others wait: clocks do not run quite alike.
    runs_until_ = std::max(runs_until_, question.asked_at + options_.length / 10 * 9);
  }
  return gained ? Change::kGained : Change::kNone;
}

// Whether the broker has answered without a long pause up to now.
bool Lease::Listens(SteadyTime now) const { return heard_at_ && now - *heard_at_ < options_.length / 2; }

Lease::Change Lease::Refused(uint64_t token) {
  if (token_ == 0 || token != token_) {
    return Change::kNone;
  }
  token_ = 0;
  return Change::kLost;
}

std::optional<Lease::Question> Lease::Release(SteadyTime now) {
  if (token_ == 0) {
    return std::nullopt;
  }
  return Question{.token = std::exchange(token_, 0), .how = "release", .watched = "", .asked_at = now};
}

}  // namespace quantum::bus
