#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "operator/process/process.h"
#include "platform/base/result.h"
#include "platform/config/manifest.h"

namespace quantum::operate {

// Every port of theirs must be free, or held by one of `ours`. The error names port, unit and the process that holds
// it.
Status CheckPortsFree(const std::vector<config::Unit>& units, int offset, const std::map<int, Holder>& listening,
                      const std::set<pid_t>& ours);

// kInvalidArgument: no service could listen on `address`, since it is none of this machine's.
Status CheckBindable(const std::string& address);

// Which base port a unit gets: `port`, or `fallback_port` where it cannot be bound; `note` says why.
struct PortChoice {
  int port = 0;
  std::string note;
};
PortChoice ChoosePort(const config::Unit& unit, int offset, bool may_bind_low, const std::map<int, Holder>& listening,
                      const std::set<pid_t>& ours);

// Whether this process may bind ports below 1024 (or the sysctl allows everybody to).
bool MayBindLowPorts();

}  // namespace quantum::operate
