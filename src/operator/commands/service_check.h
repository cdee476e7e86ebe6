#pragma once

#include "operator/state/environment.h"
#include "operator/state/launch.h"

// `BINARY --check` of services: their options are their own to judge, before anything is started or written.
namespace quantum::operate {

// As `up` would start them, but from the folder of the running program, as its user and without a state directory.
// `launch` has the overrides that the manifest was read with. Returns how many services were asked; kInvalidArgument is
// the first complaint.
Result<int> CheckServices(const config::Manifest& manifest, const Launch& launch);

}  // namespace quantum::operate
