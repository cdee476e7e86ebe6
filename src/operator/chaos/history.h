#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "operator/chaos/record.h"
#include "platform/base/result.h"

namespace quantum::operate::chaos {

// Follows the growing histories of the workers, and keeps all of it in one compressed file if one is wanted.
class HistoryReader {
 public:
  // archive: where to, gzip; empty: nowhere.
  static Result<HistoryReader> Make(std::vector<std::string> files, const std::string& archive);
  HistoryReader(HistoryReader&&) noexcept;
  ~HistoryReader();

  // The complete lines that were added since, file by file.
  Status Read(const std::function<void(Record)>& take);
  // Into the archive alone.
  Status Keep(std::string_view line);
  // Ends the archive.
  Status Close();

 private:
  HistoryReader();
  struct Archive;
  std::vector<std::string> files_;
  std::vector<uint64_t> offsets_;
  std::unique_ptr<Archive> archive_;
};

}  // namespace quantum::operate::chaos
