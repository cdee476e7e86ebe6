#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/paper/market/kline.h"
#include "platform/base/result.h"

namespace quantum::paper {

// Where the market stood, so that it goes on there after a restart.
struct Checkpoint {
  std::string market;       // which source it belongs to
  int64_t position_ms = 0;  // of the source's clock
  int64_t market_ms = 0;    // as published
  struct Symbol {
    Decimal price;
    int64_t trade_id = 0;
  };
  std::map<std::string, Symbol> symbols;
};
// Nothing when there is none for this market, or it cannot be read: the market then starts anew.
std::optional<Checkpoint> ReadCheckpoint(const std::string& path, const std::string& market);
Status WriteCheckpoint(const std::string& path, const Checkpoint& checkpoint);

// The closed candlesticks of earlier runs. Losing the last second of it does no harm, so it is not synced.
class KlineFile {
 public:
  struct Entry {
    std::string symbol;
    std::string_view interval;
    Kline kline;
  };
  // Reads what is there, rewrites it with the newest KlineSeries::kKept of each series, and goes on appending.
  // `fresh`: forgets what is there.
  static Result<KlineFile> Open(const std::string& path, bool fresh);
  std::vector<Entry> TakeEntries() { return std::move(entries_); }  // oldest first within a series
  void Append(const std::string& symbol, std::string_view interval, const Kline& kline);
  void Flush();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::vector<Entry> entries_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace quantum::paper
