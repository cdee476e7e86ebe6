#include "services/execution/lease_core.h"

namespace quantum::execution {

bool LeaseWatch::OnRow(const LeaseRow& row, SteadyTime now, bool holder_ended) {
  if (row.released) {
    return true;
  }
  if (!seen_ || seen_->token != row.token || seen_->renewal != row.renewal) {
    seen_ = Seen{row.token, row.renewal, now, std::nullopt};
  }
  if (holder_ended && !seen_->ended) {
    seen_->ended = now;
  }
  return now - seen_->since >= kLeaseLength || (seen_->ended && now - *seen_->ended >= kLastRequest);
}

void LeaseTerm::OnRenewed(SteadyTime asked) {
  until_ = asked + kLeaseLength;
  no_answer_since_expiry_ = false;
}

void LeaseTerm::OnNoAnswer(SteadyTime now) {
  if (Left(now) <= Duration::zero()) {
    no_answer_since_expiry_ = true;
  }
}

}  // namespace quantum::execution
