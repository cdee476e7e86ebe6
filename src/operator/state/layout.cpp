#include "operator/state/layout.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace quantum::operate {

namespace {

const std::string kRootState = "/var/lib/";

}  // namespace

Status CheckLength(const Layout& layout) {
  // A Unix socket's path has 107 characters at most, and the longest of ours is run/postgres/.s.PGSQL.65535.lock.
  constexpr size_t kPathMax = 70;
  if (layout.root.size() > kPathMax) {
    return Error{
        Errc::kInvalidArgument,
        fmt::format("the state directory {} is longer than {} characters, too long for the sockets in it: choose "
                    "another with --state DIR",
                    layout.root, kPathMax)};
  }
  return {};
}

std::string HintOfRoot(const Layout& layout) {
  const size_t slash = layout.root.rfind('/');
  const std::string of_root = kRootState + layout.root.substr(slash == std::string::npos ? 0 : slash + 1);
  const std::string socket = Layout{of_root}.Socket();
  if (::geteuid() == 0 || of_root == layout.root || ::access(socket.c_str(), F_OK) != 0) {
    return {};
  }
  return fmt::format("; one that root started runs in {}: use sudo", of_root);
}

Result<Layout> DefaultLayout(int port_offset) {
  const std::string name = port_offset == 0 ? "quantum-trader" : fmt::format("quantum-trader-{}", port_offset);
  if (::geteuid() == 0) {
    return Layout{kRootState + name};
  }
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && state[0] == '/') {
    return Layout{fmt::format("{}/{}", state, name)};
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || home[0] != '/') {
    return Error{Errc::kInvalidArgument, "neither XDG_STATE_HOME nor HOME is set; say where with --state DIR"};
  }
  return Layout{fmt::format("{}/.local/state/{}", home, name)};
}

std::string Tail(const std::string& path, int lines) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) {
    return {};
  }
  constexpr std::streamoff kBytesMax = 64 * 1024;
  const std::streamoff size = file.tellg();
  file.seekg(size > kBytesMax ? size - kBytesMax : 0);
  std::ostringstream text;
  text << file.rdbuf();
  std::string all = text.str();
  while (!all.empty() && all.back() == '\n') {
    all.pop_back();
  }
  size_t from = all.size();
  for (int i = 0; i < lines && from != std::string::npos; ++i) {
    from = from == 0 ? std::string::npos : all.rfind('\n', from - 1);
  }
  return from == std::string::npos ? all : all.substr(from + 1);
}

}  // namespace quantum::operate
