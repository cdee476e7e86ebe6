#include "services/risk_safety/ess_agreement.h"

namespace quantum::risk_safety {
namespace {

bool Blocks(const EssRecord& record) {
  return record.state == EssState::kTripped || record.state == EssState::kCoolingDown;
}

EssRecord Damaged(WallTime now) {
  return {.state = EssState::kTripped,
          .reason = "MANUAL: damaged record",
          .by = "risk-safety",
          .by_hand = true,
          .since = now,
          .version = 1,
          .numbered = false};
}

Restored Numbered(EssRecord record, const std::optional<EssRecord>& stored) {
  record.version = stored ? stored->version + 1 : 1;
  record.numbered = true;
  return {std::move(record), true};
}

}  // namespace

Discord Compare(const EssRecord& record, const ExecutionHalt& execution) {
  const bool by_hand_here = record.state == EssState::kTripped && record.by_hand;
  if (!execution.halted) {
    return Blocks(record) ? Discord::kHaltOwed : Discord::kNone;
  }
  if (Blocks(record)) {
    return execution.by_operator && !by_hand_here ? Discord::kHaltByHand : Discord::kNone;
  }
  const bool left_behind = record.version > 0 && execution.since <= record.since;
  if (!execution.by_operator) {
    return left_behind ? Discord::kRearmOwed : Discord::kHaltUnknown;
  }
  return left_behind && record.by_hand ? Discord::kRearmOwed : Discord::kHaltByHand;
}

Restored ChooseRecord(const KeptRecord& kept, const std::optional<EssRecord>* stored, WallTime now) {
  const bool good = kept.state == KeptRecord::State::kGood;
  if (stored == nullptr) {
    return {good ? kept.record : Damaged(now), true};
  }
  if (kept.state == KeptRecord::State::kAbsent) {
    return {stored->value_or(EssRecord{.since = now}), false};
  }
  const EssRecord record = good ? kept.record : Damaged(now);
  if (!record.numbered) {
    const bool stands_already = *stored && (*stored)->state == EssState::kTripped && Blocks(record);
    return stands_already ? Restored{**stored, false} : Numbered(record, *stored);
  }
  if (!*stored || (*stored)->version < record.version) {
    return {record, true};
  }
  if ((*stored)->version == record.version && **stored != record && Blocks(record)) {
    return Numbered(record, *stored);
  }
  return {**stored, false};
}

}  // namespace quantum::risk_safety
