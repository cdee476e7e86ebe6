#pragma once

#include <memory>
#include <optional>
#include <string>

#include "operator/backup/pgbackrest.h"
#include "platform/postgres/pool.h"

namespace quantum::operate {

// A Postgres of its own on restored data: it listens on a socket in a folder that nobody else may enter, archives
// nothing and replicates to nobody. Blocks; for one thread. Ends with this.
class Scratch {
 public:
  // `data` is a data directory; the folder for socket and log is made in run/. Errors: kInternal, with the last lines
  // of its log.
  static Result<std::unique_ptr<Scratch>> Start(const Running& running, const PgBackRest& program,
                                                const std::string& data);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  // Until it has replayed what it was told to, and takes writes. kInternal: it ended before, with its last words, or
  // what it recovered has no database any more; kTimeout.
  Status AwaitRecovered(Duration limit);
  // As superuser.
  postgres::PoolOptions Options() const;
  const std::string& folder() const { return folder_; }
  // Orderly, so that the data is whole.
  Status Stop();

 private:
  Scratch() = default;
  // Nothing while it recovers, or does not answer.
  std::optional<bool> HasDatabase() const;
  bool Ended();
  std::string LastWords() const;

  std::string folder_;
  std::string log_;
  std::string password_;
  pid_t pid_ = 0;  // 0: it has ended
};

}  // namespace quantum::operate
