#pragma once

#include <map>
#include <optional>
#include <string>

#include "operator/process/process.h"
#include "operator/state/launch.h"
#include "operator/state/layout.h"
#include "operator/state/render.h"
#include "platform/config/manifest.h"

// From the manifest to what a process is really started with.
namespace quantum::operate {

// The users that units may name. Empty when the platform was not started by root: then all run as the caller.
using Accounts = std::map<std::string, Account>;
inline constexpr const char* kServiceUser = "quantum";
inline constexpr const char* kPostgresUser = "postgres";
inline constexpr const char* kPostgresPrograms = "/usr/lib/postgresql/15/bin";

// Root: the accounts of all users that units name; `create` makes the user quantum when it is missing.
Result<Accounts> FindAccounts(const config::Manifest& manifest, bool create);
const Account* AccountOf(const config::Unit& unit, const Accounts& accounts);

// The variables of infra/README.md without the secrets.
Variables PlainVariables(const Layout& layout, const config::Manifest& manifest);

// limits.cors_origins with the gateway's own origins added (its address and each of limits.allowed_hosts), as an
// override: a browser names one in every write from the console, and nginx and the services must agree on them.
std::string OriginsOverride(const config::Manifest& manifest);

// The command, environment, user and output file of a unit.
Result<ProcessSpec> UnitProcess(const Layout& layout, const Launch& launch, const config::Manifest& manifest,
                                const config::Unit& unit, const Accounts& accounts);

}  // namespace quantum::operate
