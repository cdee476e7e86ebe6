#pragma once

#include <string_view>

// Ctrl-C and its like while `up` works. The first one is noted, and `up` ends in good order; the second one ends it at
// once, saying what goes on without it.
namespace quantum::operate {

// From here on SIGINT and SIGTERM are noted. SIGHUP, the end of the terminal, is no reason to stop what was asked for;
// in the foreground, where the platform lives as long as the command, it is noted like the others.
void CatchInterrupts(bool foreground);

bool Interrupted();
int InterruptExitCode();  // 128 + the signal, as shells count

// What the second interrupt says, after "left: ". A literal: the signal's handler reads it.
void SayWhenLeft(const char* what_goes_on);

}  // namespace quantum::operate
