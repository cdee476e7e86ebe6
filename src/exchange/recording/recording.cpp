#include "exchange/recording/recording.h"

#include <zlib.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <vector>

namespace quantum::exchange {

struct Recording::Impl {
  gzFile file = nullptr;
  std::string path;
  std::vector<char> line = std::vector<char>(1024 * 1024);
  int64_t number = 0;

  ~Impl() {
    if (file != nullptr) {
      gzclose(file);
    }
  }
};

Recording::Recording(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Recording::Recording(Recording&&) noexcept = default;
Recording& Recording::operator=(Recording&&) noexcept = default;
Recording::~Recording() = default;

Result<Recording> Recording::Open(const std::string& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->file = gzopen(path.c_str(), "rb");
  if (impl->file == nullptr) {
    return Error{Errc::kNotFound, "recording " + path + " cannot be opened"};
  }
  gzbuffer(impl->file, 256 * 1024);
  return Recording(std::move(impl));
}

Result<std::optional<Recording::Line>> Recording::Next() {
  Impl& impl = *impl_;
  if (gzgets(impl.file, impl.line.data(), static_cast<int>(impl.line.size())) == nullptr) {
    int code = Z_OK;
    const char* text = gzerror(impl.file, &code);
    if (code != Z_OK && code != Z_STREAM_END) {
      return Error{Errc::kInvalidArgument, "recording " + impl.path + " is damaged: " + text};
    }
    return std::optional<Line>();
  }
  ++impl.number;
  std::string_view text(impl.line.data());
  const auto bad = [&](const char* why) {
    return Error{Errc::kInvalidArgument, "recording " + impl.path + " line " + std::to_string(impl.number) + " " + why};
  };
  if (text.empty() || text.back() != '\n') {
    return bad("is cut or longer than 1 MiB");
  }
  text.remove_suffix(1);
  Line line;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), line.receive_ns);
  if (error != std::errc() || end == text.data() + text.size() || *end != ' ') {
    return bad("does not begin with a receive time and a blank");
  }
  line.frame = text.substr(static_cast<size_t>(end - text.data()) + 1);
  return std::optional<Line>(line);
}

std::string FindMarketData(const std::string& source_directory, const std::string& name) {
  const char* directory = std::getenv("QUANTUM_MARKET_DATA");
  const std::filesystem::path path =
      (directory != nullptr ? std::filesystem::path(directory)
                            : std::filesystem::path(source_directory) / ".." / "shared" / "data") /
      name;
  std::error_code ignored;
  return std::filesystem::exists(path, ignored) ? path.string() : std::string();
}

}  // namespace quantum::exchange
