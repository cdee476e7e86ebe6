#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "operator/process/process.h"

// What /proc tells about other processes.
namespace quantum::operate {

namespace {

constexpr std::string_view kTcpListen = "0A";  // the state column of /proc/net/tcp

std::vector<pid_t> AllPids() {
  std::vector<pid_t> pids;
  DIR* directory = ::opendir("/proc");
  if (directory == nullptr) {
    return pids;
  }
  while (const dirent* entry = ::readdir(directory)) {
    char* end = nullptr;
    const long pid = std::strtol(entry->d_name, &end, 10);
    if (pid > 0 && *end == '\0') {
      pids.push_back(static_cast<pid_t>(pid));
    }
  }
  ::closedir(directory);
  return pids;
}

std::string CommandLine(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/cmdline", pid), std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  std::string line = text.str();
  while (!line.empty() && line.back() == '\0') {
    line.pop_back();
  }
  std::replace(line.begin(), line.end(), '\0', ' ');
  constexpr size_t kShown = 80;
  return line.size() > kShown ? line.substr(0, kShown) + "…" : line;
}

// Socket inode → port of everything that listens for TCP.
std::map<uint64_t, int> ListeningInodes() {
  std::map<uint64_t, int> inodes;
  for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);  // headings
    while (std::getline(file, line)) {
      std::istringstream fields(line);
      std::string number, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
      fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >> inode;
      const size_t colon = local.rfind(':');
      if (state == kTcpListen && colon != std::string::npos) {
        inodes[std::strtoull(inode.c_str(), nullptr, 10)] =
            static_cast<int>(std::strtol(local.c_str() + colon + 1, nullptr, 16));
      }
    }
  }
  return inodes;
}

}  // namespace

std::map<int, Holder> ListeningPorts() {
  const std::map<uint64_t, int> inodes = ListeningInodes();
  std::map<int, Holder> holders;
  for (const auto& [inode, port] : inodes) {
    holders[port];
  }
  for (const pid_t pid : AllPids()) {
    const std::string folder = fmt::format("/proc/{}/fd", pid);
    DIR* directory = ::opendir(folder.c_str());
    if (directory == nullptr) {
      continue;  // somebody else's, or just gone
    }
    while (const dirent* entry = ::readdir(directory)) {
      char target[64] = {};
      if (::readlink(fmt::format("{}/{}", folder, entry->d_name).c_str(), target, sizeof(target) - 1) <= 0 ||
          std::strncmp(target, "socket:[", 8) != 0) {
        continue;
      }
      const auto found = inodes.find(std::strtoull(target + 8, nullptr, 10));
      // Of several that share a socket the oldest is the master.
      if (found != inodes.end() && (holders[found->second].pid == 0 || pid < holders[found->second].pid)) {
        holders[found->second] = {.pid = pid, .command = CommandLine(pid)};
      }
    }
    ::closedir(directory);
  }
  return holders;
}

std::vector<pid_t> Descendants(pid_t root) {
  std::multimap<pid_t, pid_t> children;
  for (const pid_t pid : AllPids()) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string text;
    std::getline(file, text);
    const size_t close = text.rfind(')');
    if (close != std::string::npos) {
      std::istringstream rest(text.substr(close + 1));
      std::string state;
      pid_t parent = 0;
      rest >> state >> parent;
      children.emplace(parent, pid);
    }
  }
  std::vector<pid_t> all{root};
  for (size_t i = 0; i < all.size(); ++i) {
    const auto [begin, end] = children.equal_range(all[i]);
    for (auto child = begin; child != end; ++child) {
      all.push_back(child->second);
    }
  }
  return all;
}

}  // namespace quantum::operate
