#include "exchange/paper/protocol/hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>

#include "exchange/paper/market/kline.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;

// Of one connection, as on Binance.
constexpr size_t kStreamsMax = 1024;
constexpr size_t kRequestsMax = 10;  // a second
constexpr int64_t kLifetimeMs = 24 * 3'600'000;

// Of one symbol (<symbol>@kind), but for klines.
constexpr std::string_view kPublicKinds[] = {"depth",         "depth@0ms",     "depth@100ms",  "depth@500ms",
                                             "depth5",        "depth5@100ms",  "depth5@500ms", "depth10",
                                             "depth10@100ms", "depth10@500ms", "depth20",      "depth20@100ms",
                                             "depth20@500ms", "bookTicker",    "trade"};
constexpr std::string_view kMarketKinds[] = {"aggTrade", "markPrice", "markPrice@1s", "miniTicker", "ticker"};
constexpr std::string_view kKline = "kline_";
// Of all symbols.
constexpr std::string_view kPublicOfAll[] = {"!bookTicker"};
constexpr std::string_view kMarketOfAll[] = {"!markPrice@arr", "!markPrice@arr@1s", "!miniTicker@arr", "!ticker@arr"};

template <size_t N>
bool Contains(const std::string_view (&all)[N], std::string_view one) {
  return std::find(std::begin(all), std::end(all), one) != std::end(all);
}

Message MakeMessage(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

std::string Refusal(std::string_view what, const json::value* id) {
  json::object answer{{"error", json::object{{"code", 2}, {"msg", json::string_view(what.data(), what.size())}}}};
  answer["id"] = id == nullptr ? json::value(nullptr) : *id;
  return json::serialize(answer);
}

}  // namespace

bool Serves(StreamClass where, std::string_view stream) {
  const size_t at = stream.find('@');
  const bool of_one = at != std::string_view::npos && at != 0 && stream.front() != '!';
  const std::string_view kind = of_one ? stream.substr(at + 1) : std::string_view();
  const bool is_public = of_one ? Contains(kPublicKinds, kind) : Contains(kPublicOfAll, stream);
  const bool is_kline = kind.starts_with(kKline) && IntervalMs(kind.substr(kKline.size())) != 0;
  const bool is_market = of_one ? is_kline || Contains(kMarketKinds, kind) : Contains(kMarketOfAll, stream);
  return (is_public && (where == StreamClass::kPublic || where == StreamClass::kAny)) ||
         (is_market && (where == StreamClass::kMarket || where == StreamClass::kAny));
}

Hub::Id Hub::Join(std::shared_ptr<Outbox> outbox, StreamClass where, bool combined, int64_t now_ms) {
  const Id id = next_id_++;
  Member& member = members_[id];
  member.outbox = std::move(outbox);
  member.where = where;
  member.combined = combined;
  member.joined_ms = now_ms;
  return id;
}

void Hub::Leave(Id id) {
  const auto found = members_.find(id);
  if (found == members_.end()) {
    return;
  }
  const std::set<std::string> streams = found->second.streams;
  for (const std::string& stream : streams) {
    Unsubscribe(found->second, id, stream);
  }
  members_.erase(found);
}

void Hub::Unsubscribe(Member& member, Id id, const std::string& stream) {
  member.streams.erase(stream);
  const auto found = streams_.find(stream);
  if (found != streams_.end()) {
    found->second.erase(id);
    if (found->second.empty()) {
      streams_.erase(found);
    }
  }
}

void Hub::Subscribe(Id id, const std::vector<std::string>& streams) {
  const auto found = members_.find(id);
  if (found == members_.end()) {
    return;
  }
  for (const std::string& stream : streams) {
    if (Serves(found->second.where, stream) && found->second.streams.size() < kStreamsMax) {
      found->second.streams.insert(stream);
      streams_[stream].insert(id);
    }
  }
}

void Hub::SubscribeUser(Id id, std::string listen_key) {
  if (const auto found = members_.find(id); found != members_.end()) {
    found->second.listen_key = std::move(listen_key);
  }
}

std::string Hub::Request(Id id, std::string_view text, int64_t now_ms) {
  const auto found = members_.find(id);
  if (found == members_.end()) {
    return Refusal("Invalid request: the connection is gone", nullptr);
  }
  std::deque<int64_t>& requests = found->second.requests_ms;
  if (requests.size() == kRequestsMax && now_ms - requests.front() < 1000) {
    found->second.outbox->Cut();
    return Refusal("Too many requests: at most 10 messages a second", nullptr);
  }
  requests.push_back(now_ms);
  if (requests.size() > kRequestsMax) {
    requests.pop_front();
  }
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  const json::object* request = error ? nullptr : value.if_object();
  if (request == nullptr) {
    return Refusal("Invalid JSON: expected an object", nullptr);
  }
  const json::value* request_id = request->if_contains("id");
  const json::value* method = request->if_contains("method");
  const std::string name = method != nullptr && method->is_string() ? std::string(method->as_string()) : std::string();
  json::object answer{{"result", nullptr}, {"id", request_id == nullptr ? json::value(nullptr) : *request_id}};
  if (name == "LIST_SUBSCRIPTIONS") {
    json::array streams;
    for (const std::string& stream : found->second.streams) {
      streams.push_back(json::string(stream));
    }
    answer["result"] = std::move(streams);
    return json::serialize(answer);
  }
  const json::value* params = request->if_contains("params");
  if ((name != "SUBSCRIBE" && name != "UNSUBSCRIBE") || params == nullptr || !params->is_array()) {
    return Refusal("Invalid request: unknown method or params", request_id);
  }
  std::vector<std::string> streams;
  for (const json::value& param : params->as_array()) {
    if (!param.is_string() || (name == "SUBSCRIBE" && !Serves(found->second.where, param.as_string()))) {
      return Refusal(fmt::format("Invalid request: {} is not served here", json::serialize(param)), request_id);
    }
    streams.emplace_back(param.as_string());
  }
  if (name == "SUBSCRIBE") {
    std::set<std::string> all = found->second.streams;
    all.insert(streams.begin(), streams.end());
    if (all.size() > kStreamsMax) {
      return Refusal("Invalid request: more than 1024 streams on a connection", request_id);
    }
    Subscribe(id, streams);
  } else {
    for (const std::string& stream : streams) {
      Unsubscribe(found->second, id, stream);
    }
  }
  return json::serialize(answer);
}

void Hub::Publish(const std::string& stream, std::string payload) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) {
    return;
  }
  Message raw;
  Message combined;
  for (Id id : found->second) {
    Member& member = members_.at(id);
    Message& message = member.combined ? combined : raw;
    if (!message) {
      message = MakeMessage(member.combined ? fmt::format(R"({{"stream":"{}","data":{}}})", stream, payload) : payload);
    }
    member.pending.push_back(message);
  }
}

void Hub::PublishUser(const std::string& payload) {
  for (auto& [id, member] : members_) {
    if (!member.listen_key.empty()) {
      member.pending.push_back(MakeMessage(
          member.combined ? fmt::format(R"({{"stream":"{}","data":{}}})", member.listen_key, payload) : payload));
    }
  }
}

void Hub::ExpireListenKey(const std::string& listen_key, int64_t now_ms) {
  const std::string payload = fmt::format(R"({{"e":"listenKeyExpired","E":{},"listenKey":"{}"}})", now_ms, listen_key);
  for (auto& [id, member] : members_) {
    if (member.listen_key == listen_key) {
      member.pending.push_back(
          MakeMessage(member.combined ? fmt::format(R"({{"stream":"{}","data":{}}})", listen_key, payload) : payload));
      member.listen_key.clear();
    }
  }
}

void Hub::ForgetListenKey(const std::string& listen_key) {
  for (auto& [id, member] : members_) {
    if (member.listen_key == listen_key) {
      member.listen_key.clear();
    }
  }
}

void Hub::Cut(std::optional<StreamClass> where) {
  for (auto& [id, member] : members_) {
    if (!where || member.where == *where) {
      member.outbox->Cut();
    }
  }
}

void Hub::CutOld(int64_t now_ms) {
  for (auto& [id, member] : members_) {
    if (now_ms - member.joined_ms >= kLifetimeMs) {
      member.outbox->Cut();
    }
  }
}

void Hub::Flush() {
  for (auto& [id, member] : members_) {
    if (!member.pending.empty()) {
      member.outbox->Put(std::exchange(member.pending, {}));
    }
  }
}

bool Hub::congested() const {
  return std::any_of(members_.begin(), members_.end(),
                     [](const auto& entry) { return entry.second.outbox->filling(); });
}

}  // namespace quantum::paper
