#pragma once

#include "operator/commands/command.h"

// The second half of `up`: from prepared files to a platform that is ready.
namespace quantum::operate {

// Starts keeper and supervisor; returns when the supervisor answers. An error leaves neither behind.
Status StartSupervisor(const Layout& layout);

struct Start {
  bool started_here = true;  // by this command, which then may stop it again
  bool foreground = false;   // stay until interrupted, then stop everything
};

// Shows how the units start, and ends with the table of what runs. An error is a sentence that names the cause, and
// says whether everything is stopped. kCancelled: interrupted (interrupts.h); what was started here is stopped by then,
// what somebody else started goes on.
Status AwaitReady(const Running& running, const Start& start);

}  // namespace quantum::operate
