#include "platform/postgres/sqlstate.h"

#include <algorithm>
#include <array>

namespace quantum::postgres {

Errc ErrcOf(std::string_view sqlstate) {
  if (IsSerializationFailure(sqlstate) || sqlstate == "23505" || sqlstate == "55P03" || sqlstate == "P0001") {
    return Errc::kConflict;
  }
  if (sqlstate == "57014" || sqlstate == "25P03") {
    return Errc::kTimeout;
  }
  if (IsTransient(sqlstate)) {
    return Errc::kUnavailable;
  }
  if (sqlstate == kSuperseded) {
    return Errc::kCancelled;
  }
  const std::string_view type = sqlstate.substr(0, 2);
  if (type == "22" || type == "23") {
    return Errc::kInvalidArgument;
  }
  if (type == "28" || sqlstate == "42501") {
    return Errc::kPermission;
  }
  if (type == "53" || type == "54") {
    return Errc::kExhausted;
  }
  return Errc::kInternal;
}

bool IsSerializationFailure(std::string_view sqlstate) { return sqlstate == "40001" || sqlstate == "40P01"; }

bool IsTransient(std::string_view sqlstate) {
  return sqlstate.substr(0, 2) == "08" || sqlstate == "57P01" || sqlstate == "57P02" || sqlstate == "57P03" ||
         sqlstate == "57P05" || sqlstate == "53300" || sqlstate == "25006";
}

bool IsPoolerRefusal(std::string_view sqlstate, std::string_view message) {
  constexpr std::array<std::string_view, 6> kTexts = {
      "query_wait_timeout",   "pgbouncer cannot connect to server", "server login has been failing",
      "client_login_timeout", "no more connections allowed",        "pgbouncer database is disabled",
  };
  return sqlstate == "08P01" && std::any_of(kTexts.begin(), kTexts.end(), [&](std::string_view text) {
           return message.find(text) != std::string_view::npos;
         });
}

}  // namespace quantum::postgres
