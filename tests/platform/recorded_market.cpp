#include "tests/platform/recorded_market.h"

#include <algorithm>
#include <boost/json.hpp>
#include <limits>
#include <stdexcept>
#include <vector>

#include "exchange/recording/recording.h"

namespace quantum::testing {

namespace json = boost::json;
using trading::Decimal;
using trading::Side;

namespace {

Decimal Number(const json::value& text) {
  const auto parsed = Decimal::Parse(json::value_to<std::string>(text));
  if (!parsed.ok()) {
    throw std::runtime_error("not a decimal in the recording: " + json::serialize(text));
  }
  return *parsed;
}

void SetLevels(std::map<Decimal, Decimal>& levels, const json::value& changes) {
  for (const json::value& change : changes.as_array()) {
    const Decimal quantity = Number(change.at(1));
    if (quantity.is_zero()) {
      levels.erase(Number(change.at(0)));
    } else {
      levels[Number(change.at(0))] = quantity;
    }
  }
}

}  // namespace

void RecordedBook::Walk(Side taker, const std::function<bool(Decimal, Decimal)>& visit) const {
  const bool buys = taker == Side::kBuy;
  const std::optional<Touch>& touch = buys ? best_ask_ : best_bid_;
  if (touch && !visit(touch->price, touch->quantity)) {
    return;
  }
  // What the newest best price has passed is gone, though the depth updates do not say so yet.
  const auto level = [&](Decimal price, Decimal quantity) {
    const bool passed = touch && (buys ? price <= touch->price : price >= touch->price);
    return passed || visit(price, quantity);
  };
  if (buys) {
    for (auto each = asks_.begin(); each != asks_.end() && level(each->first, each->second); ++each) {
    }
  } else {
    for (auto each = bids_.rbegin(); each != bids_.rend() && level(each->first, each->second); ++each) {
    }
  }
}

Decimal RecordedBook::Offered(Side taker, Decimal price) const {
  Decimal offered;
  Walk(taker, [&](Decimal at, Decimal quantity) {
    if (at == price) {
      offered = quantity;
    }
    return taker == Side::kBuy ? at < price : at > price;
  });
  return offered;
}

Decimal RecordedBook::OfferedBetter(Side taker, Decimal price) const {
  Decimal offered;
  Walk(taker, [&](Decimal at, Decimal quantity) {
    const bool better = taker == Side::kBuy ? at < price : at > price;
    offered += better ? quantity : Decimal();
    return better;
  });
  return offered;
}

std::optional<Decimal> RecordedBook::Best(Side taker) const {
  std::optional<Decimal> best;
  Walk(taker, [&](Decimal at, Decimal) {
    best = at;
    return false;
  });
  return best;
}

void RecordedMarket::Replay(const std::string& path, const OnEvent& on_event) {
  auto recording = exchange::Recording::Open(path);
  if (!recording.ok()) {
    throw std::runtime_error(recording.error().message);
  }
  RecordedBook book;
  std::vector<json::value> early;  // depth updates before the snapshot that they lead up to
  int64_t time_ms = 0;
  const auto apply = [&](const json::object& update) {
    SetLevels(book.bids_, update.at("b"));
    SetLevels(book.asks_, update.at("a"));
    book.update_id_ = update.at("u").as_int64();
    book.best_bid_.reset();
    book.best_ask_.reset();
  };
  for (auto line = recording->Next();; line = recording->Next()) {
    if (!line.ok()) {
      throw std::runtime_error(line.error().message);
    }
    if (!line->has_value()) {
      on_event(std::numeric_limits<int64_t>::max(), book, nullptr);
      return;
    }
    const std::string_view frame = (*line)->frame;
    const json::value parsed = json::parse({frame.data(), frame.size()});
    if (parsed.as_object().contains("lastUpdateId")) {
      on_event(time_ms, book, nullptr);
      book = RecordedBook();
      SetLevels(book.bids_, parsed.at("bids"));
      SetLevels(book.asks_, parsed.at("asks"));
      book.update_id_ = parsed.at("lastUpdateId").as_int64();
      for (const json::value& update : early) {
        if (update.at("u").as_int64() >= book.update_id_) {
          apply(update.as_object());
        }
      }
      early.clear();
      continue;
    }
    const json::object& data = parsed.at("data").as_object();
    time_ms = std::max(time_ms, data.at("E").as_int64());
    const std::string_view kind = data.at("e").as_string();
    if (kind == "depthUpdate" && book.update_id_ == 0) {
      early.push_back(data);
    } else if (book.update_id_ == 0) {
      continue;  // played from the snapshot on
    } else if (kind == "depthUpdate") {
      if (data.at("u").as_int64() > book.update_id_) {
        on_event(time_ms, book, nullptr);
        apply(data);
      }
    } else if (kind == "bookTicker") {
      if (data.at("u").as_int64() > book.update_id_) {
        on_event(time_ms, book, nullptr);
        book.best_bid_ = {Number(data.at("b")), Number(data.at("B"))};
        book.best_ask_ = {Number(data.at("a")), Number(data.at("A"))};
      }
    } else if (kind == "trade") {
      const RecordedTrade trade{Number(data.at("p")), Number(data.at("q")), data.at("m").as_bool()};
      on_event(time_ms, book, &trade);
    }
  }
}

}  // namespace quantum::testing
