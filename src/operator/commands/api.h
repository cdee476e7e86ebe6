#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "operator/commands/command.h"
#include "platform/base/clock.h"
#include "platform/http/message.h"

namespace quantum::operate {

// One request to a service of the running platform (directly, not through the gateway), to the one that works where
// another stands by; blocks. A write carries the operator's token. Errors: kUnavailable (it does not answer),
// kPermission (no access to the token), and the service's own complaint for anything but a 2xx.
Result<http::Response> CallService(const Running& running, const std::string& unit, const std::string& method,
                                   const std::string& path, const std::string& body = {},
                                   Duration timeout = std::chrono::seconds(5));

// What a service answers to a GET, within half a second; null when it does not, or says no. Never a made-up value.
boost::json::value AskJson(const Running& running, const std::string& unit, const std::string& path);

// What a service's /health says, also when that is DOWN; null when it does not answer.
boost::json::value AskHealth(const Running& running, const std::string& unit);

}  // namespace quantum::operate
