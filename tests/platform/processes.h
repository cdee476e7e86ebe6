#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

// What /proc tells of a stack's processes. Postgres, Redis and nginx rewrite their command lines, so a process belongs
// to a stack when its command, environment, program or working directory names the state directory.
namespace quantum::testing {

struct ProcessView {
  pid_t pid = 0;
  std::string command;      // words separated by blanks
  std::string environment;  // entries separated by newlines
};

// Every live process of the stack, the supervisor and its keeper included; zombies are none.
std::vector<ProcessView> ProcessesOf(const std::filesystem::path& state);

// Brings down what belongs to the state directory and removes it when the process that made this object dies without
// having called Dismiss, however it dies: tests that are killed leave nothing running either.
class Undertaker {
 public:
  Undertaker(std::vector<std::string> down_command, std::filesystem::path directory);
  ~Undertaker() { Dismiss(); }
  Undertaker(const Undertaker&) = delete;
  Undertaker& operator=(const Undertaker&) = delete;
  void Dismiss();

 private:
  int pipe_ = -1;  // its end of file tells that this process is gone
  pid_t pid_ = -1;
};

}  // namespace quantum::testing
