#include "operator/chaos/record.h"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>

namespace quantum::operate::chaos {

namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 7> kNames{"started",   "ok",      "failed", "unknown",
                                                 "delivered", "applied", "stored"};

Error Wrong(std::string_view line, std::string_view what) {
  return {Errc::kInvalidArgument, fmt::format("not a record of a history ({}): {}", what, line.substr(0, 200))};
}

}  // namespace

std::string ToLine(const Record& record) {
  std::string line = fmt::format(R"({{"t":{},"k":"{}","p":"{}","n":{})", record.at_ns,
                                 kNames.at(static_cast<size_t>(record.kind)), record.producer, record.operation);
  const auto add = [&line](std::string_view name, const std::string& value) {
    if (!value.empty()) {
      line += fmt::format(R"(,"{}":"{}")", name, value);
    }
  };
  add("g", record.group);
  add("s", record.stream);
  add("key", record.key);
  return line + "}\n";
}

Result<Record> ParseLine(std::string_view line) {
  boost::system::error_code error;
  const json::value parsed = json::parse(line, error);
  const json::object* const object = error ? nullptr : parsed.if_object();
  if (object == nullptr) {
    return Wrong(line, "no JSON object");
  }
  const auto text = [object](std::string_view name) -> std::string {
    const json::value* const value = object->if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
  };
  const auto number = [object](std::string_view name) -> int64_t {
    const json::value* const value = object->if_contains(name);
    return value != nullptr && value->is_int64() ? value->get_int64() : -1;
  };
  Record record;
  const auto* const kind = std::find(kNames.begin(), kNames.end(), text("k"));
  if (kind == kNames.end()) {
    return Wrong(line, "unknown kind");
  }
  record.kind = static_cast<Record::Kind>(kind - kNames.begin());
  record.at_ns = number("t");
  record.producer = text("p");
  if (record.at_ns < 0 || number("n") < 1 || record.producer.empty()) {
    return Wrong(line, "without time, producer or operation");
  }
  record.operation = static_cast<uint64_t>(number("n"));
  record.group = text("g");
  record.stream = text("s");
  record.key = text("key");
  const bool by_group = record.kind == Record::Kind::kDelivered || record.kind == Record::Kind::kApplied;
  if (by_group && record.group.empty()) {
    return Wrong(line, "without its group");
  }
  return record;
}

}  // namespace quantum::operate::chaos
