#include "platform/log/rotating_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace quantum::log {
namespace {

constexpr size_t kBufferBytes = 64 * 1024;
constexpr mode_t kMode = 0640;

}  // namespace

Result<RotatingFile> RotatingFile::Open(std::string path, uint64_t bytes_max, int kept) {
  RotatingFile file(std::move(path), bytes_max, kept);
  QUANTUM_CHECK(file.Reopen());
  return file;
}

RotatingFile::RotatingFile(RotatingFile&& other) noexcept
    : path_(std::move(other.path_)),
      bytes_max_(other.bytes_max_),
      kept_(other.kept_),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      buffer_(std::move(other.buffer_)),
      buffered_lines_(std::exchange(other.buffered_lines_, 0)),
      torn_(other.torn_),
      lost_(other.lost_) {}

RotatingFile::~RotatingFile() {
  Flush();
  if (fd_ >= 0) {
    close(fd_);
  }
}

Status RotatingFile::Reopen() {
  fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kMode);
  if (fd_ < 0) {
    return Error{errno == EACCES ? Errc::kPermission : Errc::kUnavailable,
                 fmt::format("cannot open the log file {}: {}", path_, std::strerror(errno))};
  }
  struct stat info {};
  size_ = fstat(fd_, &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
  return {};
}

void RotatingFile::Append(std::string_view line) {
  if (size_ != 0 && size_ + line.size() > bytes_max_) {
    Flush();
    Rotate();
  }
  buffer_ += line;
  size_ += line.size();
  ++buffered_lines_;
  if (buffer_.size() >= kBufferBytes) {
    Flush();
  }
}

void RotatingFile::Flush() {
  if (buffered_lines_ == 0) {
    return;
  }
  if (fd_ < 0 && !Reopen().ok()) {
    lost_ += std::exchange(buffered_lines_, 0);
    buffer_.clear();
    return;
  }
  if (std::exchange(torn_, false)) {
    buffer_.insert(buffer_.begin(), '\n');
  }
  size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t n = write(fd_, buffer_.data() + done, buffer_.size() - done);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      const std::string_view rest = std::string_view(buffer_).substr(done);
      lost_ += static_cast<uint64_t>(std::count(rest.begin(), rest.end(), '\n'));
      torn_ = done != 0 && buffer_[done - 1] != '\n';
      size_ -= std::min<uint64_t>(size_, rest.size());
      break;
    }
    done += static_cast<size_t>(n);
  }
  buffer_.clear();
  buffered_lines_ = 0;
}

void RotatingFile::Rotate() {
  close(std::exchange(fd_, -1));
  unlink(fmt::format("{}.{}", path_, kept_).c_str());
  for (int i = kept_ - 1; i >= 1; --i) {
    std::rename(fmt::format("{}.{}", path_, i).c_str(), fmt::format("{}.{}", path_, i + 1).c_str());
  }
  std::rename(path_.c_str(), fmt::format("{}.1", path_).c_str());
  torn_ = false;
  size_ = 0;
  static_cast<void>(Reopen());  // a failure is met again, and counted, when the buffer is written
}

}  // namespace quantum::log
