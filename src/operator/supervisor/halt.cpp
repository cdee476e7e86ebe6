#include "operator/supervisor/halt.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>

#include "operator/process/process.h"
#include "operator/state/environment.h"

namespace quantum::operate {

namespace json = boost::json;

Status HaltEntries(const Layout& layout, const std::string& reason, WallTime now) {
  const std::string flag = layout.HaltFile();
  bool close = false;
  if (::access(flag.c_str(), F_OK) == 0) {
    const auto text = ReadFile(flag);
    boost::system::error_code error;
    const json::value standing = text.ok() ? json::parse(text.value(), error) : json::value();
    const json::value* by = standing.is_object() ? standing.as_object().if_contains("by") : nullptr;
    if (by == nullptr || !by->is_string() || by->as_string() != "ess") {
      return {};
    }
    const json::value* closes = standing.as_object().if_contains("close");
    close = closes != nullptr && closes->is_bool() && closes->as_bool();
  }
  const json::object record{{"reason", reason}, {"close", close}, {"since", FormatIso8601(now)}, {"by", "operator"}};
  QUANTUM_CHECK(WriteFileAtomically(flag, json::serialize(record) + "\n", 0640));
  QUANTUM_CHECK(SyncDirectory(layout.Run()));
  const auto account = FindAccount(kServiceUser);
  if (::geteuid() == 0 && account.ok() && ::chown(flag.c_str(), account->uid, account->gid) != 0) {
    return Error{Errc::kInternal, fmt::format("giving {} to {}: {}", flag, kServiceUser, std::strerror(errno))};
  }
  return {};
}

}  // namespace quantum::operate
