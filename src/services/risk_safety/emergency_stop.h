#pragma once

#include <string>
#include <string_view>

#include "platform/base/clock.h"
#include "platform/base/result.h"

// The emergency stop's state machine, without I/O. Durable, fails closed for entries, never blocks an exit.
namespace quantum::risk_safety {

enum class EssState { kDisabled, kArmed, kTripped, kCoolingDown };
std::string_view ToString(EssState state);  // "DISABLED", "ARMED", "TRIPPED", "COOLING_DOWN"
Result<EssState> ParseEssState(std::string_view text);

struct EssRecord {
  EssState state = EssState::kArmed;
  std::string reason;    // of the last trip, "DAILY_DRAWDOWN: 5.1 % of 5 %", or of the reset that followed it
  std::string by;        // who moved it: "risk-safety", or an operator's name
  bool by_hand = false;  // moved by a person: what a person tripped only a person re-arms
  WallTime since{};
  int64_t version = 0;  // counts changes
  // False: made while it was not known how far the versions have come (a damaged file, and Postgres away). It is newer
  // than what Postgres holds, whatever the numbers say, and gets its number before it is recorded.
  bool numbered = true;

  bool operator==(const EssRecord&) const = default;
};

std::string ToJson(const EssRecord& record);
Result<EssRecord> ParseEssRecord(std::string_view json);

class EmergencyStop {
 public:
  // `rest` is where it stands when nothing is wrong: kArmed, or kDisabled where the configuration switches it off.
  EmergencyStop(EssRecord record, Duration cooldown, EssState rest = EssState::kArmed)
      : record_(std::move(record)), cooldown_(cooldown), rest_(rest) {}

  const EssRecord& record() const { return record_; }
  bool AllowsEntries() const { return record_.state == EssState::kArmed || record_.state == EssState::kDisabled; }

  // True when this changed the state. A trip while tripped or cooling down starts over. DISABLED trips by hand only.
  bool Trip(std::string_view reason, std::string_view by, bool by_hand, WallTime now);

  // By hand: to rest from any state. kConflict when it rests already.
  Status Reset(std::string_view reason, std::string_view by, WallTime now);

  // Moves time on: TRIPPED by a condition that has passed begins to cool down; after the cool-down it re-arms. What a
  // person tripped stays, and nothing moves while a condition holds. True when the state changed.
  bool Advance(bool condition_holds, WallTime now);

  // ARMED and DISABLED follow the configuration. True when the state changed.
  bool Settle(WallTime now);

  // Another number for the same record.
  void Renumber(int64_t version);

  // When the state ends by itself; nothing to wait for gives 0.
  WallTime ExpiresAt() const;

 private:
  void Move(EssState to, std::string_view by, WallTime now);

  EssRecord record_;
  Duration cooldown_;
  EssState rest_;
};

}  // namespace quantum::risk_safety
