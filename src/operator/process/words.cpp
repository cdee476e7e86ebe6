#include "operator/process/words.h"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace quantum::operate {

uint64_t SizeOf(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

std::string TailSince(const std::string& path, uint64_t from, int lines) {
  constexpr uint64_t kBytesMax = 64 * 1024;
  const uint64_t size = SizeOf(path);
  const uint64_t begin = from > size ? 0 : from;
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(size - begin > kBytesMax ? size - kBytesMax : begin));
  std::ostringstream text;
  text << file.rdbuf();
  std::string all = text.str();
  while (!all.empty() && all.back() == '\n') {
    all.pop_back();
  }
  size_t start = all.size();
  for (int i = 0; i < lines && start != std::string::npos; ++i) {
    start = start == 0 ? std::string::npos : all.rfind('\n', start - 1);
  }
  return start == std::string::npos ? all : all.substr(start + 1);
}

}  // namespace quantum::operate
