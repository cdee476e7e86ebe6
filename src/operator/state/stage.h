#pragma once

#include <string>
#include <vector>

#include "operator/state/environment.h"
#include "operator/state/launch.h"
#include "operator/state/layout.h"
#include "platform/config/manifest.h"

// Puts everything that runs into the state directory, so that a rebuild, a moved checkout or one that the service user
// may not read does not matter to a running platform.
namespace quantum::operate {

// The folders, each owned by who writes there: root, where it writes too, since a path in somebody else's folder leads
// wherever he likes. An ancestor that the service user cannot enter is an error.
Status PrepareFolders(const Layout& layout, const config::Manifest& manifest, const Accounts& accounts);

// Copies `quantum` and every program that a unit names by ${BIN} from the folder of the running program.
Status StagePrograms(const Layout& layout, const config::Manifest& manifest);

// Renders infra/ into etc/ (infra/README.md has the rules).
Status RenderInfra(const Layout& layout, const std::string& infra, const Variables& variables,
                   const Accounts& accounts);

// Renders the templates of infra/redis for every unit named redis-N and sentinel-N into data/<unit>/, unless they are
// there: from their first start on these files belong to the servers (infra/redis/README.md). kConflict: they are there
// and were made for another port; nothing is changed then.
Status RenderRedis(const Layout& layout, const std::string& infra, const Variables& variables,
                   const config::Manifest& manifest, const Accounts& accounts);

// Copies the recordings of "recording:FILE[,FILE]" and returns the source with the copies' paths. Files are looked up
// from `directory`. Any other source is returned as it is.
Result<std::string> StageRecordings(const Layout& layout, const std::string& source, const std::string& directory);

}  // namespace quantum::operate
