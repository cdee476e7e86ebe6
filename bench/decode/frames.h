#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "exchange/venue.h"

namespace quantum::bench {

// The frames are decoded from memory: reading the file is no part of the measurement.
struct Frames {
  static Result<Frames> Load(const std::string& path);

  std::vector<std::string> texts;  // each with simdjson's padding behind it
  std::vector<exchange::DepthSnapshot> snapshots;
  std::map<size_t, size_t> snapshot_before;  // frame index → snapshot that came before it
  int64_t peak_per_second = 0;
};

}  // namespace quantum::bench
