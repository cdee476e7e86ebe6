#pragma once

#include <map>
#include <string>
#include <string_view>

#include "platform/config/manifest.h"

// Where a client on this machine finds a unit of the manifest. Pure.
namespace quantum::lifecycle {

// "http://127.0.0.1:8001/api/…", "http://[::1]:8001/…": the address the unit listens on (the loopback where that is
// every address) and its port with the offset. The unit must have a port. `path` begins with a slash, or is empty.
std::string UrlOf(const config::Manifest& manifest, std::string_view unit, std::string_view path,
                  std::string_view scheme = "http");

// For http::ClientOptions::standbys: of every unit `x` beside which there is one called `x-standby`.
std::map<std::string, std::string> StandbysOf(const config::Manifest& manifest);

}  // namespace quantum::lifecycle
