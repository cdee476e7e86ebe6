#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/venue.h"

namespace quantum::bench {

// Recorded frames in memory, in the order of their arrival over all files, so that neither the disk nor decompression
// is measured.
class Frames {
 public:
  // Each file holds the frames of one symbol.
  static Result<Frames> Load(const std::vector<std::string>& paths);

  struct Frame {
    std::string_view text;    // empty: the frame is a REST snapshot
    size_t snapshot = 0;      // index into snapshots(), when text is empty
    size_t symbol_index = 0;  // into symbols(), of a snapshot
  };
  const std::vector<Frame>& frames() const { return frames_; }
  const std::vector<exchange::DepthSnapshot>& snapshots() const { return snapshots_; }
  const std::vector<std::string>& symbols() const { return symbols_; }
  size_t events() const { return frames_.size() - snapshots_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  Frames() = default;

  std::vector<std::string> texts_;  // of one file each
  std::vector<std::string> symbols_;
  std::vector<exchange::DepthSnapshot> snapshots_;
  std::vector<Frame> frames_;
  size_t bytes_ = 0;
};

}  // namespace quantum::bench
