#include "services/risk_safety/emergency_stop.h"

#include <algorithm>
#include <boost/json.hpp>

namespace quantum::risk_safety {
namespace {

constexpr std::string_view kItself = "risk-safety";

// What people type and other services say goes into JSON columns of Postgres, which take no NUL: a record that cannot
// be saved would hold up every later one.
std::string Printable(std::string_view text) {
  std::string printable(text);
  std::replace_if(
      printable.begin(), printable.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; }, ' ');
  return printable;
}

}  // namespace

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
  boost::json::object object{
      {"state", ToString(record.state)},    {"reason", record.reason},  {"by", record.by}, {"by_hand", record.by_hand},
      {"since_ms", ToUnixMs(record.since)}, {"version", record.version}};
  if (!record.numbered) {
    object["numbered"] = false;
  }
  return boost::json::serialize(object);
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
    const boost::json::value* numbered = object.if_contains("numbered");
    if (object.at("version").as_int64() < 0) {
      return bad;
    }
    return EssRecord{.state = state,
                     .reason = std::string(object.at("reason").as_string()),
                     .by = std::string(object.at("by").as_string()),
                     .by_hand = object.at("by_hand").as_bool(),
                     .since = FromUnixMs(object.at("since_ms").as_int64()),
                     .version = object.at("version").as_int64(),
                     .numbered = numbered == nullptr || numbered->as_bool()};
  } catch (const std::exception&) {
    return bad;
  }
}

void EmergencyStop::Move(EssState to, std::string_view by, WallTime now) {
  record_.state = to;
  record_.by = Printable(by);
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
  record_.reason = Printable(reason);
  record_.by_hand = by_hand;
  Move(EssState::kTripped, by, now);
  return true;
}

Status EmergencyStop::Reset(std::string_view reason, std::string_view by, WallTime now) {
  if (record_.state == rest_) {
    return Error{Errc::kConflict,
                 "the emergency stop is " + std::string(ToString(rest_)) + " already; there is nothing to reset"};
  }
  record_.reason = Printable(reason);
  record_.by_hand = true;
  Move(rest_, by, now);
  return {};
}

bool EmergencyStop::Advance(bool condition_holds, WallTime now) {
  if (condition_holds) {
    return false;
  }
  if (record_.state == EssState::kTripped && !record_.by_hand) {
    Move(EssState::kCoolingDown, kItself, now);
    return true;
  }
  if (record_.state == EssState::kCoolingDown && now >= record_.since + cooldown_) {
    Move(rest_, kItself, now);
    return true;
  }
  return false;
}

bool EmergencyStop::Settle(WallTime now) {
  if (record_.state == rest_ || !AllowsEntries()) {
    return false;
  }
  record_.reason =
      rest_ == EssState::kDisabled ? "switched off by the configuration" : "switched on by the configuration";
  record_.by_hand = false;
  Move(rest_, kItself, now);
  return true;
}

void EmergencyStop::Renumber(int64_t version) {
  record_.version = version;
  record_.numbered = true;
}

WallTime EmergencyStop::ExpiresAt() const {
  return record_.state == EssState::kCoolingDown ? record_.since + cooldown_ : WallTime{};
}

}  // namespace quantum::risk_safety
