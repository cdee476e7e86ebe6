#include "operator/state/preparation.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

namespace quantum::operate {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds kPoll(50);

Error Failed(std::string_view what, const std::string& path, int error) {
  if (error == EACCES || error == EPERM) {
    return Error{Errc::kPermission, fmt::format("{} {}: {}; use sudo, or choose another place with --state DIR", what,
                                                path, std::strerror(error))};
  }
  return Error{error == ENOSPC || error == EDQUOT ? Errc::kExhausted : Errc::kInternal,
               fmt::format("{} {}: {}", what, path, std::strerror(error))};
}

// The topmost folder on the way to `path` that is not there; empty when all are.
fs::path FirstMissing(const fs::path& path) {
  fs::path missing;
  std::error_code error;
  for (fs::path each = path; !fs::exists(each, error) && each.has_relative_path(); each = each.parent_path()) {
    missing = each;
  }
  return missing;
}

// Whether the open file is still what the name leads to: its folder may have been taken away meanwhile.
bool IsNamed(int file, const std::string& path) {
  struct stat open_file {};
  struct stat named {};
  return ::fstat(file, &open_file) == 0 && ::stat(path.c_str(), &named) == 0 && open_file.st_ino == named.st_ino &&
         open_file.st_dev == named.st_dev;
}

pid_t ReadHolder(int file) {
  char text[16] = {};
  return ::pread(file, text, sizeof(text) - 1, 0) > 0 ? static_cast<pid_t>(std::atoi(text)) : 0;
}

}  // namespace

struct Preparation::State {
  ~State() {
    if (fresh) {
      Undo();
    }
    if (file >= 0) {
      ::close(file);
    }
  }

  void Undo() {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(root, ignored)) {
      fs::remove_all(entry.path(), ignored);
    }
    for (fs::path each = root; !made.empty() && each != made.parent_path(); each = each.parent_path()) {
      fs::remove(each, ignored);  // only an empty one
    }
  }

  fs::path root;
  fs::path made;       // the topmost folder that was not there before; empty: none was missing
  bool fresh = false;  // nothing was in it, and nothing was started yet
  int file = -1;
};

Preparation::Preparation(std::unique_ptr<State> state) : state_(std::move(state)) {}

Preparation::Preparation(Preparation&&) noexcept = default;

Preparation::~Preparation() = default;

void Preparation::Keep() { state_->fresh = false; }

Result<Preparation> Preparation::Begin(const Layout& layout, const std::function<bool()>& interrupted,
                                       const std::function<void(pid_t)>& on_wait) {
  auto state = std::make_unique<State>();
  state->root = layout.root;
  const std::string path = layout.UpLock();
  bool waited = false;
  while (true) {
    state->made = FirstMissing(state->root);
    std::error_code error;
    const mode_t before = ::umask(0022);  // the services pass through the folders on the way
    fs::create_directories(state->root, error);
    ::umask(before);
    if (error) {
      return Failed("creating", layout.root, error.value());
    }
    state->fresh = fs::is_empty(state->root, error) && !error;
    state->file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (state->file < 0 && errno == ENOENT) {
      continue;  // another `up` has just taken the folder away
    }
    if (state->file < 0) {
      return Failed("opening", path, errno);
    }
    while (::flock(state->file, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR) {
        return Failed("locking", path, errno);
      }
      if (interrupted()) {
        return Error{Errc::kCancelled, "interrupted before anything was started"};
      }
      if (!waited) {
        waited = true;
        state->fresh = false;  // the other's now
        on_wait(ReadHolder(state->file));
      }
      std::this_thread::sleep_for(kPoll);
    }
    if (IsNamed(state->file, path)) {
      break;
    }
    ::close(std::exchange(state->file, -1));
  }
  const std::string pid = fmt::format("{:<15}", ::getpid());
  if (::pwrite(state->file, pid.data(), pid.size(), 0) < 0) {
    return Failed("writing", path, errno);
  }
  return Preparation(std::move(state));
}

}  // namespace quantum::operate
