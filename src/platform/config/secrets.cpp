#include "platform/config/secrets.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

namespace quantum::config {
namespace {

constexpr size_t kSecretBytesMax = 64 * 1024;
constexpr size_t kGeneratedBytes = 32;

class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0) : fd_(open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

Error SystemError(std::string_view what, const std::string& path) {
  if (errno == ENOSPC || errno == EDQUOT) {
    return {Errc::kExhausted, fmt::format("cannot {} {}: the disk is full; free some space (df -h {}) and start again",
                                          what, path, std::filesystem::path(path).parent_path().string())};
  }
  return {errno == EACCES || errno == EPERM ? Errc::kPermission : Errc::kUnavailable,
          fmt::format("cannot {} {}: {}", what, path, std::strerror(errno))};
}

Status CheckOwnerAndMode(int fd, const std::string& path) {
  struct stat info {};
  if (fstat(fd, &info) != 0) {
    return SystemError("read the secret", path);
  }
  if (!S_ISREG(info.st_mode)) {
    return Error{Errc::kInvalidArgument, fmt::format("the secret {} is not a file", path)};
  }
  if ((info.st_mode & 077) != 0) {
    return Error{Errc::kPermission, fmt::format("the secret {} can be read by others (mode {:04o}): chmod 600 {}", path,
                                                info.st_mode & 07777, path)};
  }
  if (geteuid() != 0 && info.st_uid != geteuid()) {
    return Error{Errc::kPermission, fmt::format("the secret {} belongs to user {}, not to {} who runs this program",
                                                path, info.st_uid, geteuid())};
  }
  return {};
}

// Writes the whole file aside and links it to its name, so that two that create it at once agree on one secret and
// nobody ever reads half of it.
Status Create(const std::string& path, const std::string& secret) {
  const std::string aside = fmt::format("{}.{}.new", path, getpid());
  unlink(aside.c_str());
  const File file(aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (file.fd() < 0) {
    return SystemError("create the secret", aside);
  }
  const std::string text = secret + "\n";
  errno = ENOSPC;  // what a write of a part of it means
  const bool written = write(file.fd(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fchmod(file.fd(), 0600) == 0 && fsync(file.fd()) == 0;
  const bool linked = written && (link(aside.c_str(), path.c_str()) == 0 || errno == EEXIST);
  Status status;
  if (!linked) {
    status = SystemError("create the secret", path);
  }
  unlink(aside.c_str());
  if (const File directory(std::filesystem::path(path).parent_path().string(), O_RDONLY | O_DIRECTORY);
      directory.fd() >= 0) {
    fsync(directory.fd());
  }
  return status;
}

}  // namespace

std::optional<std::string> GivenSecretPath(std::string_view name) {
  std::string variable(name);
  std::transform(variable.begin(), variable.end(), variable.begin(),
                 [](unsigned char c) { return c == '-' ? '_' : std::toupper(c); });
  const char* const path = std::getenv((variable + "_FILE").c_str());
  return path == nullptr || *path == '\0' ? std::nullopt : std::optional<std::string>(path);
}

Result<std::string> ReadSecretFile(const std::string& path) {
  const File file(path, O_RDONLY);
  if (file.fd() < 0 && errno == ENOENT) {
    return Error{Errc::kNotFound, fmt::format("there is no secret {}: `./quantum up` creates it, or write it there "
                                              "yourself (mode 0600)",
                                              path)};
  }
  if (file.fd() < 0) {
    return SystemError("read the secret", path);
  }
  QUANTUM_CHECK(CheckOwnerAndMode(file.fd(), path));
  std::string text(kSecretBytesMax + 1, '\0');
  size_t size = 0;
  for (ssize_t n = 1; n > 0 && size < text.size(); size += static_cast<size_t>(n)) {
    n = read(file.fd(), text.data() + size, text.size() - size);
    if (n < 0) {
      return SystemError("read the secret", path);
    }
  }
  text.resize(size);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
    text.pop_back();
  }
  if (text.empty() || text.size() > kSecretBytesMax) {
    return Error{Errc::kInvalidArgument, fmt::format("the secret {} is {}", path, text.empty() ? "empty" : "too long")};
  }
  return text;
}

Result<std::string> GenerateSecret() {
  std::array<unsigned char, kGeneratedBytes> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return Error{Errc::kInternal, "the kernel gave no random bytes"};
  }
  std::string text;
  for (const unsigned char byte : bytes) {
    text += fmt::format("{:02x}", byte);
  }
  return text;
}

Result<std::string> ReadSecret(const std::string& directory, std::string_view name) {
  return ReadSecretFile(GivenSecretPath(name).value_or(fmt::format("{}/{}", directory, name)));
}

Result<std::string> EnsureSecret(const std::string& directory, std::string_view name) {
  Result<std::string> existing = ReadSecret(directory, name);
  if (existing.ok() || existing.error().code != Errc::kNotFound || GivenSecretPath(name)) {
    return existing;
  }
  std::error_code error;
  if (std::filesystem::create_directories(directory, error)) {
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  }
  if (error) {
    errno = error.value();
    return SystemError("create the directory of the secrets", directory);
  }
  QUANTUM_TRY(const std::string secret, GenerateSecret());
  QUANTUM_CHECK(Create(fmt::format("{}/{}", directory, name), secret));
  return ReadSecret(directory, name);
}

}  // namespace quantum::config
