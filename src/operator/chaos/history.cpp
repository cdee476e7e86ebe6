#include "operator/chaos/history.h"

#include <fmt/format.h>
#include <zlib.h>

#include <fstream>

namespace quantum::operate::chaos {

struct HistoryReader::Archive {
  explicit Archive(const std::string& name) : path(name), file(::gzopen(name.c_str(), "wbe1")) {}
  ~Archive() {
    if (file != nullptr) {
      ::gzclose(file);
    }
  }
  std::string path;
  gzFile file;
};

HistoryReader::HistoryReader() = default;
HistoryReader::HistoryReader(HistoryReader&&) noexcept = default;
HistoryReader::~HistoryReader() = default;

Result<HistoryReader> HistoryReader::Make(std::vector<std::string> files, const std::string& archive) {
  HistoryReader reader;
  reader.offsets_.resize(files.size());
  reader.files_ = std::move(files);
  if (!archive.empty()) {
    reader.archive_ = std::make_unique<Archive>(archive);
    if (reader.archive_->file == nullptr) {
      return Error{Errc::kInvalidArgument, fmt::format("the history cannot be written to {}", archive)};
    }
  }
  return reader;
}

Status HistoryReader::Read(const std::function<void(Record)>& take) {
  for (size_t i = 0; i < files_.size(); ++i) {
    std::ifstream file(files_[i], std::ios::binary);  // there is none before its worker's first life
    file.seekg(static_cast<std::streamoff>(offsets_[i]));
    for (std::string line; std::getline(file, line) && !file.eof();) {
      QUANTUM_TRY(Record record, ParseLine(line));
      take(std::move(record));
      line += '\n';
      offsets_[i] += line.size();
      QUANTUM_CHECK(Keep(line));
    }
  }
  return {};
}

Status HistoryReader::Keep(std::string_view line) {
  if (archive_ && ::gzwrite(archive_->file, line.data(), static_cast<unsigned>(line.size())) <= 0) {
    return Error{Errc::kExhausted, fmt::format("the history {} cannot be written; is the disk full?", archive_->path)};
  }
  return {};
}

Status HistoryReader::Close() {
  if (!archive_) {
    return {};
  }
  const int result = ::gzclose(archive_->file);
  archive_->file = nullptr;
  return result == Z_OK ? Status() : Status(Error{Errc::kExhausted, "the history is incomplete: " + archive_->path});
}

}  // namespace quantum::operate::chaos
