#include "operator/state/layout.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace quantum::operate {

namespace {

const std::string kRootState = "/var/lib/";

Error FileError(std::string_view what, const std::string& path, int error) {
  if (error == ENOSPC || error == EDQUOT) {
    return Error{Errc::kExhausted, fmt::format("{} {}: the disk is full; free some space and try again", what, path)};
  }
  const Errc code = error == ENOENT ? Errc::kNotFound : error == EACCES ? Errc::kPermission : Errc::kInternal;
  return Error{code, fmt::format("{} {}: {}", what, path, std::strerror(error))};
}

}  // namespace

Status CheckLength(const Layout& layout) {
  // A Unix socket's path has 107 characters at most, and the longest of ours is run/postgres/.s.PGSQL.65535.lock.
  constexpr size_t kPathMax = 70;
  if (layout.root.size() > kPathMax) {
    return Error{
        Errc::kInvalidArgument,
        fmt::format("the state directory {} is longer than {} characters, too long for the sockets in it: choose "
                    "another with --state DIR",
                    layout.root, kPathMax)};
  }
  return {};
}

std::string HintOfRoot(const Layout& layout) {
  const size_t slash = layout.root.rfind('/');
  const std::string of_root = kRootState + layout.root.substr(slash == std::string::npos ? 0 : slash + 1);
  const std::string socket = Layout{of_root}.Socket();
  if (::geteuid() == 0 || of_root == layout.root || ::access(socket.c_str(), F_OK) != 0) {
    return {};
  }
  return fmt::format("; one that root started runs in {}: use sudo", of_root);
}

Result<Layout> DefaultLayout(int port_offset) {
  const std::string name = port_offset == 0 ? "quantum-trader" : fmt::format("quantum-trader-{}", port_offset);
  if (::geteuid() == 0) {
    return Layout{kRootState + name};
  }
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && state[0] == '/') {
    return Layout{fmt::format("{}/{}", state, name)};
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || home[0] != '/') {
    return Error{Errc::kInvalidArgument, "neither XDG_STATE_HOME nor HOME is set; say where with --state DIR"};
  }
  return Layout{fmt::format("{}/.local/state/{}", home, name)};
}

Status WriteFileAtomically(const std::string& path, std::string_view text, unsigned mode, FileOwner owner) {
  const std::string temporary = path + ".new";
  ::unlink(temporary.c_str());
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) {
    return FileError("writing", path, errno);
  }
  int error = ::fchown(file, owner.uid, owner.gid) == 0 && ::fchmod(file, mode) == 0 ? 0 : errno;
  for (size_t done = 0; error == 0 && done < text.size();) {
    const ssize_t written = ::write(file, text.data() + done, text.size() - done);
    if (written < 0) {
      error = errno == EINTR ? 0 : errno;
    } else {
      done += static_cast<size_t>(written);
    }
  }
  if (error == 0 && ::fsync(file) != 0) {
    error = errno;
  }
  ::close(file);
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) {
    error = errno;
  }
  if (error != 0) {
    ::unlink(temporary.c_str());
    return FileError("writing", path, error);
  }
  return {};
}

Status SyncDirectory(const std::string& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int error = directory < 0 || ::fsync(directory) != 0 ? errno : 0;
  if (directory >= 0) {
    ::close(directory);
  }
  return error == 0 ? Status() : Status(FileError("syncing", path, error));
}

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return FileError("reading", path, errno);
  }
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Tail(const std::string& path, int lines) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) {
    return {};
  }
  constexpr std::streamoff kBytesMax = 64 * 1024;
  const std::streamoff size = file.tellg();
  file.seekg(size > kBytesMax ? size - kBytesMax : 0);
  std::ostringstream text;
  text << file.rdbuf();
  std::string all = text.str();
  while (!all.empty() && all.back() == '\n') {
    all.pop_back();
  }
  size_t from = all.size();
  for (int i = 0; i < lines && from != std::string::npos; ++i) {
    from = from == 0 ? std::string::npos : all.rfind('\n', from - 1);
  }
  return from == std::string::npos ? all : all.substr(from + 1);
}

}  // namespace quantum::operate
