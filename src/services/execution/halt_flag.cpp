#include "services/execution/halt_flag.h"

#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>

#include "platform/base/durable_file.h"

namespace quantum::execution {
namespace {

namespace json = boost::json;

HaltRecord Parse(const std::string& text, const std::string& path, WallTime now) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  HaltRecord record{
      .reason = "the halt file " + path + " cannot be understood; rearm removes it", .close = false, .since = now};
  if (error || !value.is_object()) {
    return record;
  }
  const json::object& object = value.get_object();
  if (const json::value* reason = object.if_contains("reason"); reason != nullptr && reason->is_string()) {
    record.reason = std::string(reason->get_string());
  }
  const json::value* close = object.if_contains("close");
  record.close = close != nullptr && close->is_bool() && close->get_bool();
  if (const json::value* since = object.if_contains("since"); since != nullptr && since->is_string()) {
    const auto parsed = ParseIso8601(std::string_view(since->get_string()));
    record.since = parsed.ok() ? *parsed : now;
  }
  return record;
}

}  // namespace

void HaltFlag::Load(WallTime now) {
  const Result<std::string> text = ReadFile(path_);
  if (!text.ok() && ::access(path_.c_str(), F_OK) != 0 && errno == ENOENT) {
    return;
  }
  record_ = Parse(text.ok() ? *text : std::string(), path_, now);
}

Status HaltFlag::Set(HaltRecord record) {
  if (record.reason.empty()) {
    record.reason = "no reason given";
  }
  record_ = record;
  const json::object object{{"reason", record.reason}, {"close", record.close}, {"since", FormatIso8601(record.since)}};
  return WriteFileDurably(path_, json::serialize(object) + "\n");
}

Status HaltFlag::Clear() {
  // Not synced: a power loss that undoes the removal halts once more, which is the safe side.
  if (::unlink(path_.c_str()) != 0 && errno != ENOENT) {
    return Error{Errc::kInternal, "still halted: cannot remove " + path_ + ": " + std::strerror(errno)};
  }
  record_.reset();
  return {};
}

}  // namespace quantum::execution
