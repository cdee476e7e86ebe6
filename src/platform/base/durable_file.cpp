#include "platform/base/durable_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace quantum {
namespace {

Error FileError(std::string_view what, const std::string& path, int error) {
  if (error == ENOSPC || error == EDQUOT) {
    return {Errc::kExhausted, fmt::format("{} {}: the disk is full: free space on {}, then try again", what, path,
                                          std::filesystem::path(path).parent_path().string())};
  }
  const Errc code = error == ENOENT                     ? Errc::kNotFound
                    : error == EACCES || error == EPERM ? Errc::kPermission
                                                        : Errc::kInternal;
  return {code, fmt::format("{} {}: {}", what, path, std::strerror(error))};
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

template <class Call>
auto Uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) {
    result = call();
  }
  return result;
}

// 0, or the errno of what failed.
int WriteNew(const std::string& path, std::string_view text, unsigned mode, FileOwner owner) {
  const Descriptor file(
      Uninterrupted([&] { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600); }));
  if (file.get() < 0 || ::fchown(file.get(), owner.uid, owner.gid) != 0 || ::fchmod(file.get(), mode) != 0) {
    return errno;
  }
  while (!text.empty()) {
    const ssize_t written = Uninterrupted([&] { return ::write(file.get(), text.data(), text.size()); });
    if (written < 0) {
      return errno;
    }
    text.remove_prefix(static_cast<size_t>(written));
  }
  return Uninterrupted([&] { return ::fsync(file.get()); }) == 0 ? 0 : errno;
}

}  // namespace

Result<std::string> ReadFile(const std::string& path) {
  const Descriptor file(Uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (file.get() < 0) {
    return FileError("reading", path, errno);
  }
  std::string text;
  char chunk[16384];
  while (true) {
    const ssize_t got = Uninterrupted([&] { return ::read(file.get(), chunk, sizeof(chunk)); });
    if (got < 0) {
      return FileError("reading", path, errno);
    }
    if (got == 0) {
      return text;
    }
    text.append(chunk, static_cast<size_t>(got));
  }
}

Status WriteFileAtomically(const std::string& path, std::string_view text, unsigned mode, FileOwner owner) {
  const std::string temporary = path + ".new";
  ::unlink(temporary.c_str());
  int error = WriteNew(temporary, text, mode, owner);
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) {
    error = errno;
  }
  if (error != 0) {
    ::unlink(temporary.c_str());
    return FileError("writing", path, error);
  }
  const std::string directory = std::filesystem::path(path).parent_path().string();
  return SyncDirectory(directory.empty() ? "." : directory);
}

Status WriteFileDurably(const std::string& path, std::string_view text) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  return WriteFileAtomically(path, text, 0600);  // says what is wrong with the directory
}

Status SyncDirectory(const std::string& path) {
  const Descriptor directory(Uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (directory.get() < 0 || Uninterrupted([&] { return ::fsync(directory.get()); }) != 0) {
    return FileError("syncing", path, errno);
  }
  return {};
}

}  // namespace quantum
