#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "exchange/venue.h"
#include "platform/base/result.h"

// Where the paper exchange's market comes from. A source is asked for one event after the other and knows no clock: the
// caller decides when an event is due. No I/O but reading its own files.
namespace quantum::paper {

using exchange::BookTicker;
using exchange::DepthSnapshot;
using exchange::DepthUpdate;
using exchange::MarketLabel;
using exchange::MarketTrade;
using exchange::PriceLevel;
using trading::Decimal;

// The whole book anew: the first event of every symbol.
struct BookReset {
  std::string symbol;
  DepthSnapshot snapshot;
};

struct SourceEvent {
  int64_t time_ms = 0;  // of the source's own clock, never decreasing; the times inside the event are of the same clock
  std::variant<BookReset, DepthUpdate, BookTicker, MarketTrade> what;
};

class MarketSource {
 public:
  virtual ~MarketSource() = default;
  // The next event; nothing once the source has ended (it stays ended). An error is a broken file, named with its line.
  virtual Result<std::optional<SourceEvent>> Next() = 0;
  virtual MarketLabel label() const = 0;
};

}  // namespace quantum::paper
