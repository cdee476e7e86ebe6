#include "exchange/binance/decode_market.h"

#include <simdjson.h>

#include <cstring>
#include <string>

#include "exchange/binance/json_number.h"

namespace quantum::binance {
namespace {

namespace ondemand = simdjson::ondemand;
using exchange::BookTicker;
using exchange::DepthUpdate;
using exchange::MarketEvent;
using exchange::MarketTrade;
using exchange::MarkPrice;
using exchange::PriceLevel;
using trading::Decimal;

constexpr size_t kSymbolMax = 24;

// The text of a raw JSON string up to its quotation mark; cut at `max`.
std::string_view TextOf(const char* raw, size_t max) {
  size_t length = 0;
  while (length < max && raw[length] != '"') {
    ++length;
  }
  return {raw, length};
}

// Reads the fields of one event. The first complaint is kept; fields are marked as seen by bit.
class FieldReader {
 public:
  explicit FieldReader(const char* event) : event_(event) {}

  bool failed() const { return failed_; }
  Error TakeError() { return std::move(error_); }
  void Seen(unsigned bit) { seen_ |= bit; }

  void Complain(std::string_view field, std::string_view what) {
    if (!failed_) {
      failed_ = true;
      error_ = Error{Errc::kInvalidArgument,
                     std::string(event_) + ": field " + std::string(field) + " " + std::string(what)};
    }
  }

  void Int(ondemand::value value, const char* field, unsigned bit, int64_t& target) {
    if (value.get_int64().get(target) != simdjson::SUCCESS) {
      Complain(field, "is not an integer");
    }
    Seen(bit);
  }

  void Number(ondemand::value value, const char* field, unsigned bit, Decimal& target) {
    ondemand::raw_json_string raw;
    if (value.get_raw_json_string().get(raw) != simdjson::SUCCESS) {
      Complain(field, "is not a decimal string");
      return;
    }
    ReadNumber(raw.raw(), field, target);
    Seen(bit);
  }

  void Symbol(ondemand::value value, const char* field, unsigned bit, std::string& target) {
    ondemand::raw_json_string raw;
    if (value.get_raw_json_string().get(raw) != simdjson::SUCCESS) {
      Complain(field, "is not a string");
      return;
    }
    const std::string_view text = TextOf(raw.raw(), kSymbolMax + 1);
    if (text.empty() || text.size() > kSymbolMax || text.find('\\') != std::string_view::npos) {
      Complain(field, "is not a symbol");
      return;
    }
    target.assign(text);
    Seen(bit);
  }

  void Bool(ondemand::value value, const char* field, unsigned bit, bool& target) {
    if (value.get_bool().get(target) != simdjson::SUCCESS) {
      Complain(field, "is not true or false");
    }
    Seen(bit);
  }

  void Levels(ondemand::value value, const char* field, unsigned bit, std::vector<PriceLevel>& target) {
    target.clear();
    Seen(bit);
    ondemand::array levels;
    if (value.get_array().get(levels) != simdjson::SUCCESS) {
      Complain(field, "is not an array");
      return;
    }
    for (auto element : levels) {
      if (target.size() >= kLevelsMax) {
        Complain(field, "holds more than " + std::to_string(kLevelsMax) + " levels");
        return;
      }
      if (!Level(std::move(element), target.emplace_back())) {
        Complain(std::string(field) + "[" + std::to_string(target.size() - 1) + "]", "is not [price, quantity]");
        return;
      }
    }
  }

  // Every bit of `required` was seen; `names` has one character or pair a bit, comma-separated, for the message.
  void Require(unsigned required, std::string_view names) {
    const unsigned missing = required & ~seen_;
    if (missing == 0) {
      return;
    }
    size_t begin = 0;
    for (unsigned bit = 1; (missing & bit) == 0; bit <<= 1) {
      begin = names.find(',', begin) + 1;
    }
    Complain(names.substr(begin, names.find(',', begin) - begin), "is missing");
  }

 private:
  void ReadNumber(const char* raw, const char* field, Decimal& target) {
    if (const auto number = ReadQuotedDecimal(raw)) {
      target = *number;
    } else if (const auto parsed = Decimal::Parse(TextOf(raw, 40)); parsed.ok()) {
      target = *parsed;
    } else {
      Complain(field, parsed.error().message);
    }
  }

  // Strict: exactly two strings.
  bool Level(simdjson::simdjson_result<ondemand::value> element, PriceLevel& level) {
    ondemand::array pair;
    if (element.get_array().get(pair) != simdjson::SUCCESS) {
      return false;
    }
    int index = 0;
    for (auto part : pair) {
      ondemand::raw_json_string raw;
      if (index > 1 || part.get_raw_json_string().get(raw) != simdjson::SUCCESS) {
        return false;
      }
      const auto number = ReadQuotedDecimal(raw.raw());
      if (!number || number->is_negative()) {
        return false;
      }
      (index == 0 ? level.price : level.quantity) = *number;
      ++index;
    }
    return index == 2 && !level.price.is_zero();
  }

  const char* event_;
  unsigned seen_ = 0;
  bool failed_ = false;
  Error error_;
};

// Calls on_field(first character, second character or 0, value) for each field whose name has one or two characters.
template <class OnField>
void ForEachField(ondemand::object object, FieldReader& reader, OnField on_field) {
  for (auto field : object) {
    ondemand::raw_json_string key;
    ondemand::value value;
    if (field.key().get(key) != simdjson::SUCCESS || field.value().get(value) != simdjson::SUCCESS) {
      reader.Complain("?", "is broken JSON");
      return;
    }
    const char* name = key.raw();
    if (name[0] != '"' && name[1] == '"') {
      on_field(name[0], '\0', value);
    } else if (name[0] != '"' && name[2] == '"') {
      on_field(name[0], name[1], value);
    }
    if (reader.failed()) {
      return;
    }
  }
}

void ReadTrade(ondemand::object object, FieldReader& reader, MarketTrade& trade) {
  bool of_the_market = true;
  ForEachField(object, reader, [&](char key, char second, ondemand::value value) {
    if (second != '\0') {
      return;
    }
    switch (key) {
      case 's':
        return reader.Symbol(value, "s", 1, trade.symbol);
      case 't':
        return reader.Int(value, "t", 2, trade.trade_id);
      case 'p':
        return reader.Number(value, "p", 4, trade.price);
      case 'q':
        return reader.Number(value, "q", 8, trade.quantity);
      case 'm':
        return reader.Bool(value, "m", 16, trade.buyer_is_maker);
      case 'T':
        return reader.Int(value, "T", 32, trade.time_ms);
      case 'E':
        return reader.Int(value, "E", 64, trade.event_ms);
      case 'X': {
        ondemand::raw_json_string raw;
        if (value.get_raw_json_string().get(raw) == simdjson::SUCCESS) {
          of_the_market = TextOf(raw.raw(), 16) == "MARKET";
        }
        return;
      }
      default:
        return;
    }
  });
  reader.Require(127, "s,t,p,q,m,T,E");
  if (!of_the_market) {
    trade.quantity = Decimal();
  } else if (trade.quantity.is_negative() || !trade.price.is_positive()) {
    reader.Complain("p", "or q is not positive");
  }
}

void ReadDepth(ondemand::object object, FieldReader& reader, DepthUpdate& update) {
  ForEachField(object, reader, [&](char key, char second, ondemand::value value) {
    if (key == 'p' && second == 'u') {
      return reader.Int(value, "pu", 2, update.previous_update_id);
    }
    if (second != '\0') {
      return;
    }
    switch (key) {
      case 's':
        return reader.Symbol(value, "s", 1, update.symbol);
      case 'U':
        return reader.Int(value, "U", 4, update.first_update_id);
      case 'u':
        return reader.Int(value, "u", 8, update.last_update_id);
      case 'b':
        return reader.Levels(value, "b", 16, update.bids);
      case 'a':
        return reader.Levels(value, "a", 32, update.asks);
      case 'E':
        return reader.Int(value, "E", 64, update.event_ms);
      default:
        return;
    }
  });
  reader.Require(127, "s,pu,U,u,b,a,E");
}

void ReadBookTicker(ondemand::object object, FieldReader& reader, BookTicker& ticker) {
  ForEachField(object, reader, [&](char key, char second, ondemand::value value) {
    if (second != '\0') {
      return;
    }
    switch (key) {
      case 's':
        return reader.Symbol(value, "s", 1, ticker.symbol);
      case 'u':
        return reader.Int(value, "u", 2, ticker.update_id);
      case 'b':
        return reader.Number(value, "b", 4, ticker.bid.price);
      case 'B':
        return reader.Number(value, "B", 8, ticker.bid.quantity);
      case 'a':
        return reader.Number(value, "a", 16, ticker.ask.price);
      case 'A':
        return reader.Number(value, "A", 32, ticker.ask.quantity);
      case 'E':
        return reader.Int(value, "E", 64, ticker.event_ms);
      default:
        return;
    }
  });
  reader.Require(127, "s,u,b,B,a,A,E");
}

void ReadMarkPrice(ondemand::object object, FieldReader& reader, MarkPrice& mark) {
  ForEachField(object, reader, [&](char key, char second, ondemand::value value) {
    if (second != '\0') {
      return;
    }
    switch (key) {
      case 's':
        return reader.Symbol(value, "s", 1, mark.symbol);
      case 'p':
        return reader.Number(value, "p", 2, mark.mark_price);
      case 'r': {
        // Empty for a contract without funding.
        ondemand::raw_json_string raw;
        if (value.get_raw_json_string().get(raw) == simdjson::SUCCESS && raw.raw()[0] == '"') {
          mark.funding_rate = Decimal();
          return reader.Seen(4);
        }
        return reader.Number(value, "r", 4, mark.funding_rate);
      }
      case 'E':
        return reader.Int(value, "E", 8, mark.event_ms);
      default:
        return;
    }
  });
  reader.Require(15, "s,p,r,E");
}

}  // namespace

struct MarketDecoder::Impl {
  // One of each kind, so that vectors and strings keep their memory from frame to frame.
  MarketEvent trade = MarketTrade{};
  MarketEvent depth = DepthUpdate{};
  MarketEvent ticker = BookTicker{};
  MarketEvent mark = MarkPrice{};
  ondemand::parser parser{kFrameBytesMax};
  std::string buffer = std::string(16 * 1024, '\0');

  Result<const MarketEvent*> Decode(std::string_view frame);
  Result<const MarketEvent*> DecodeEvent(ondemand::object object);

  template <class Event, class Read>
  Result<const MarketEvent*> Fill(MarketEvent& slot, const char* name, ondemand::object object, Read read) {
    FieldReader reader(name);
    read(object, reader, std::get<Event>(slot));
    if (reader.failed()) {
      return reader.TakeError();
    }
    return &slot;
  }
};

Result<const MarketEvent*> MarketDecoder::Impl::Decode(std::string_view frame) {
  if (frame.size() > kFrameBytesMax) {
    return Error{Errc::kInvalidArgument, "market frame of " + std::to_string(frame.size()) +
                                             " bytes exceeds the limit of " + std::to_string(kFrameBytesMax)};
  }
  // simdjson reads beyond the end: copy to where there is room (a frame is small, the copy costs tens of nanoseconds).
  if (buffer.size() < frame.size() + simdjson::SIMDJSON_PADDING) {
    buffer.resize(frame.size() + simdjson::SIMDJSON_PADDING);
  }
  std::memcpy(buffer.data(), frame.data(), frame.size());
  std::memset(buffer.data() + frame.size(), 0, simdjson::SIMDJSON_PADDING);
  ondemand::document document;
  ondemand::object object;
  if (parser.iterate(buffer.data(), frame.size(), buffer.size()).get(document) != simdjson::SUCCESS ||
      document.get_object().get(object) != simdjson::SUCCESS) {
    return Error{Errc::kInvalidArgument, "market frame is not a JSON object: " + std::string(frame.substr(0, 80))};
  }
  static constexpr std::string_view kEnvelope = "{\"stream\"";
  if (frame.substr(0, kEnvelope.size()) == kEnvelope) {
    ondemand::object data;
    if (object.find_field("data").get_object().get(data) != simdjson::SUCCESS) {
      return Error{Errc::kInvalidArgument, "market frame: field data is missing or not an object"};
    }
    return DecodeEvent(data);
  }
  return DecodeEvent(object);
}

Result<const MarketEvent*> MarketDecoder::Impl::DecodeEvent(ondemand::object object) {
  ondemand::raw_json_string raw;
  ondemand::value type;
  if (const auto error = object.find_field_unordered("e").get(type); error != simdjson::SUCCESS) {
    // Over broken JSON the parser gives up, and must not be asked again.
    if (error == simdjson::NO_SUCH_FIELD && object.reset().error() == simdjson::SUCCESS &&
        object.find_field_unordered("id").error() == simdjson::SUCCESS) {
      return nullptr;  // the answer to a request
    }
    return Error{Errc::kInvalidArgument, "market frame: field e is missing"};
  }
  if (type.get_raw_json_string().get(raw) != simdjson::SUCCESS) {
    return Error{Errc::kInvalidArgument, "market frame: field e is not a string"};
  }
  const std::string_view name = TextOf(raw.raw(), 20);
  if (object.reset().error() != simdjson::SUCCESS) {
    return Error{Errc::kInvalidArgument, "market frame is broken JSON"};
  }
  if (name == "bookTicker") {
    return Fill<BookTicker>(ticker, "bookTicker", object, ReadBookTicker);
  }
  if (name == "trade") {
    return Fill<MarketTrade>(trade, "trade", object, ReadTrade);
  }
  if (name == "depthUpdate") {
    return Fill<DepthUpdate>(depth, "depthUpdate", object, ReadDepth);
  }
  if (name == "markPriceUpdate") {
    return Fill<MarkPrice>(mark, "markPriceUpdate", object, ReadMarkPrice);
  }
  return nullptr;
}

MarketDecoder::MarketDecoder() : impl_(std::make_unique<Impl>()) {}
MarketDecoder::~MarketDecoder() = default;

Result<const MarketEvent*> MarketDecoder::Decode(std::string_view frame) { return impl_->Decode(frame); }

}  // namespace quantum::binance
