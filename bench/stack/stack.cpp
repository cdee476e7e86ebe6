#include "bench/stack/stack.h"
#include "tests/support/checkout/checkout.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace quantum::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kOwnOffset = 4000;  // the tests' stacks stand at 5000 and 6000
constexpr std::string_view kReadyLine = "Running in the foreground";

[[noreturn]] void Become(const std::vector<std::string>& command, pid_t parent, int output) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // `up --foreground` then stops everything by itself
  if (::getppid() != parent) {
    ::_exit(127);
  }
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  std::vector<char*> words;
  for (const std::string& word : command) {
    words.push_back(const_cast<char*>(word.c_str()));
  }
  words.push_back(nullptr);
  ::execv(words.front(), words.data());
  ::_exit(127);
}

}  // namespace

Result<std::unique_ptr<Stack>> Stack::Open(const StackOptions& options) {
  std::unique_ptr<Stack> stack(new Stack);
  stack->context_.state = options.state;
  stack->context_.port_offset = options.port_offset;
  if (options.state.empty()) {
    QUANTUM_CHECK(stack->StartOwn(options.up));
  }
  QUANTUM_TRY(operate::Running running, operate::FindRunning(stack->context_));
  stack->running_ = std::make_unique<operate::Running>(std::move(running));
  return stack;
}

Status Stack::StartOwn(const std::vector<std::string>& up) {
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path() / "quantum";
  if (!fs::exists(program)) {
    return Error{Errc::kNotFound, fmt::format("{} is not built: build it, or name a running platform by --state and "
                                              "--port-offset",
                                              program.string())};
  }
  char folder[] = "/tmp/quantum-bench-XXXXXX";
  if (::mkdtemp(folder) == nullptr) {
    return Error{Errc::kInternal, "no temporary directory can be made in /tmp"};
  }
  fs::permissions(folder, fs::perms(0755));  // services run as another user
  context_.state = std::string(folder) + "/state";
  context_.port_offset = kOwnOffset;
  std::vector<std::string> command = {program.string(),
                                      "--state",
                                      context_.state,
                                      "--port-offset",
                                      std::to_string(kOwnOffset),
                                      "--manifest",
                                      quantum::checkout::SourceDirectory() + "/quantum.yml",
                                      "up",
                                      "--foreground"};
  command.insert(command.end(), up.begin(), up.end());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return Error{Errc::kInternal, "no pipe can be made"};
  }
  const pid_t parent = ::getpid();
  child_ = ::fork();
  if (child_ == 0) {
    Become(command, parent, ends[1]);
  }
  ::close(ends[1]);
  output_ = ends[0];
  return WaitUntilReady();
}

Status Stack::WaitUntilReady() {
  char buffer[4096];
  while (said_.find(kReadyLine) == std::string::npos) {
    const ssize_t count = ::read(output_, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return Error{Errc::kUnavailable, "the platform did not come up: " + said_};
    }
    said_.append(buffer, static_cast<size_t>(count));
  }
  return {};
}

Stack::~Stack() {
  if (child_ <= 0) {
    return;
  }
  ::kill(child_, SIGTERM);
  char buffer[4096];
  while (::read(output_, buffer, sizeof buffer) > 0) {  // to its end: it must not stop at a full pipe
  }
  ::close(output_);
  while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
  std::error_code ignored;
  fs::remove_all(fs::path(context_.state).parent_path(), ignored);
}

std::vector<std::string> RecordedMarket() {
  const char* given = std::getenv("QUANTUM_MARKET_DATA");
  const fs::path folder =
      given != nullptr ? fs::path(given) : fs::path(quantum::checkout::SourceDirectory()).parent_path() / "shared/data";
  std::string files;
  for (const char* name : {"usdm_btcusdt_20240808.gz", "usdm_ethusdt_20240808.gz"}) {
    if (fs::exists(folder / name)) {
      files += (files.empty() ? "recording:" : ",") + (folder / name).string();
    }
  }
  return files.empty() ? std::vector<std::string>() : std::vector<std::string>{"--market", files, "--speed", "1"};
}

double Load1() {
  double load = 0;
  return ::getloadavg(&load, 1) == 1 ? load : -1;
}

}  // namespace quantum::bench
