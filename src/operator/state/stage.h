#pragma once

#include <sys/types.h>

#include <set>
#include <string>
#include <vector>

#include "operator/state/environment.h"
#include "operator/state/launch.h"
#include "operator/state/layout.h"
#include "platform/config/manifest.h"

// Puts everything that runs into the state directory, so that a rebuild, a moved checkout or one that the service user
// may not read does not matter to a running platform.
namespace quantum::operate {

// Makes a folder, and gives it this mode and owner if it is there. Without an owner it is root's, or the caller's who
// is not root. A link in a folder where others write is not followed.
Status MakeFolder(const std::string& path, mode_t mode, const Account* owner, const Account* group = nullptr);

// The folders, each owned by who writes there: root, where it writes too, since a path in somebody else's folder leads
// wherever he likes. An ancestor that the service user cannot enter is an error.
Status PrepareFolders(const Layout& layout, const config::Manifest& manifest, const Accounts& accounts);

// `quantum` and every program that a unit names by ${BIN}.
std::set<std::string> ProgramsOf(const config::Manifest& manifest);

// Copies them from the folder of the running program.
Status StagePrograms(const Layout& layout, const config::Manifest& manifest);

// Renders infra/ into etc/ (infra/README.md has the rules).
Status RenderInfra(const Layout& layout, const std::string& infra, const Variables& variables,
                   const Accounts& accounts);

// The servers keep each other's addresses: kConflict when their files were made for other ports than the manifest's.
Status CheckRedisPorts(const Layout& layout, const config::Manifest& manifest);

// Renders the templates of infra/redis for every unit named redis-N and sentinel-N into data/<unit>/, unless they are
// there: from their first start on these files belong to the servers (infra/redis/README.md). As CheckRedisPorts first;
// nothing is changed then.
Status RenderRedis(const Layout& layout, const std::string& infra, const Variables& variables,
                   const config::Manifest& manifest, const Accounts& accounts);

// Whether the unit is a node of Postgres under Patroni (postgres-1, …), and whether a file of infra/ is rendered for
// each of them.
bool IsPostgresNode(const config::Unit& unit);
bool IsOfPostgresNode(const std::string& relative);

// kConflict: the state directory holds a database from before there were nodes.
Status CheckOneNodeBefore(const Layout& layout, const config::Manifest& manifest);

// Renders the templates of infra/postgres that each node has of its own into etc/<unit>/ (infra/postgres/README.md).
Status RenderPostgres(const Layout& layout, const std::string& infra, const Variables& variables,
                      const config::Manifest& manifest, const Accounts& accounts);

// The files of "recording:FILE[,FILE]"; none of any other source.
std::vector<std::string> RecordingsOf(const std::string& source);

// "recording:FILE[,FILE]" with absolute paths, looked up from `directory`; any other source as it is. Errors:
// kInvalidArgument (it names none), kNotFound.
Result<std::string> FindRecordings(const std::string& source, const std::string& directory);

// Copies the recordings of such a source and returns it with the copies' paths.
Result<std::string> StageRecordings(const Layout& layout, const std::string& source);

}  // namespace quantum::operate
