#pragma once

#include "operator/commands/command.h"
#include "operator/state/environment.h"

// `BINARY --check` of services: their options are their own to judge, before anything is started.
namespace quantum::operate {

// As they would run: the staged programs, users and overrides of a prepared state directory.
Status CheckServices(const Running& running, const Accounts& accounts);

// Without a state directory: the programs beside the running one, on a manifest that may never have been used.
// Returns how many services were asked; kInvalidArgument is the first complaint.
Result<int> CheckServices(const config::Manifest& manifest);

}  // namespace quantum::operate
