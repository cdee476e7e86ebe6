#include "bench/replay/frames.h"

#include <algorithm>

#include "exchange/binance/decode_market.h"
#include "exchange/binance/decode_rest.h"
#include "exchange/recording/recording.h"

namespace quantum::bench {
namespace {

constexpr std::string_view kSnapshotBegin = "{\"lastUpdateId\"";

struct Entry {
  int64_t receive_ns = 0;
  size_t file = 0;
  size_t offset = 0;
  size_t length = 0;
};

Result<std::string> SymbolOf(std::string_view frame) {
  binance::MarketDecoder decoder;
  QUANTUM_TRY(const exchange::MarketEvent* event, decoder.Decode(frame));
  if (event == nullptr) {
    return Error{Errc::kInvalidArgument, "the first frame is of no stream that is used"};
  }
  return std::visit([](const auto& each) { return each.symbol; }, *event);
}

}  // namespace

Result<Frames> Frames::Load(const std::vector<std::string>& paths) {
  Frames all;
  std::vector<Entry> entries;
  for (const std::string& path : paths) {
    QUANTUM_TRY(exchange::Recording recording, exchange::Recording::Open(path));
    std::string& text = all.texts_.emplace_back();
    std::string symbol;
    while (true) {
      QUANTUM_TRY(const auto line, recording.Next());
      if (!line) {
        break;
      }
      if (symbol.empty() && !line->frame.starts_with(kSnapshotBegin)) {
        QUANTUM_TRY(symbol, SymbolOf(line->frame));
      }
      entries.push_back({line->receive_ns, all.texts_.size() - 1, text.size(), line->frame.size()});
      text += line->frame;
    }
    all.bytes_ += text.size();
    all.symbols_.push_back(std::move(symbol));
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.receive_ns < b.receive_ns; });
  all.frames_.reserve(entries.size());
  for (const Entry& entry : entries) {
    const std::string_view text = std::string_view(all.texts_[entry.file]).substr(entry.offset, entry.length);
    if (!text.starts_with(kSnapshotBegin)) {
      all.frames_.push_back({.text = text});
      continue;
    }
    QUANTUM_TRY(exchange::DepthSnapshot snapshot, binance::DecodeDepthSnapshot(text));
    all.frames_.push_back({.text = {}, .snapshot = all.snapshots_.size(), .symbol_index = entry.file});
    all.snapshots_.push_back(std::move(snapshot));
  }
  return all;
}

}  // namespace quantum::bench
