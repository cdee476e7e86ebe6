#include "operator/output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace quantum::operate {

namespace {

int g_failure = 0;  // the first errno of standard output

void Remember(bool failed) {
  if (failed && g_failure == 0) {
    g_failure = errno != 0 ? errno : EIO;
  }
}

}  // namespace

void Write(std::string_view text) {
  errno = 0;
  Remember(std::fwrite(text.data(), 1, text.size(), stdout) < text.size());
}

void WriteError(std::string_view text) {
  [[maybe_unused]] const size_t written = std::fwrite(text.data(), 1, text.size(), stderr);
}

void FlushOutput() {
  errno = 0;
  Remember(std::fflush(stdout) != 0);
}

bool OutputFailed() { return g_failure != 0; }

void Say(const std::string& line) {
  Write(line + "\n");
  FlushOutput();
}

int FinishOutput(int exit_code) {
  FlushOutput();
  errno = 0;
  Remember(std::ferror(stdout) != 0);  // written to by others: the help
  const int failure = std::exchange(g_failure, 0);
  std::clearerr(stdout);
  if (failure == 0 || failure == EPIPE) {
    return exit_code;
  }
  PrintError("quantum: standard output cannot be written: {}\n", std::strerror(failure));
  return exit_code == 0 ? 1 : exit_code;
}

}  // namespace quantum::operate
