#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "exchange/paper/market/source.h"
#include "platform/base/result.h"

namespace quantum::paper {

// Parses recorded frames: `{"stream":…,"data":…}` (streams depth, bookTicker and trade), or
// `{"lastUpdateId":…,"bids":…,"asks":…}`, a REST depth snapshot, which names no symbol.
class FrameParser {
 public:
  FrameParser();
  ~FrameParser();
  FrameParser(FrameParser&&) noexcept;

  // time_ms is E; a BookReset without a symbol is the recorded snapshot. Nothing for streams that are not replayed.
  Result<std::optional<SourceEvent>> Parse(std::string_view frame);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantum::paper
