#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

// What the program says on standard output and standard error. A write that fails (a full disk, a closed pipe) throws
// nothing and ends nothing: it is remembered, and the program's exit code tells. Not for signal handlers.
namespace quantum::operate {

void Write(std::string_view text);       // to standard output, buffered
void WriteError(std::string_view text);  // to standard error
void FlushOutput();                      // after what shall be seen at once
bool OutputFailed();                     // what goes on printing ends when this says so

template <class... Arguments>
void Print(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  Write(fmt::format(format, std::forward<Arguments>(arguments)...));
}

template <class... Arguments>
void PrintError(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  WriteError(fmt::format(format, std::forward<Arguments>(arguments)...));
}

void Say(const std::string& line);  // with a line's end, at once

// The end of a command: writes out what is buffered. Its exit code, or 1 and a sentence on standard error when standard
// output could not take everything. A reader that has gone (`| head -1`) has what it wanted: nothing is said of that.
int FinishOutput(int exit_code);

}  // namespace quantum::operate
