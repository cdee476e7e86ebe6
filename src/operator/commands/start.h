#pragma once

#include "operator/commands/command.h"

// The second half of `up`: from prepared files to a platform that is ready.
namespace quantum::operate {

void Say(const std::string& line);  // at once, also into a pipe

// From here on SIGINT and SIGTERM are noted instead of ending the process.
void CatchInterrupts();

// Starts keeper and supervisor; returns when the supervisor answers. An error leaves neither behind.
Status StartSupervisor(const Layout& layout);

// Shows how the units start, ends with the table of what runs, and stays when `foreground`, until it is interrupted;
// then everything is stopped. An error is a sentence that names the cause, and says whether everything is stopped.
Status AwaitReady(const Running& running, bool foreground);

}  // namespace quantum::operate
