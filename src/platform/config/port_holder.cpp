#include "platform/config/port_holder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace quantum::config {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kListening = "0A";

// The inode of a listening socket, from lines such as
//   "0: 0100007F:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12345 1 …".
std::optional<uint64_t> ListeningInode(const char* table, int port) {
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);  // the heading
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::array<std::string, 9> skipped;
    std::string local;
    std::string state;
    uint64_t inode = 0;
    words >> skipped[0] >> local >> skipped[1] >> state >> skipped[2] >> skipped[3] >> skipped[4] >> skipped[5] >>
        skipped[6] >> inode;
    const size_t colon = local.rfind(':');
    if (words && state == kListening && colon != std::string::npos &&
        std::stoi(local.substr(colon + 1), nullptr, 16) == port) {
      return inode;
    }
  }
  return std::nullopt;
}

bool HoldsSocket(const fs::path& process, const std::string& socket) {
  std::error_code error;
  for (fs::directory_iterator entry(process / "fd", error), end; !error && entry != end; entry.increment(error)) {
    std::error_code gone;
    if (fs::read_symlink(entry->path(), gone).string() == socket && !gone) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string PortHolder(int port) {
  auto inode = ListeningInode("/proc/net/tcp", port);
  if (!inode) {
    inode = ListeningInode("/proc/net/tcp6", port);
  }
  if (!inode) {
    return {};
  }
  const std::string socket = fmt::format("socket:[{}]", *inode);
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const std::string pid = entry->path().filename().string();
    if (std::all_of(pid.begin(), pid.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
        HoldsSocket(entry->path(), socket)) {
      std::string program;
      std::getline(std::ifstream(entry->path() / "comm"), program);
      return fmt::format("{} (pid {})", program, pid);
    }
  }
  return "a process of another user";
}

}  // namespace quantum::config
