#include "platform/bus/bundle.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace quantum::bus {

namespace {

// The longest value that is read has fewer digits than this in its length.
constexpr size_t kLengthDigitsMax = 9;
constexpr size_t kNumberMax = 20;  // characters of a 64-bit number
// Lengths, separators, ids, names and times of an event, roughly: only to reserve memory.
constexpr size_t kHeadBytes = 256;

template <class Int>
std::string_view Digits(Int number, std::array<char, kNumberMax>& space) {
  const auto [end, error] = std::to_chars(space.data(), space.data() + space.size(), number);
  return {space.data(), static_cast<size_t>(end - space.data())};
}

// "5:hello," (https://cr.yp.to/proto/netstrings.txt)
void AppendNetstring(std::string& text, std::string_view value) {
  std::array<char, kNumberMax> space;
  text += Digits(value.size(), space);
  text += ':';
  text += value;
  text += ',';
}

template <class Int>
void AppendNumber(std::string& text, Int number) {
  std::array<char, kNumberMax> space;
  AppendNetstring(text, Digits(number, space));
}

// Takes netstrings off the front of a text; once one is none it gives no more.
class Netstrings {
 public:
  explicit Netstrings(std::string_view text) : rest_(text) {}

  std::string Text() { return std::string(Next()); }

  template <class Int>
  Int Number() {
    const std::string_view text = Next();
    Int number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    good_ = good_ && error == std::errc() && end == text.data() + text.size();
    return number;
  }

  bool good() const { return good_; }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view Next() {
    const size_t colon = good_ ? rest_.substr(0, kLengthDigitsMax + 1).find(':') : std::string_view::npos;
    size_t length = 0;
    if (colon != std::string_view::npos) {
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + colon, length);
      if (error == std::errc() && end == rest_.data() + colon && rest_.size() - colon - 1 > length &&
          rest_[colon + 1 + length] == ',') {
        const std::string_view value = rest_.substr(colon + 1, length);
        rest_.remove_prefix(colon + length + 2);
        return value;
      }
    }
    good_ = false;
    return {};
  }

  std::string_view rest_;
  bool good_ = true;
};

bool CanShare(const Event& event) {
  return event.only_for.empty() && !event.id.empty() && !event.type.empty() && !event.source.empty() &&
         !event.payload.empty();
}

size_t FieldBytes(const Event& event) {
  return event.id.size() + event.type.size() + event.source.size() + event.key.size() + event.correlation_id.size() +
         event.cause.size() + event.payload.size();
}

}  // namespace

size_t BundleSize(const std::vector<EventPtr>& events, size_t begin, const BundleLimits& limits) {
  if (events.size() < limits.from) {
    return 1;
  }
  size_t bytes = 0;
  size_t end = begin;
  while (end < events.size() && end - begin < limits.events && CanShare(*events[end])) {
    bytes += FieldBytes(*events[end]);
    if (bytes > limits.bytes) {
      break;
    }
    ++end;
  }
  return end == begin ? 1 : end - begin;
}

std::string EncodeBundle(const std::vector<EventPtr>& events, size_t begin, size_t count) {
  size_t bytes = 0;
  for (size_t i = begin; i < begin + count; ++i) {
    bytes += events[i]->payload.size() + kHeadBytes;
  }
  std::string text;
  text.reserve(bytes);
  for (size_t i = begin; i < begin + count; ++i) {
    const Event& event = *events[i];
    AppendNetstring(text, event.id);
    AppendNetstring(text, event.type);
    AppendNumber(text, event.version);
    AppendNetstring(text, event.source);
    AppendNetstring(text, event.key);
    AppendNetstring(text, event.correlation_id);
    AppendNetstring(text, event.cause);
    AppendNumber(text, event.timestamp_ns);
    AppendNetstring(text, event.payload);
  }
  return text;
}

Result<std::vector<Event>> DecodeBundle(std::string_view text, std::string_view producer, std::string_view incarnation,
                                        uint64_t first_sequence, size_t count) {
  Netstrings values(text);
  std::vector<Event> events;
  if (count == 0) {
    return Error{Errc::kInvalidArgument, "a bundle of no events"};
  }
  while (values.good() && !values.empty() && events.size() < count) {
    Event event;
    event.id = values.Text();
    event.type = values.Text();
    event.version = values.Number<int>();
    event.producer = producer;
    event.incarnation = incarnation;
    event.sequence = first_sequence + events.size();
    event.source = values.Text();
    event.key = values.Text();
    event.correlation_id = values.Text();
    event.cause = values.Text();
    event.timestamp_ns = values.Number<int64_t>();
    event.payload = values.Text();
    if (!CanShare(event)) {
      return Error{Errc::kInvalidArgument,
                   fmt::format("event {} of {} lacks a required field", events.size() + 1, count)};
    }
    events.push_back(std::move(event));
  }
  if (!values.good() || !values.empty() || events.size() != count) {
    return Error{Errc::kInvalidArgument, fmt::format("a bundle does not hold {} events", count)};
  }
  return events;
}

}  // namespace quantum::bus
