#include "exchange/paper/engine/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "exchange/paper/engine/record_codec.h"
#include "platform/base/durable_file.h"
#include "platform/log/log.h"

namespace quantum::paper {
namespace {

Error Failed(const std::string& path, const char* what) {
  return {Errc::kInternal, fmt::format("{} the paper account's journal {}: {}", what, path, std::strerror(errno))};
}

Status SyncDirectory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || ::fsync(fd) != 0) {
    const Error error = Failed(path, "syncing the directory of");
    if (fd >= 0) {
      ::close(fd);
    }
    return error;
  }
  ::close(fd);
  return {};
}

Result<std::string> ReadAll(int fd, const std::string& path) {
  std::string text;
  char block[65536];
  for (;;) {
    const ssize_t count = ::read(fd, block, sizeof block);
    if (count < 0) {
      return Failed(path, "reading");
    }
    if (count == 0) {
      return text;
    }
    text.append(block, static_cast<size_t>(count));
  }
}

}  // namespace

Result<Journal::Opened> Journal::Open(const std::string& path) {
  QUANTUM_TRY(Opened opened, Replay(path));
  if (opened.lines < kCompactFrom) {
    return opened;
  }
  const std::vector<Record> needed = opened.account.Records();
  if (opened.lines < needed.size() + needed.size() / 4) {
    return opened;
  }
  std::string text;
  for (const Record& record : needed) {
    text += EncodeRecord(record);
    text += '\n';
  }
  QUANTUM_CHECK(WriteFileDurably(path, text));
  log::Info("the paper account's journal is compacted", {{"records_before", opened.lines}, {"records", needed.size()}});
  return Replay(path);
}

Result<Journal::Opened> Journal::Replay(const std::string& path) {
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Failed(path, "opening");
  }
  Opened opened{Journal(path, fd), {}, 0};
  QUANTUM_CHECK(SyncDirectory(directory.string()));
  QUANTUM_TRY(const std::string text, ReadAll(fd, path));
  size_t begin = 0;
  for (int64_t line = 1; begin < text.size(); ++line) {
    const size_t end = text.find('\n', begin);
    if (end == std::string::npos) {
      break;
    }
    const Result<Record> record = DecodeRecord(std::string_view(text).substr(begin, end - begin));
    if (!record.ok()) {
      return record.error().Within(fmt::format("{} line {}", path, line));
    }
    opened.account.Apply(*record);
    ++opened.lines;
    begin = end + 1;
  }
  if (begin < text.size() && ::ftruncate(fd, static_cast<off_t>(begin)) != 0) {
    return Failed(path, "cutting the unfinished last line of");
  }
  return opened;
}

Journal::Journal(Journal&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), writes_(other.writes_) {}

Journal::~Journal() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

Status Journal::Append(const std::vector<Record>& records) {
  std::string text;
  for (const Record& record : records) {
    text += EncodeRecord(record);
    text += '\n';
  }
  for (size_t written = 0; written < text.size();) {
    const ssize_t count = ::write(fd_, text.data() + written, text.size() - written);
    if (count < 0 && errno != EINTR) {
      return Failed(path_, "writing");
    }
    written += count > 0 ? static_cast<size_t>(count) : 0;
  }
  if (text.empty()) {
    return {};
  }
  if (::fdatasync(fd_) != 0) {
    return Failed(path_, "syncing");
  }
  ++writes_;
  return {};
}

}  // namespace quantum::paper
