#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "operator/backup/info.h"
#include "operator/process/process.h"
#include "operator/state/environment.h"
#include "operator/state/launch.h"

namespace quantum::operate {

// The programs around backups, run as the user of Postgres. Blocks; for one thread.
class PgBackRest {
 public:
  using OnLine = std::function<void(const std::string& line)>;

  // For a node of the manifest ("postgres-1"): its configuration, its data. kNotFound: there is no user `postgres`.
  static Result<PgBackRest> Of(const Running& running, const std::string& node);

  // `pgbackrest --config=… --stanza=quantum ARGUMENTS`. What it prints goes, line by line as it comes,
  // to on_line, and to log/backup.out when it has ended. Errors: kConflict (another one runs), kExhausted (the disk is
  // full), kInternal, each with what pgBackRest said ("[039]: …").
  Status Run(const std::vector<std::string>& arguments, const OnLine& on_line = {}) const;
  // The answer to `info`.
  Result<RepositoryInfo> Info() const;
  // Any other program as the same user and with the same password file.
  Status RunProgram(const std::vector<std::string>& command, const OnLine& on_line = {}) const;
  // As the caller, with these variables beside: a script of infra/postgres, which steps down to that user itself, or
  // what reads a file of the caller's.
  Status RunScript(const std::vector<std::string>& command, std::map<std::string, std::string> environment,
                   const OnLine& on_line = {}) const;
  // A server: it goes on, and shuts down (SIGINT) when the calling thread ends, however that ends.
  Result<pid_t> Start(const std::vector<std::string>& command, const std::string& output) const;

  const std::string& config() const { return config_; }
  const Account* account() const { return account_.name.empty() ? nullptr : &account_; }

 private:
  PgBackRest() = default;
  ProcessSpec Spec(const std::vector<std::string>& command, const std::string& output) const;
  Status RunToEnd(ProcessSpec spec, const OnLine& on_line) const;
  std::string config_;
  std::string log_;
  std::string run_folder_;
  std::string password_file_;
  Account account_;  // without a name: as the caller
};

}  // namespace quantum::operate
