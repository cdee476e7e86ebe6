#include "services/monitoring_health/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <set>
#include <tuple>

#include "platform/bus/bundle.h"
#include "platform/bus/codec.h"
#include "trading/events.h"
#include "trading/refusal.h"

namespace quantum::monitoring_health {
namespace {

namespace json = boost::json;

// Redis stamps entries by its own clock, which may be behind the one that made the id.
constexpr int64_t kClockErrorMs = 60'000;

double Milliseconds(int64_t ns) { return std::round(static_cast<double>(ns) / 1000.0) / 1000.0; }

// What a person wants to see of a payload at a glance.
std::string Glance(const json::value& payload) {
  const json::object* object = payload.if_object();
  std::string glance;
  for (const char* name : {"symbol", "action", "side", "leg", "quantity", "filled_quantity", "price", "average_price",
                           "status", "codes", "reason", "close_reason", "realized_pnl"}) {
    const json::value* value = object == nullptr ? nullptr : object->if_contains(name);
    if (value == nullptr || value->is_null() || (value->is_string() && value->get_string().empty())) {
      continue;
    }
    glance += fmt::format("{}{}={}", glance.empty() ? "" : " ", name,
                          value->is_string() ? std::string(value->get_string()) : json::serialize(*value));
  }
  return glance.substr(0, 300);
}

// Of an event that cannot be read there is nothing to explain.
json::array RefusalsOf(const bus::Event& told) {
  std::vector<trading::RecordedRefusal> refusals;
  const auto add = [&](const std::string& decision_id, const std::string& symbol, trading::event::Refusal refusal) {
    refusals.push_back({told.timestamp_ns / 1'000'000, told.source.empty() ? told.producer : told.source, decision_id,
                        symbol, std::move(refusal)});
  };
  if (told.type == trading::event::kRiskRejected) {
    if (const auto rejected = trading::event::ParseRejection(told.payload); rejected.ok()) {
      for (const trading::event::Refusal& refusal : rejected->refusals) {
        add(rejected->decision_id, rejected->symbol, refusal);
      }
    }
  } else if (told.type == trading::event::kOrderFailed || told.type == trading::event::kOrderCanceled) {
    if (const auto order = trading::event::ParseOrderUpdate(told.payload); order.ok()) {
      if (auto refusal = trading::RefusalOf(order->leg, order->status, order->filled_quantity, order->reason)) {
        add(order->decision_id, order->symbol, std::move(*refusal));
      }
    }
  }
  return json::parse(trading::ToJson(refusals)).at("items").as_array();
}

}  // namespace

std::optional<int64_t> BirthOf(std::string_view id) {
  if (id.size() != 36 || id[8] != '-' || id[13] != '-' || id[14] != '7') {
    return std::nullopt;
  }
  const std::string digits = std::string(id.substr(0, 8)) + std::string(id.substr(9, 4));
  int64_t ms = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), ms, 16);
  return error == std::errc() && end == digits.data() + digits.size() ? std::optional(ms) : std::nullopt;
}

TraceSearch::TraceSearch(std::string correlation_id, std::vector<std::string> families, Limits limits)
    : correlation_id_(std::move(correlation_id)), limits_(limits), born_ms_(BirthOf(correlation_id_)) {
  for (std::string& family : families) {
    cursors_.push_back({.family = std::move(family),
                        .next = born_ms_ ? std::to_string(std::max<int64_t>(0, *born_ms_ - kClockErrorMs)) : "+"});
  }
}

bool TraceSearch::NothingLeft() const {
  return std::all_of(cursors_.begin(), cursors_.end(), [](const Cursor& cursor) { return cursor.done; });
}

std::vector<redis::Command> TraceSearch::NextCommands() {
  asked_.clear();
  std::vector<redis::Command> commands;
  for (size_t i = 0; i < cursors_.size(); ++i) {
    const Cursor& cursor = cursors_[i];
    if (!cursor.done) {
      asked_.push_back(i);
      commands.push_back({born_ms_ ? "XRANGE" : "XREVRANGE", bus::StreamKey(cursor.family), cursor.next,
                          born_ms_ ? "+" : "-", "COUNT", std::to_string(limits_.page)});
    }
  }
  return commands;
}

void TraceSearch::OnReplies(const std::vector<redis::Reply>& replies) {
  QUANTUM_ASSERT(replies.size() == asked_.size());
  for (size_t i = 0; i < replies.size(); ++i) {
    TakePage(cursors_[asked_[i]], replies[i]);
  }
}

// Cheaper than reading all of it, where an entry holds one event.
bool TraceSearch::MayBelong(const redis::Reply& fields) const {
  const redis::Reply* const id = bus::FindField(fields, "cid");
  return id != nullptr ? id->text == correlation_id_ : bus::FindField(fields, bus::kBundleField) != nullptr;
}

void TraceSearch::TakePage(Cursor& cursor, const redis::Reply& page) {
  if (page.type != redis::Reply::Type::kArray) {
    complete_ = false;
    cursor.done = true;
    return;
  }
  for (const redis::Reply& entry : page.elements) {
    if (entry.elements.size() != 2) {
      continue;
    }
    if (!MayBelong(entry.elements[1])) {
      continue;
    }
    // An entry that cannot be read lies with the dead letters; it is not part of the way.
    auto events = bus::ParseEntry(entry.elements[1]);
    complete_ = complete_ && events.ok();
    for (size_t i = 0; events.ok() && i < events->size(); ++i) {
      bus::Event& event = (*events)[i];
      if (event.correlation_id == correlation_id_ && found_.size() < limits_.events_max) {
        found_.push_back({cursor.family, std::move(event)});
      } else if (event.correlation_id == correlation_id_) {
        complete_ = false;
      }
    }
  }
  cursor.seen += page.elements.size();
  if (page.elements.size() < limits_.page || page.elements.back().elements.empty()) {
    cursor.done = true;
  } else if (cursor.seen >= limits_.entries_max || found_.size() >= limits_.events_max) {
    cursor.done = true;
    complete_ = false;
  } else {
    cursor.next = "(" + page.elements.back().elements.front().text;
  }
}

std::vector<TraceSearch::Found> TraceSearch::Result() const {
  std::vector<Found> result;
  std::set<std::string_view> ids;
  for (const Found& found : found_) {
    if (ids.insert(found.event.id).second) {
      result.push_back(found);
    }
  }
  std::stable_sort(result.begin(), result.end(), [](const Found& a, const Found& b) {
    const auto order = [](const Found& found) {
      const bus::Event& event = found.event;
      return std::tie(event.timestamp_ns, event.producer, event.incarnation, found.stream, event.sequence);
    };
    return order(a) < order(b);
  });
  return result;
}

std::string TraceJson(std::string_view correlation_id, const std::vector<TraceSearch::Found>& found, bool complete) {
  json::array items;
  const int64_t start = found.empty() ? 0 : found.front().event.timestamp_ns;
  for (const TraceSearch::Found& each : found) {
    const bus::Event& event = each.event;
    json::error_code error;
    json::value payload = json::parse(event.payload, error);
    if (error) {
      payload = json::string(event.payload);
    }
    items.push_back({{"time", FormatIso8601(FromUnixNs(event.timestamp_ns))},
                     {"elapsed_ms", Milliseconds(event.timestamp_ns - start)},
                     {"service", event.source.empty() ? event.producer : event.source},
                     {"what", event.type},
                     {"details", Glance(payload)},
                     {"type", event.type},
                     {"producer", event.producer},
                     {"stream", each.stream},
                     {"key", event.key},
                     {"id", event.id},
                     {"cause", event.cause},
                     {"ts_ns", event.timestamp_ns},
                     {"payload", std::move(payload)},
                     {"refusals", RefusalsOf(event)}});
  }
  const int64_t elapsed = found.empty() ? 0 : found.back().event.timestamp_ns - start;
  return json::serialize(json::object{{"correlation_id", correlation_id},
                                      {"complete", complete},
                                      {"elapsed_ms", Milliseconds(elapsed)},
                                      {"items", std::move(items)}});
}

}  // namespace quantum::monitoring_health
