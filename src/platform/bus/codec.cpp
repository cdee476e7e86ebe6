#include "platform/bus/codec.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <string_view>

#include "platform/bus/bundle.h"
#include "platform/bus/compression.h"

namespace quantum::bus {

namespace {

// The fields of one entry, looked up by name; the first complaint is kept.
class Fields {
 public:
  explicit Fields(const redis::Reply& reply) {
    for (size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
      values_.emplace(reply.elements[i].text, reply.elements[i + 1].text);
    }
  }

  std::string Text(std::string_view name, bool may_be_empty = false) {
    const auto found = values_.find(name);
    if (found == values_.end()) {
      // What may be empty may be absent too: a producer that has no key writes none.
      if (!may_be_empty) {
        Complain(fmt::format("field \"{}\" is missing", name));
      }
      return {};
    }
    if (found->second.empty() && !may_be_empty) {
      Complain(fmt::format("field \"{}\" is empty", name));
    }
    return std::string(found->second);
  }

  template <class Int>
  Int Number(std::string_view name) {
    const std::string text = Text(name);
    Int value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
      Complain(fmt::format("field \"{}\" is no number", name));
    }
    return value;
  }

  const std::string& complaint() const { return complaint_; }

 private:
  void Complain(std::string what) {
    if (complaint_.empty()) {
      complaint_ = std::move(what);
    }
  }
  std::map<std::string_view, std::string_view> values_;
  std::string complaint_;
};

}  // namespace

void AppendStoredFields(const Event& event, std::vector<std::string>& words) {
  words.push_back(event.id);
  words.push_back(event.type);
  words.push_back(std::to_string(event.version));
  words.push_back(event.source);
  words.push_back(event.key);
  words.push_back(event.correlation_id);
  words.push_back(event.cause);
  words.push_back(std::to_string(event.timestamp_ns));
  words.push_back(event.payload);
}

std::vector<std::string> EntryFields(const Event& event) {
  std::vector<std::string> words{"id",       event.id,
                                 "type",     event.type,
                                 "v",        std::to_string(event.version),
                                 "producer", event.producer,
                                 "inc",      event.incarnation,
                                 "seq",      std::to_string(event.sequence),
                                 "source",   event.source,
                                 "key",      event.key,
                                 "cid",      event.correlation_id,
                                 "cause",    event.cause,
                                 "ts",       std::to_string(event.timestamp_ns),
                                 "payload",  event.payload};
  if (!event.only_for.empty()) {
    words.insert(words.end(), {"for", event.only_for});
  }
  return words;
}

const redis::Reply* FindField(const redis::Reply& pairs, std::string_view name) {
  for (size_t i = 0; i + 1 < pairs.elements.size(); i += 2) {
    if (pairs.elements[i].text == name) {
      return &pairs.elements[i + 1];
    }
  }
  return nullptr;
}

Result<std::vector<Event>> ParseEntry(const redis::Reply& reply) {
  const redis::Reply* const bundle = FindField(reply, kBundleField);
  if (bundle == nullptr) {
    QUANTUM_TRY(Event event, ParseEvent(reply));
    return std::vector<Event>{std::move(event)};
  }
  Fields fields(reply);
  const std::string producer = fields.Text("producer");
  const std::string incarnation = fields.Text("inc");
  const auto first = fields.Number<uint64_t>("seq");
  const auto count = fields.Number<size_t>("n");
  if (!fields.complaint().empty()) {
    return Error{Errc::kInvalidArgument, "not a bundle of events: " + fields.complaint()};
  }
  QUANTUM_TRY(const std::string text, Decompress(bundle->text, kBundleTextMax));
  return DecodeBundle(text, producer, incarnation, first, count);
}

Result<Event> ParseEvent(const redis::Reply& reply) {
  Fields fields(reply);
  Event event;
  event.id = fields.Text("id");
  event.type = fields.Text("type");
  event.version = fields.Number<int>("v");
  event.producer = fields.Text("producer");
  event.incarnation = fields.Text("inc");
  event.sequence = fields.Number<uint64_t>("seq");
  event.source = fields.Text("source");
  event.key = fields.Text("key", true);
  event.correlation_id = fields.Text("cid", true);
  event.cause = fields.Text("cause", true);
  event.timestamp_ns = fields.Number<int64_t>("ts");
  event.only_for = fields.Text("for", true);
  event.payload = fields.Text("payload");
  if (!fields.complaint().empty()) {
    return Error{Errc::kInvalidArgument, "not an event: " + fields.complaint()};
  }
  return event;
}

}  // namespace quantum::bus
