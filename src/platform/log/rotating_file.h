#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace quantum::log {

// An append-only file that becomes <path>.1 when it would outgrow bytes_max; <path>.1 becomes <path>.2 and so on, and
// beside the current one the newest `kept` stay. Lines are never split across files. One thread.
class RotatingFile {
 public:
  static Result<RotatingFile> Open(std::string path, uint64_t bytes_max, int kept);
  RotatingFile(RotatingFile&& other) noexcept;
  RotatingFile& operator=(RotatingFile&&) = delete;
  ~RotatingFile();

  // Buffers a line; writes when 64 KiB have gathered or on Flush. An error (a full disk) loses what was buffered, says
  // how many lines that were in lost(), and the next line starts on a new line of the file.
  void Append(std::string_view line);
  void Flush();
  uint64_t lost() const { return lost_; }

 private:
  RotatingFile(std::string path, uint64_t bytes_max, int kept)
      : path_(std::move(path)), bytes_max_(bytes_max), kept_(kept) {}
  Status Reopen();
  void Rotate();

  std::string path_;
  uint64_t bytes_max_;
  int kept_;
  int fd_ = -1;
  uint64_t size_ = 0;  // of the file and the buffer together
  std::string buffer_;
  uint64_t buffered_lines_ = 0;
  bool torn_ = false;  // the file ends within a line
  uint64_t lost_ = 0;
};

}  // namespace quantum::log
