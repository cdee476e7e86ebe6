#pragma once

#include <map>
#include <string>
#include <vector>

#include "operator/state/layout.h"
#include "platform/base/result.h"
#include "platform/config/manifest.h"

namespace quantum::operate {

// What `up` was asked for, written down so that the supervisor and every later command see the same platform.
struct Launch {
  std::vector<std::string> overrides;  // "a.b=value", as for Manifest::Load
  int port_offset = 0;
  std::map<std::string, std::string> environment;  // what services may take from it: REDIS_*
  std::string source_root;                         // the checkout it was started from
  std::vector<std::string> asked;                  // the overrides that were given to `up` itself
  std::string market;  // its source as it was asked for, with absolute paths; the overrides name the copies
};

Status SaveLaunch(const Layout& layout, const Launch& launch);
// kNotFound: nothing was ever started in this state directory.
Result<Launch> LoadLaunch(const Layout& layout);

// The manifest as it runs: the staged copy with the overrides of `up`.
Result<config::Manifest> LoadRunningManifest(const Layout& layout, const Launch& launch);

// What a command about a running platform needs.
struct Running {
  Layout layout;
  Launch launch;
  config::Manifest manifest;
};

}  // namespace quantum::operate
