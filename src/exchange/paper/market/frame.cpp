#include "exchange/paper/market/frame.h"

#include <simdjson.h>

#include <string>

namespace quantum::paper {

namespace {

namespace ondemand = simdjson::ondemand;

// A number that does not parse makes the frame invalid; simdjson's own exceptions carry it out.
Decimal ReadDecimal(ondemand::value value) {
  const std::string_view text = value.get_string();
  const Result<Decimal> parsed = Decimal::Parse(text);
  if (!parsed.ok()) {
    throw simdjson::simdjson_error(simdjson::NUMBER_ERROR);
  }
  return *parsed;
}

std::vector<PriceLevel> ReadLevels(ondemand::array levels) {
  std::vector<PriceLevel> result;
  result.reserve(64);
  for (ondemand::array level : levels) {
    PriceLevel& parsed = result.emplace_back();
    auto at = level.begin();
    for (Decimal* number : {&parsed.price, &parsed.quantity}) {
      if (at == level.end()) {
        throw simdjson::simdjson_error(simdjson::INDEX_OUT_OF_BOUNDS);  // *at would end the process
      }
      *number = ReadDecimal((*at).value());
      ++at;
    }
  }
  return result;
}

// The fields stand in Binance's order; find_field_unordered keeps working should that change.
MarketTrade ReadTrade(ondemand::object data) {
  MarketTrade trade;
  trade.event_ms = data["E"].get_int64();
  trade.time_ms = data["T"].get_int64();
  trade.symbol = std::string(std::string_view(data["s"].get_string()));
  trade.trade_id = data["t"].get_int64();
  trade.price = ReadDecimal(data["p"].value());
  trade.quantity = ReadDecimal(data["q"].value());
  trade.buyer_is_maker = data["m"].get_bool();
  return trade;
}

BookTicker ReadTicker(ondemand::object data) {
  BookTicker ticker;
  ticker.update_id = data["u"].get_int64();
  ticker.symbol = std::string(std::string_view(data["s"].get_string()));
  ticker.bid.price = ReadDecimal(data["b"].value());
  ticker.bid.quantity = ReadDecimal(data["B"].value());
  ticker.ask.price = ReadDecimal(data["a"].value());
  ticker.ask.quantity = ReadDecimal(data["A"].value());
  ticker.event_ms = data["E"].get_int64();
  return ticker;
}

DepthUpdate ReadDepth(ondemand::object data) {
  DepthUpdate update;
  update.event_ms = data["E"].get_int64();
  update.symbol = std::string(std::string_view(data["s"].get_string()));
  update.first_update_id = data["U"].get_int64();
  update.last_update_id = data["u"].get_int64();
  update.previous_update_id = data["pu"].get_int64();
  update.bids = ReadLevels(data["b"].get_array());
  update.asks = ReadLevels(data["a"].get_array());
  return update;
}

}  // namespace

class FrameParser::Impl {
 public:
  std::optional<SourceEvent> Parse(std::string_view frame) {
    // simdjson reads some bytes behind the document.
    text_.reserve(frame.size() + simdjson::SIMDJSON_PADDING);
    text_.assign(frame);
    ondemand::document document = parser_.iterate(text_.data(), text_.size(), text_.capacity());
    ondemand::object root = document.get_object();
    std::string_view stream;
    const auto error = root["stream"].get_string().get(stream);
    if (error == simdjson::SUCCESS) {
      const size_t at = stream.find('@');
      const std::string_view kind = at == std::string_view::npos ? stream : stream.substr(at + 1);
      ondemand::object data = root["data"].get_object();
      if (kind == "trade") {
        MarketTrade trade = ReadTrade(data);
        return SourceEvent{trade.event_ms, std::move(trade)};
      }
      if (kind == "bookTicker") {
        BookTicker ticker = ReadTicker(data);
        return SourceEvent{ticker.event_ms, std::move(ticker)};
      }
      if (kind.starts_with("depth")) {
        DepthUpdate update = ReadDepth(data);
        return SourceEvent{update.event_ms, std::move(update)};
      }
      return std::nullopt;
    }
    if (error != simdjson::NO_SUCH_FIELD) {
      throw simdjson::simdjson_error(error);  // over broken JSON the parser gives up, and must not be asked again
    }
    BookReset reset;
    reset.snapshot.last_update_id = root["lastUpdateId"].get_int64();
    const int64_t time_ms = root["E"].get_int64();
    reset.snapshot.bids = ReadLevels(root["bids"].get_array());
    reset.snapshot.asks = ReadLevels(root["asks"].get_array());
    return SourceEvent{time_ms, std::move(reset)};
  }

 private:
  ondemand::parser parser_;
  std::string text_;
};

FrameParser::FrameParser() : impl_(std::make_unique<Impl>()) {}
FrameParser::~FrameParser() = default;
FrameParser::FrameParser(FrameParser&&) noexcept = default;

Result<std::optional<SourceEvent>> FrameParser::Parse(std::string_view frame) {
  std::string problem;
  try {
    return impl_->Parse(frame);
  } catch (const simdjson::simdjson_error& broken) {
    problem = broken.what();
  }
  return Error{Errc::kInvalidArgument, "the frame cannot be read: " + problem};
}

}  // namespace quantum::paper
