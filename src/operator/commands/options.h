#pragma once

#include <string>
#include <vector>

#include "operator/state/launch.h"
#include "platform/base/result.h"
#include "platform/config/manifest.h"

namespace quantum::operate {

// What `up` was asked for on the command line.
struct UpOptions {
  std::string market;
  std::string speed;
  std::string strategy;
  std::vector<std::string> set;
  bool operator==(const UpOptions&) const = default;
};

// "--market recording:a.gz" and the like become overrides of the manifest; kInvalidArgument says what is allowed.
Result<std::vector<std::string>> ToOverrides(const UpOptions& options);

// "a.gz", "recording:b.gz" and "synthetic", each of which --market may be given as, as one source.
std::string JoinMarkets(const std::vector<std::string>& markets);

// Which of the options a running platform does not have, one "--speed 10 (it runs with 1)" each. `market` is the source
// of `options` with absolute paths. Errors: an option that no platform could have.
Result<std::vector<std::string>> Differences(const UpOptions& options, const std::string& market, int port_offset,
                                             const Launch& launch, const config::Manifest& running);

}  // namespace quantum::operate
