#pragma once

#include "operator/commands/command.h"
#include "operator/commands/options.h"
#include "operator/process/process.h"

namespace quantum::operate {

// A start that was judged good: nothing is written or started before there is one.
struct Plan {
  config::Manifest manifest;
  Launch launch;                   // its overrides name the recordings themselves, not yet their copies
  std::string source;              // the checkout: where infra/ lies
  std::vector<std::string> notes;  // for the operator
};

// Reads the manifest with the options and holds it against this machine: ports, addresses, recordings, room on the
// disk, what an earlier start has left in the state directory, and what the services say of their options. Writes
// nothing.
Result<Plan> JudgeStart(const Context& context, const Layout& layout, const UpOptions& options);

// The source that --market names, with absolute paths: recordings are looked up where the caller stands.
Result<std::string> FindMarket(const std::string& market);

}  // namespace quantum::operate
