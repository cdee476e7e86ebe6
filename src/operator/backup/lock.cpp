#include "operator/backup/lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace quantum::operate {

namespace {

constexpr std::chrono::milliseconds kLockPoll(100);

std::string HolderOf(const std::string& path) {
  const auto text = ReadFile(path);
  return text.ok() && !text->empty() ? *text : "another command";
}

}  // namespace

Result<BackupLock> BackupLock::Take(const Layout& layout, const std::string& what, Duration wait,
                                    const std::function<void(const std::string&)>& on_wait) {
  const std::string path = layout.Data() + "/backup/lock";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    return Error{Errc::kInternal, fmt::format("opening {}: {}", path, std::strerror(errno))};
  }
  BackupLock lock(file);
  const auto until = std::chrono::steady_clock::now() + wait;
  for (bool told = false; ::flock(file, LOCK_EX | LOCK_NB) != 0; told = true) {
    const std::string holder = HolderOf(path);
    if (std::chrono::steady_clock::now() >= until) {
      return Error{Errc::kConflict, fmt::format("{} is under way: wait for its end, or end it", holder)};
    }
    if (!told && on_wait) {
      on_wait("waiting for the end of " + holder);
    }
    std::this_thread::sleep_for(kLockPoll);
  }
  const std::string text = fmt::format("{} (pid {})", what, ::getpid());
  const bool written = ::ftruncate(file, 0) == 0 && ::pwrite(file, text.data(), text.size(), 0) > 0;
  return written ? Result<BackupLock>(std::move(lock))
                 : Error{Errc::kInternal, fmt::format("writing {}: {}", path, std::strerror(errno))};
}

BackupLock::~BackupLock() {
  if (file_ >= 0) {
    static_cast<void>(::ftruncate(file_, 0));
    ::close(file_);
  }
}

}  // namespace quantum::operate
