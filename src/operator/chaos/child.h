#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "platform/base/result.h"

namespace quantum::operate::chaos {

struct ChildSpec {
  std::vector<std::string> command;  // the program by its path, or by its name in PATH
  std::string output;                // standard output and error are appended; empty: /dev/null
  int network = -1;                  // descriptor of the network namespace to run in; -1: ours
};

// A process that never outlives us: it gets SIGKILL when the thread that started it dies, or this object goes away.
class Child {
 public:
  static Result<Child> Start(const ChildSpec& spec);
  ~Child() { Kill(); }
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;

  pid_t pid() const { return pid_; }
  bool Running();           // reaps it when it has ended
  void Signal(int signal);  // nothing when it has ended
  void Kill();              // SIGKILL, stopped or not, and waits for its end
  int Wait();               // blocks; the exit code, 128 + the signal that ended it

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
  int status_ = 0;
};

// Runs a short command to its end; its output is part of the error. Blocks.
Status RunCommand(const std::vector<std::string>& command, int network = -1);

}  // namespace quantum::operate::chaos
