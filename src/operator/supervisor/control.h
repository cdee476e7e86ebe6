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
//   {"op":"watch"}                    → {"unit":{…}} for every change, until all is ready or the start has failed
//   {"op":"start|stop|restart","unit":"x"} → the changes, until it is so
//   {"op":"down"}                     → the changes, until everything is stopped
//
// A failure is {"done":true,"ok":false,"error":"…"}. For the loop it was made on.
class ControlServer {
 public:
  ControlServer(fiber::Loop& loop, SupervisorCore& core, std::function<void()> wake);
  ~ControlServer();
  Status Listen(const std::string& path);
  void Changed(const UnitStatus& status);
  void Close();  // waits (in this fiber) until the last answers are sent, 1 s at most

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace quantum::operate
