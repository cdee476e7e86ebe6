#include "trading/halt/halt_flag.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "platform/base/durable_file.h"

namespace quantum::trading {
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

Status WriteHaltIfAbsent(const std::string& path, const HaltRecord& record) {
  if (::access(path.c_str(), F_OK) == 0) {
    return {};
  }
  // Under a name of its own, then linked: a link, unlike a rename, never replaces another's halt.
  const std::string own = path + "." + record.by;
  QUANTUM_CHECK(WriteFileDurably(own, Encode(record)));
  const int error = ::link(own.c_str(), path.c_str()) == 0 ? 0 : errno;
  ::unlink(own.c_str());
  if (error != 0 && error != EEXIST) {
    return Error{Errc::kInternal, "writing " + path + ": " + std::strerror(error)};
  }
  return SyncDirectory(std::filesystem::path(path).parent_path().string());
}

void HaltFlag::Merge(HaltRecord record) {
  if (record.reason.empty()) {
    record.reason = "no reason given";
  }
  record.asked = std::max(record.newest(), record_ ? record_->newest() : WallTime{});
  if (!record_) {
    record_ = std::move(record);
    return;
  }
  const bool close = record_->close || record.close;
  const bool beneath = record_->by == kHaltedByOperator && record.by == kHaltedByEss;
  if (record_->by == record.by) {
    record.since = record_->since;  // asked again: it stands since the first time
  }
  const WallTime asked = record.asked;
  if (!beneath) {
    record_ = std::move(record);
  }
  record_->asked = asked;
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
  const std::string text = Encode(*record_);
  QUANTUM_CHECK(WriteFileDurably(path_, text));
  seen_ = VersionHolding(text);
  return {};
}

std::optional<HaltFlag::Version> HaltFlag::VersionHolding(const std::string& text) const {
  const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return std::nullopt;
  }
  struct stat found {};
  std::string held(text.size() + 1, '\0');
  const bool known = ::fstat(file, &found) == 0;
  const ssize_t got = ::read(file, held.data(), held.size());
  ::close(file);
  const bool same = got == static_cast<ssize_t>(text.size()) && held.compare(0, text.size(), text) == 0;
  return known && same ? std::optional(VersionOf(found)) : std::nullopt;
}

Status HaltFlag::Clear(std::string_view by, WallTime now, std::optional<WallTime> until) {
  Look(now);
  if (record_ && record_->by == kHaltedByOperator && by == kHaltedByEss) {
    return Error{Errc::kConflict,
                 "still halted: the operator halted (" + record_->reason + "), and only the operator rearms"};
  }
  if (record_ && until && ToUnixMs(record_->newest()) > ToUnixMs(*until)) {
    return Error{Errc::kConflict, "still halted: asked to halt at " + FormatIso8601(record_->newest()) +
                                      ", after what is rearmed here (" + FormatIso8601(*until) + ")"};
  }
  // Not synced: a power loss that undoes the removal halts once more, which is the safe side.
  if (::unlink(path_.c_str()) != 0 && errno != ENOENT) {
    return Error{Errc::kInternal, "still halted: cannot remove " + path_ + ": " + std::strerror(errno)};
  }
  seen_.reset();
  record_.reset();
  return {};
}

}  // namespace quantum::trading
