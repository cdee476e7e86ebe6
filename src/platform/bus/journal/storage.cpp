#include "platform/bus/journal/storage.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace quantum::bus::journal {

namespace {

constexpr const char* kLock = "lock";
constexpr size_t kOpenMax = 16;

template <class Call>
auto Again(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) {
    result = call();
  }
  return result;
}

Error Failed(const std::string& what, const std::string& path, int code) {
  if (code == ENOSPC || code == EDQUOT) {
    return {Errc::kExhausted, fmt::format("{} {}: the disk is full; free space there", what, path)};
  }
  return {Errc::kUnavailable, fmt::format("{} {}: {}", what, path, std::strerror(code))};
}

}  // namespace

Result<std::unique_ptr<DirectoryStorage>> DirectoryStorage::Open(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return Failed("making", directory, error.value());
  }
  const int folder = Again([&] { return ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (folder < 0) {
    return Failed("opening", directory, errno);
  }
  static_cast<void>(::fchmod(folder, 0700));
  const int lock = Again([&] { return ::openat(folder, kLock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600); });
  if (lock < 0) {
    const Error failure = Failed("opening", directory + "/" + kLock, errno);
    ::close(folder);
    return failure;
  }
  if (Again([&] { return ::flock(lock, LOCK_EX | LOCK_NB); }) != 0) {
    char holder[32] = {};
    static_cast<void>(::pread(lock, holder, sizeof holder - 1, 0));
    ::close(lock);
    ::close(folder);
    return Error{Errc::kConflict, fmt::format("the journal {} belongs to the running process {}; stop that one first",
                                              directory, holder)};
  }
  const std::string pid = std::to_string(::getpid());
  static_cast<void>(::ftruncate(lock, 0));
  static_cast<void>(::pwrite(lock, pid.data(), pid.size(), 0));
  return std::unique_ptr<DirectoryStorage>(new DirectoryStorage(directory, lock, folder));
}

DirectoryStorage::DirectoryStorage(std::string directory, int lock, int folder)
    : directory_(std::move(directory)), lock_(lock), folder_(folder) {}

DirectoryStorage::~DirectoryStorage() {
  for (const OpenFile& file : open_) {
    ::close(file.descriptor);
  }
  ::close(folder_);
  ::close(lock_);
}

void DirectoryStorage::CloseFile(const std::string& name) {
  const auto found = std::find_if(open_.begin(), open_.end(), [&](const OpenFile& file) { return file.name == name; });
  if (found != open_.end()) {
    ::close(found->descriptor);
    open_.erase(found);
  }
}

Error DirectoryStorage::Failure(const char* what, const std::string& name, int code) const {
  return Failed(what, directory_ + "/" + name, code);
}

Result<std::vector<std::string>> DirectoryStorage::List() {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory_, error), end; !error && entry != end;
       entry.increment(error)) {
    if (const std::string name = entry->path().filename(); name != kLock) {
      names.push_back(name);
    }
  }
  if (error) {
    return Failure("listing", "", error.value());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::string> DirectoryStorage::Read(const std::string& name) {
  const int file = Again([&] { return ::openat(folder_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW); });
  if (file < 0) {
    return Failure("opening", name, errno);
  }
  std::string bytes;
  char chunk[65536];
  ssize_t got = 0;
  while ((got = Again([&] { return ::read(file, chunk, sizeof chunk); })) > 0) {
    bytes.append(chunk, static_cast<size_t>(got));
  }
  const int code = errno;
  ::close(file);
  if (got < 0) {
    return Failure("reading", name, code);
  }
  return bytes;
}

Result<int> DirectoryStorage::OpenForWriting(const std::string& name) {
  const auto found = std::find_if(open_.begin(), open_.end(), [&](const OpenFile& file) { return file.name == name; });
  if (found != open_.end()) {
    std::rotate(found, found + 1, open_.end());
    return open_.back().descriptor;
  }
  struct stat present {};
  created_ |= ::fstatat(folder_, name.c_str(), &present, AT_SYMLINK_NOFOLLOW) != 0;
  const int descriptor =
      Again([&] { return ::openat(folder_, name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600); });
  if (descriptor < 0) {
    return Failure("opening", name, errno);
  }
  if (open_.size() >= kOpenMax) {
    ::close(open_.front().descriptor);
    open_.erase(open_.begin());
  }
  open_.push_back({name, descriptor});
  return descriptor;
}

Status DirectoryStorage::Write(const std::string& name, uint64_t offset, std::string_view bytes) {
  QUANTUM_TRY(const int file, OpenForWriting(name));
  while (!bytes.empty()) {
    const ssize_t written =
        Again([&] { return ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (written < 0) {
      return Failure("writing", name, errno);
    }
    offset += static_cast<uint64_t>(written);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Status DirectoryStorage::Sync(const std::string& name) {
  QUANTUM_TRY(const int file, OpenForWriting(name));
  if (Again([&] { return ::fdatasync(file); }) != 0) {
    return Failure("syncing", name, errno);
  }
  if (created_ && Again([&] { return ::fsync(folder_); }) != 0) {
    return Failure("syncing the folder of", name, errno);
  }
  created_ = false;
  return {};
}

Status DirectoryStorage::Remove(const std::string& name) {
  CloseFile(name);
  if (::unlinkat(folder_, name.c_str(), 0) != 0 && errno != ENOENT) {
    return Failure("removing", name, errno);
  }
  return {};
}

Status DirectoryStorage::Rename(const std::string& from, const std::string& to) {
  CloseFile(from);
  if (::renameat(folder_, from.c_str(), folder_, to.c_str()) != 0) {
    return Failure("renaming", from, errno);
  }
  return {};
}

}  // namespace quantum::bus::journal
