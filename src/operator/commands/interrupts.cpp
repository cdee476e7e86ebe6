#include "operator/commands/interrupts.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>

namespace quantum::operate {

namespace {

volatile sig_atomic_t g_signal = 0;  // the first one
std::atomic<const char*> g_goes_on{"nothing was started"};
static_assert(std::atomic<const char*>::is_always_lock_free, "a signal's handler reads it");

void OnInterrupt(int signal) {
  if (g_signal == 0) {
    g_signal = signal;
    return;
  }
  const char* const parts[] = {"\nquantum: left: ", g_goes_on.load(), "\n"};
  for (const char* part : parts) {
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, part, std::strlen(part));
  }
  ::_exit(128 + signal);
}

void Handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

void CatchInterrupts(bool foreground) {
  g_signal = 0;
  Handle(SIGINT, OnInterrupt);
  Handle(SIGTERM, OnInterrupt);
  Handle(SIGHUP, foreground ? OnInterrupt : SIG_IGN);
}

bool Interrupted() { return g_signal != 0; }

int InterruptExitCode() { return 128 + g_signal; }

void SayWhenLeft(const char* what_goes_on) { g_goes_on = what_goes_on; }

}  // namespace quantum::operate
