#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "platform/base/result.h"

namespace quantum::bench {

// Pins the calling thread, and what it starts from now on, to one core.
void PinToCore(int core);

// A child that is killed and reaped when this goes away, and that dies with this process whatever happens.
class Child {
 public:
  explicit Child(const std::vector<std::string>& command);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  // What it wrote to standard output and standard error, after its end. kInternal when it failed.
  Result<std::string> Finish();
  void Terminate();

 private:
  pid_t pid_ = -1;
  int output_ = -1;
};

// CPU time (user and system) that the process and its children of one level have used so far, in seconds.
double CpuSeconds(pid_t pid);
std::vector<pid_t> ChildrenOf(pid_t pid);

// A port that nobody listened on a moment ago.
int FreePort();

}  // namespace quantum::bench
