#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "platform/base/result.h"

// Recorded WebSocket frames: gzip, one a line, `RECEIVE_NS FRAME`. FRAME is what the venue sent, or a REST depth
// snapshot (it has lastUpdateId). For tests, benchmarks and replays; no part of the live path.
namespace quantum::exchange {

class Recording {
 public:
  struct Line {
    int64_t receive_ns = 0;
    std::string_view frame;  // valid until the next call of Next
  };

  static Result<Recording> Open(const std::string& path);
  Recording(Recording&&) noexcept;
  Recording& operator=(Recording&&) noexcept;
  ~Recording();

  // Nothing at the end. kInvalidArgument for a line that is not of the form above or longer than 1 MiB.
  Result<std::optional<Line>> Next();

 private:
  struct Impl;
  explicit Recording(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// <directory>/<name>, where directory is QUANTUM_MARKET_DATA, or else ../shared/data beside the source tree. Empty when
// there is no such file: tests then skip and say so.
std::string FindMarketData(const std::string& source_directory, const std::string& name);

}  // namespace quantum::exchange
