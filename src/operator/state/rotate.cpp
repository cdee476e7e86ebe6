#include "operator/state/rotate.h"

#include <fmt/format.h>

#include <filesystem>

namespace quantum::operate {

namespace fs = std::filesystem;

Result<bool> RotateLog(const std::string& path, uint64_t bytes_max, int kept) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error || size <= bytes_max) {
    return false;  // not there yet, or small
  }
  const auto number = [&](int n) { return n == 0 ? path : fmt::format("{}.{}", path, n); };
  for (int n = kept; n > 0; --n) {
    fs::rename(number(n - 1), number(n), error);
    if (error && error != std::errc::no_such_file_or_directory) {
      return Error{Errc::kInternal, fmt::format("renaming the log {}: {}", number(n - 1), error.message())};
    }
  }
  return true;
}

}  // namespace quantum::operate
