#pragma once

#include <sys/types.h>

#include <chrono>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/slowdown.h"
#include "tests/support/temporary_directory.h"

// For tests that start real servers: child processes that never outlive the test, ports nobody holds, directories that
// go away. Failures throw std::runtime_error, which fails the test with the reason.
namespace quantum::testing {

struct ProcessOptions {
  std::vector<std::string> command;      // the program by its path, or by its name in PATH
  std::filesystem::path output;          // standard output and error, appended
  std::string user;                      // the user to become when started by root; empty: stays as it is
  std::filesystem::path directory;       // working directory; empty: stays as it is
  std::vector<std::string> environment;  // NAME=value, added
};

// A child process. It gets SIGKILL when the thread that started it dies, and is stopped when this object goes away.
class Process {
 public:
  explicit Process(ProcessOptions options);
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;

  pid_t pid() const { return pid_; }
  bool Running();           // reaps it when it has ended
  void Signal(int signal);  // nothing when it has ended
  void Kill();              // SIGKILL, and waits for its end
  // SIGTERM (or another), then SIGKILL when it has not ended in time. The wait status; nothing when killed.
  std::optional<int> Stop(std::chrono::milliseconds timeout = std::chrono::seconds(10), int signal = 15);

 private:
  pid_t pid_ = -1;
  int status_ = 0;
};

// Ports on 127.0.0.1 that nobody listens on, neither of the manifest nor of those that the kernel gives to clients.
// Processes that run at once get different ones; within a process a port comes again after 399 others.
std::vector<int> FreePorts(size_t count);

std::string ReadFile(const std::filesystem::path& path);
void WriteFile(const std::filesystem::path& path, const std::string& text);  // mode 0600

// Says on standard error that a wait has ended in vain, and what its condition threw last.
void ReportTimeout(std::chrono::milliseconds timeout, const std::string& exception);

// Polls until the condition holds; false when the time passed first. A condition that throws (an answer that did not
// come, or is no JSON) does not hold yet; the last exception is reported when the time is over. Blocks the thread: not
// for fibers.
template <class Condition>
bool Eventually(std::chrono::milliseconds timeout, Condition condition) {
  timeout *= kSlowdown;
  const auto end = std::chrono::steady_clock::now() + timeout;
  std::string exception;
  while (true) {
    try {
      if (condition()) {
        return true;
      }
      exception.clear();
    } catch (const std::exception& thrown) {
      exception = thrown.what();
    }
    if (std::chrono::steady_clock::now() >= end) {
      if (!exception.empty()) {
        ReportTimeout(timeout, exception);
      }
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace quantum::testing
