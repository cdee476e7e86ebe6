#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "operator/fleet.h"
#include "operator/supervisor/core.h"
#include "platform/fiber/fiber.h"

namespace quantum::operate {

// run/supervisor.sock, mode 0600: one JSON request a line, answered by JSON lines of which the last has "done".
//
//   {"op":"list"}                     → {"done":true,"ok":true,"phase":"running","units":[…]}
//   {"op":"watch"}                    → {"unit":{…}} for each change, until all is ready, or something will not be.
//                                       A failed start is told when everything is stopped again
//   {"op":"start|stop|restart","unit":"x"} → the changes, until it is so
//   {"op":"down"}                     → the changes, until everything is stopped
//
// A failure is {"done":true,"ok":false,"error":"…"}, with "cause" (a unit) and its "last_words" where one unit is to
// blame, "stopped": whether everything is, and "disk_full": whether the disk was while everything started. For the loop
// it was made on.
class ControlServer {
 public:
  struct Hooks {
    std::function<void()> wake;                                      // the core has something to do
    std::function<std::string(const std::string& unit)> last_words;  // what it has printed since its start
    std::function<bool()> disk_full;                                 // it was, while everything started
  };
  ControlServer(fiber::Loop& loop, SupervisorCore& core, Hooks hooks);
  ~ControlServer();
  Status Listen(const std::string& path);
  void Changed(const UnitStatus& status);
  bool failure_told() const;  // somebody was told why the start failed
  void Close();               // waits (in this fiber) until the last answers are sent, 1 s at most

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace quantum::operate
