#include "bench/decode/frames.h"

#include <simdjson.h>

#include <algorithm>

#include "exchange/binance/decode_rest.h"
#include "exchange/recording/recording.h"

namespace quantum::bench {

Result<Frames> Frames::Load(const std::string& path) {
  QUANTUM_TRY(exchange::Recording recording, exchange::Recording::Open(path));
  Frames frames;
  std::map<int64_t, int64_t> per_second;
  while (true) {
    QUANTUM_TRY(const auto line, recording.Next());
    if (!line) {
      break;
    }
    if (line->frame.starts_with("{\"lastUpdateId\"")) {
      QUANTUM_TRY(exchange::DepthSnapshot snapshot, binance::DecodeDepthSnapshot(line->frame));
      frames.snapshot_before[frames.texts.size()] = frames.snapshots.size();
      frames.snapshots.push_back(std::move(snapshot));
      continue;
    }
    frames.peak_per_second = std::max(frames.peak_per_second, ++per_second[line->receive_ns / 1'000'000'000]);
    std::string& text = frames.texts.emplace_back();
    text.reserve(line->frame.size() + simdjson::SIMDJSON_PADDING);
    text = line->frame;
  }
  return frames;
}

}  // namespace quantum::bench
