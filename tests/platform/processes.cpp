#include "tests/platform/processes.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace quantum::testing {

namespace fs = std::filesystem;

namespace {

std::string ReadProc(const fs::path& path, char separator) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  std::string joined = text.str();
  std::replace(joined.begin(), joined.end(), '\0', separator);
  return joined;
}

std::string LinkOf(const fs::path& path) {
  std::error_code ignored;
  return fs::read_symlink(path, ignored).string();
}

bool IsZombie(const fs::path& folder) {
  const std::string stat = ReadProc(folder / "stat", ' ');
  const size_t close = stat.rfind(')');
  return close == std::string::npos || stat.compare(close + 2, 1, "Z") == 0;
}

}  // namespace

std::vector<ProcessView> ProcessesOf(const fs::path& state) {
  std::vector<ProcessView> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0 || pid == ::getpid()) {
      continue;
    }
    ProcessView view{.pid = pid,
                     .command = ReadProc(entry.path() / "cmdline", ' '),
                     .environment = ReadProc(entry.path() / "environ", '\n')};
    const std::string all = view.command + "\n" + view.environment + "\n" + LinkOf(entry.path() / "exe") + "\n" +
                            LinkOf(entry.path() / "cwd");
    if (all.find(state.string()) != std::string::npos && !IsZombie(entry.path())) {
      found.push_back(std::move(view));
    }
  }
  return found;
}

Undertaker::Undertaker(std::vector<std::string> down_command, fs::path directory) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipe");
  }
  pid_ = ::fork();
  if (pid_ == 0) {
    ::setsid();
    ::close(ends[1]);
    char byte = 0;
    if (::read(ends[0], &byte, 1) == 1) {
      ::_exit(0);
    }
    std::vector<char*> words;
    for (std::string& word : down_command) {
      words.push_back(word.data());
    }
    words.push_back(nullptr);
    const pid_t down = ::fork();
    if (down == 0) {
      ::execv(words[0], words.data());
      ::_exit(127);
    }
    ::waitpid(down, nullptr, 0);
    std::error_code ignored;
    fs::remove_all(directory, ignored);
    ::_exit(0);
  }
  ::close(ends[0]);
  pipe_ = ends[1];
}

void Undertaker::Dismiss() {
  if (pipe_ >= 0) {
    [[maybe_unused]] const ssize_t told = ::write(pipe_, "x", 1);
    ::close(pipe_);
    ::waitpid(pid_, nullptr, 0);
    pipe_ = -1;
  }
}

}  // namespace quantum::testing
