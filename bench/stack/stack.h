#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "operator/commands/command.h"
#include "platform/base/result.h"

namespace quantum::bench {

struct StackOptions {
  std::string state;  // of a platform that runs; empty: start one, and stop and remove it in the end
  int port_offset = 0;
  std::vector<std::string> up;  // arguments of `quantum up` for a platform of our own
};

// A running platform. One of our own comes from the program `quantum` in the folder of this program, stands in a
// temporary state directory on ports shifted by 4000, and ends with this object or with this process, however that
// ends.
class Stack {
 public:
  static Result<std::unique_ptr<Stack>> Open(const StackOptions& options);
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  const operate::Running& running() const { return *running_; }
  bool own() const { return child_ > 0; }

 private:
  Stack() = default;
  Status StartOwn(const std::vector<std::string>& up);
  Status WaitUntilReady();

  operate::Context context_;
  std::unique_ptr<operate::Running> running_;
  pid_t child_ = -1;
  int output_ = -1;
  std::string said_;
};

// The recorded market when it is there, else the synthetic one: for `up`.
std::vector<std::string> RecordedMarket();

// The machine's load average of the last minute.
double Load1();

}  // namespace quantum::bench
