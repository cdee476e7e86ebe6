#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "platform/base/process_identity.h"
#include "platform/base/result.h"

// Processes of this machine: starting one with nothing inherited, and the accounts they run under.
namespace quantum::operate {

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};
Result<Account> FindAccount(const std::string& name);  // kNotFound: no such user
// Creates the system user (no shell, no home) when it is missing. Precondition: root.
Result<Account> EnsureSystemUser(const std::string& name);

// A sanitizer reserves terabytes for its own books, and RLIMIT_DATA would count them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kLimitsMemory = false;
#else
inline constexpr bool kLimitsMemory = true;
#endif

// Zero: as it was inherited. A limit above the hard limit of this process is cut to that where
// it may not be lifted.
struct ResourceLimits {
  uint64_t data_bytes = 0;   // RLIMIT_DATA
  uint64_t open_files = 0;   // RLIMIT_NOFILE
  uint64_t cpu_seconds = 0;  // RLIMIT_CPU
};

struct ProcessSpec {
  std::vector<std::string> command;                  // an absolute path, or looked up in PATH
  std::map<std::string, std::string> environment{};  // all of it: nothing is inherited
  const Account* account = nullptr;                  // to drop to; null: stays as it is. Borrowed for the call
  std::string output_path{};                         // standard output and error are appended here; empty: /dev/null
  std::string directory = "/";
  int parent_death_signal = 0;  // what it gets when the thread that started it ends first; 0: nothing
  ResourceLimits limits{};
};

// Starts a process in a session of its own with umask 0077 and no_new_privs. `before` runs when the pid is known and
// before the command does: what it writes down cannot be late. If this process dies in between, the command never runs.
Result<pid_t> Spawn(const ProcessSpec& spec, const std::function<Status(pid_t)>& before = {});

// A descriptor that becomes readable when the process ends; -1 and errno when there is none.
int OpenPidfd(pid_t pid);

// Who listens on a port of this machine, e.g. "nginx (pid 812: nginx: master process)".
struct Holder {
  pid_t pid = 0;        // 0: it belongs to somebody else whose processes we may not see
  std::string command;  // /proc/PID/cmdline
};
std::map<int, Holder> ListeningPorts();

// The processes below `root` (itself included), by the parents in /proc.
std::vector<pid_t> Descendants(pid_t root);

}  // namespace quantum::operate
