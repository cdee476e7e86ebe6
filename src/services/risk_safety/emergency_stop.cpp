#include "services/risk_safety/emergency_stop.h"

#include <boost/json.hpp>

namespace quantum::risk_safety {

std::string_view ToString(EssState state) {
  switch (state) {
    case EssState::kDisabled:
      return "DISABLED";
    case EssState::kArmed:
      return "ARMED";
    case EssState::kTripped:
      return "TRIPPED";
    case EssState::kCoolingDown:
      return "COOLING_DOWN";
  }
  AssertionFailed("every state has a name", __FILE__, __LINE__);
}

Result<EssState> ParseEssState(std::string_view text) {
  for (const EssState state : {EssState::kDisabled, EssState::kArmed, EssState::kTripped, EssState::kCoolingDown}) {
    if (ToString(state) == text) {
      return state;
    }
  }
  return Error{Errc::kInvalidArgument, "'" + std::string(text.substr(0, 40)) + "' is not an emergency stop state"};
}

std::string ToJson(const EssRecord& record) {
  return boost::json::serialize(boost::json::object{{"state", ToString(record.state)},
                                                    {"reason", record.reason},
                                                    {"by", record.by},
                                                    {"by_hand", record.by_hand},
                                                    {"since_ms", ToUnixMs(record.since)},
                                                    {"version", record.version}});
}

Result<EssRecord> ParseEssRecord(std::string_view text) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse({text.data(), text.size()}, error);
  const Error bad{Errc::kInvalidArgument, "the emergency stop's record is damaged"};
  if (error || !value.is_object()) {
    return bad;
  }
  try {
    const boost::json::object& object = value.get_object();
    QUANTUM_TRY(const EssState state, ParseEssState(std::string(object.at("state").as_string())));
    return EssRecord{.state = state,
                     .reason = std::string(object.at("reason").as_string()),
                     .by = std::string(object.at("by").as_string()),
                     .by_hand = object.at("by_hand").as_bool(),
                     .since = FromUnixMs(object.at("since_ms").as_int64()),
                     .version = object.at("version").as_int64()};
  } catch (const std::exception&) {
    return bad;
  }
}

void EmergencyStop::Move(EssState to, std::string_view by, WallTime now) {
  record_.state = to;
  record_.by = by;
  record_.since = now;
  ++record_.version;
}

bool EmergencyStop::Trip(std::string_view reason, std::string_view by, bool by_hand, WallTime now) {
  if (record_.state == EssState::kDisabled && !by_hand) {
    return false;
  }
  if (record_.state == EssState::kTripped && (record_.by_hand || !by_hand)) {
    return false;
  }
  record_.reason = reason;
  record_.by_hand = by_hand;
  Move(EssState::kTripped, by, now);
  return true;
}

Status EmergencyStop::Reset(std::string_view by, WallTime now) {
  if (record_.state == EssState::kArmed) {
    return Error{Errc::kConflict, "the emergency stop is armed already; there is nothing to reset"};
  }
  record_.by_hand = false;
  Move(EssState::kArmed, by, now);
  return {};
}

bool EmergencyStop::Advance(bool condition_holds, WallTime now) {
  if (record_.state == EssState::kTripped && !record_.by_hand && !condition_holds) {
    Move(EssState::kCoolingDown, "risk-safety", now);
    return true;
  }
  if (record_.state == EssState::kCoolingDown && now >= record_.since + cooldown_) {
    Move(EssState::kArmed, "risk-safety", now);
    return true;
  }
  return false;
}

WallTime EmergencyStop::ExpiresAt() const {
  return record_.state == EssState::kCoolingDown ? record_.since + cooldown_ : WallTime{};
}

}  // namespace quantum::risk_safety
