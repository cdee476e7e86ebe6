#include "operator/fleet.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace quantum::operate {

namespace {
constexpr std::array<std::pair<State, std::string_view>, 9> kNames = {{{State::kStopped, "stopped"},
                                                                       {State::kWaiting, "waiting"},
                                                                       {State::kStarting, "starting"},
                                                                       {State::kReady, "ready"},
                                                                       {State::kDone, "done"},
                                                                       {State::kStopping, "stopping"},
                                                                       {State::kBackoff, "restarting"},
                                                                       {State::kFailed, "failed"},
                                                                       {State::kScheduled, "scheduled"}}};
}  // namespace

std::string_view ToString(State state) {
  for (const auto& [value, name] : kNames) {
    if (value == state) {
      return name;
    }
  }
  return "unknown";
}

Result<State> ParseState(std::string_view text) {
  for (const auto& [value, name] : kNames) {
    if (name == text) {
      return value;
    }
  }
  return Error{Errc::kInvalidArgument, fmt::format("'{}' is not a state of a unit", text)};
}

}  // namespace quantum::operate
