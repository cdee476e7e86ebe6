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
  HaltRecord record;
  record.reason = "the halt file " + path + " cannot be understood; rearm removes it";
  record.since = now;
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
  if (const json::value* by = object.if_contains("by");
      by != nullptr && by->is_string() && by->get_string() == kHaltedByEss) {
    record.by = std::string(kHaltedByEss);
  }
  return record;
}

std::string Encode(const HaltRecord& record) {
  return json::serialize(json::object{{"reason", record.reason},
                                      {"close", record.close},
                                      {"since", FormatIso8601(record.since)},
                                      {"by", record.by}}) +
         "\n";
}

}  // namespace

void HaltFlag::Merge(HaltRecord record) {
  if (record.reason.empty()) {
    record.reason = "no reason given";
  }
  if (!record_) {
    record_ = std::move(record);
    return;
  }
  const bool close = record_->close || record.close;
  const bool beneath = record_->by == kHaltedByOperator && record.by == kHaltedByEss;
  if (record_->by == record.by) {
    record.since = record_->since;  // asked again: it stands since the first time
  }
  if (!beneath) {
    record_ = std::move(record);
  }
  record_->close = close;
}

bool HaltFlag::Look(WallTime now) {
  struct stat file {};
  if (::stat(path_.c_str(), &file) != 0) {
    if (errno == ENOENT) {
      seen_.reset();
      return false;
    }
    file = {};  // it cannot be looked at: that halts, and is read again as soon as it can
  }
  const Version version = VersionOf(file);
  if (seen_ == version) {
    return false;
  }
  seen_ = version;
  const Result<std::string> text = ReadFile(path_);
  Merge(Parse(text.ok() ? *text : std::string(), path_, now));
  return true;
}

Status HaltFlag::Set(HaltRecord record, WallTime now) {
  Look(now);
  Merge(std::move(record));
  QUANTUM_CHECK(WriteFileDurably(path_, Encode(*record_)));
  struct stat file {};
  if (::stat(path_.c_str(), &file) == 0) {
    seen_ = VersionOf(file);
  }
  return {};
}

Status HaltFlag::Clear(std::string_view by, WallTime now) {
  Look(now);
  if (record_ && record_->by == kHaltedByOperator && by == kHaltedByEss) {
    return Error{Errc::kConflict,
                 "still halted: the operator halted (" + record_->reason + "), and only the operator rearms"};
  }
  // Not synced: a power loss that undoes the removal halts once more, which is the safe side.
  if (::unlink(path_.c_str()) != 0 && errno != ENOENT) {
    return Error{Errc::kInternal, "still halted: cannot remove " + path_ + ": " + std::strerror(errno)};
  }
  seen_.reset();
  record_.reset();
  return {};
}

}  // namespace quantum::execution
