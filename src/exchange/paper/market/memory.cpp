#include "exchange/paper/market/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "platform/base/durable_file.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;

std::string Encode(const std::string& symbol, std::string_view interval, const Kline& k) {
  return fmt::format(R"(["{}","{}",{},{},{},{},{},{},{},{},{},{},{},{},{}])", symbol, interval, k.open_time,
                     k.close_time, k.open.raw(), k.high.raw(), k.low.raw(), k.close.raw(), k.volume.raw(),
                     k.quote_volume.raw(), k.taker_buy.raw(), k.taker_buy_quote.raw(), k.first_trade_id,
                     k.last_trade_id, k.trades);
}

std::optional<KlineFile::Entry> Decode(const std::string& line) {
  boost::system::error_code error;
  const json::value value = json::parse(line, error);
  const json::array* array = error ? nullptr : value.if_array();
  if (array == nullptr || array->size() != 15 || !(*array)[0].is_string() || !(*array)[1].is_string() ||
      !std::all_of(array->begin() + 2, array->end(), [](const json::value& v) { return v.is_int64(); })) {
    return std::nullopt;
  }
  KlineFile::Entry entry;
  entry.symbol = std::string((*array)[0].as_string());
  const json::string& name = (*array)[1].as_string();
  const auto* interval =
      std::find(std::begin(kIntervals), std::end(kIntervals), std::string_view(name.data(), name.size()));
  if (interval == std::end(kIntervals)) {
    return std::nullopt;
  }
  entry.interval = *interval;
  const auto number = [&](size_t i) { return (*array)[i].as_int64(); };
  const auto decimal = [&](size_t i) { return Decimal::FromRaw(number(i)); };
  entry.kline = {number(2),  number(3),   decimal(4),  decimal(5), decimal(6), decimal(7), decimal(8),
                 decimal(9), decimal(10), decimal(11), number(12), number(13), number(14)};
  return entry;
}

// Within a symbol the series come in the order of their names, "5s" last.
std::vector<KlineFile::Entry> Load(const std::string& path) {
  std::map<std::pair<std::string, std::string_view>, std::vector<KlineFile::Entry>> series;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (auto entry = Decode(line)) {  // a line that a crash cut off is passed over
      series[{entry->symbol, entry->interval}].push_back(std::move(*entry));
    }
  }
  std::vector<KlineFile::Entry> all;
  for (auto& [key, entries] : series) {
    const size_t skipped = entries.size() > KlineSeries::kKept ? entries.size() - KlineSeries::kKept : 0;
    std::move(entries.begin() + static_cast<ptrdiff_t>(skipped), entries.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace

Result<KlineFile> KlineFile::Open(const std::string& path, bool fresh) {
  KlineFile file;
  if (!fresh) {
    file.entries_ = Load(path);
  }
  std::string text;
  for (const Entry& entry : file.entries_) {
    text += Encode(entry.symbol, entry.interval, entry.kline) + "\n";
  }
  QUANTUM_CHECK(WriteFileDurably(path, text));
  file.file_.reset(std::fopen(path.c_str(), "ae"));
  if (!file.file_) {
    return Error{Errc::kInternal, fmt::format("opening {}: {}", path, std::strerror(errno))};
  }
  return file;
}

void KlineFile::Append(const std::string& symbol, std::string_view interval, const Kline& kline) {
  fmt::print(file_.get(), "{}\n", Encode(symbol, interval, kline));
}

void KlineFile::Flush() { std::fflush(file_.get()); }

std::optional<Checkpoint> ReadCheckpoint(const std::string& path, const std::string& market) {
  const Result<std::string> text = ReadFile(path);
  if (!text.ok()) {
    return std::nullopt;
  }
  try {
    const json::object object = json::parse(*text).as_object();
    Checkpoint checkpoint;
    checkpoint.market = std::string(object.at("market").as_string());
    checkpoint.position_ms = object.at("position_ms").as_int64();
    checkpoint.market_ms = object.at("market_ms").as_int64();
    for (const auto& symbol : object.at("symbols").as_object()) {
      const json::object& of = symbol.value().as_object();
      checkpoint.symbols[std::string(symbol.key())] = {Decimal::FromRaw(of.at("price").as_int64()),
                                                       of.at("trade_id").as_int64()};
    }
    return checkpoint.market == market ? std::optional(checkpoint) : std::nullopt;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

Status WriteCheckpoint(const std::string& path, const Checkpoint& checkpoint) {
  json::object symbols;
  for (const auto& [symbol, of] : checkpoint.symbols) {
    symbols[symbol] = json::object{{"price", of.price.raw()}, {"trade_id", of.trade_id}};
  }
  const json::object object{{"market", checkpoint.market},
                            {"position_ms", checkpoint.position_ms},
                            {"market_ms", checkpoint.market_ms},
                            {"symbols", std::move(symbols)}};
  return WriteFileDurably(path, json::serialize(object));
}

}  // namespace quantum::paper
