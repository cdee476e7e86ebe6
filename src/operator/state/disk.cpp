#include "operator/state/disk.h"

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>
#include <limits>
#include <set>

#include "operator/state/stage.h"

namespace quantum::operate {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kLogs = 8u << 20;
// A new cluster takes 40 MB; its log and the schema grow from the start on.
constexpr uint64_t kCluster = 100u << 20;

uint64_t SizeUnlessThere(const fs::path& from, const fs::path& to) {
  std::error_code error;
  const auto size = fs::file_size(from, error);
  if (error) {
    return 0;  // whoever copies it says what is wrong
  }
  std::error_code absent;
  return fs::file_size(to, absent) == size && !absent ? 0 : size;
}

uint64_t Megabytes(uint64_t bytes) { return bytes >> 20; }

}  // namespace

uint64_t FreeBytes(const std::string& path) {
  std::error_code error;
  fs::path there = path;
  while (!fs::exists(there, error) && there.has_relative_path()) {
    there = there.parent_path();
  }
  struct statvfs space {};
  if (::statvfs(there.c_str(), &space) != 0) {
    return std::numeric_limits<uint64_t>::max();
  }
  const uint64_t blocks = ::geteuid() == 0 ? space.f_bfree : space.f_bavail;
  return space.f_files != 0 && space.f_ffree == 0 ? 0 : blocks * space.f_frsize;
}

std::string FullDisk(const Layout& layout) {
  return fmt::format("The disk of {} is full: free some space there and start again", layout.root);
}

uint64_t BytesToStart(const Layout& layout, const config::Manifest& manifest, const std::string& programs,
                      const std::string& market) {
  uint64_t needed = kLogs;
  for (const std::string& program : ProgramsOf(manifest)) {
    needed += SizeUnlessThere(fs::path(programs) / program, fs::path(layout.Bin()) / program);
  }
  for (const std::string& file : RecordingsOf(market)) {
    needed += SizeUnlessThere(file, fs::path(layout.Market()) / fs::path(file).filename());
  }
  for (const config::Unit& unit : manifest.units()) {
    const std::string cluster = fmt::format("{}/{}/data/PG_VERSION", layout.Data(), unit.name);
    needed += IsPostgresNode(unit) && ::access(cluster.c_str(), F_OK) != 0 ? kCluster : 0;
  }
  return needed;
}

Status CheckRoom(const Layout& layout, uint64_t needed, uint64_t free_bytes) {
  if (free_bytes >= needed) {
    return {};
  }
  return Error{Errc::kExhausted,
               fmt::format("The disk of {} is full: starting needs {} MB there and {} MB are free; free some space, or "
                           "choose another place with --state DIR",
                           layout.root, Megabytes(needed) + 1, Megabytes(free_bytes))};
}

}  // namespace quantum::operate
