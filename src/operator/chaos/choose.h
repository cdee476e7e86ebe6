#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "platform/base/result.h"

namespace quantum::operate::chaos {

template <class Fault>
struct Chosen {
  std::vector<const Fault*> faults;
  std::vector<std::string> left_out;  // that this machine does not allow, and why
};

// Of all faults those that are named, and of these those that the machine allows. names: empty: all. why_not: why it
// does not allow a fault; empty: it does. kInvalidArgument: no fault has such a name; kUnavailable: none is left.
template <class Fault>
Result<Chosen<Fault>> ChooseFaults(const std::vector<Fault>& all, const std::vector<std::string>& names,
                                   const std::function<std::string(const Fault&)>& why_not) {
  for (const std::string& name : names) {
    if (std::none_of(all.begin(), all.end(), [&](const Fault& fault) { return fault.name == name; })) {
      return Error{Errc::kInvalidArgument, fmt::format("no fault is named {}", name)};
    }
  }
  Chosen<Fault> chosen;
  std::string last;
  for (const Fault& fault : all) {
    if (!names.empty() && std::find(names.begin(), names.end(), fault.name) == names.end()) {
      continue;
    }
    if (const std::string reason = why_not(fault); !reason.empty()) {
      chosen.left_out.push_back(fmt::format("{} ({})", fault.name, reason));
      last = reason;
    } else {
      chosen.faults.push_back(&fault);
    }
  }
  if (chosen.faults.empty()) {
    return Error{Errc::kUnavailable, fmt::format("this machine allows none of the faults: {}", last)};
  }
  return chosen;
}

}  // namespace quantum::operate::chaos
