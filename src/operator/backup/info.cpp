#include "operator/backup/info.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

namespace quantum::operate {

namespace json = boost::json;

namespace {

WallTime FromSeconds(const json::value& seconds) {
  return WallTime(std::chrono::seconds(seconds.to_number<int64_t>()));
}

int64_t DatabaseOf(const json::object& object) {
  return object.at("database").as_object().at("id").to_number<int64_t>();
}

BackupSet ReadSet(const json::object& object) {
  const json::object& times = object.at("timestamp").as_object();
  const json::object& sizes = object.at("info").as_object();
  const json::value* const error = object.if_contains("error");
  return {.label = json::value_to<std::string>(object.at("label")),
          .type = json::value_to<std::string>(object.at("type")),
          .started = FromSeconds(times.at("start")),
          .ended = FromSeconds(times.at("stop")),
          .database_bytes = sizes.at("size").to_number<int64_t>(),
          .stored_bytes = sizes.at("repository").as_object().at("delta").to_number<int64_t>(),
          .failed_checksums = error != nullptr && error->is_bool() && error->as_bool(),
          .database = DatabaseOf(object)};
}

// 1: there is no stanza; 2: it has no backup yet.
constexpr int64_t kNoStanza = 1;
constexpr int64_t kNoBackup = 2;

constexpr int64_t kSegmentsOfALog = 256;  // 4 GB of 16 MB

bool ReadHex(std::string_view text, uint32_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<RepositoryInfo> ParseInfo(std::string_view text) {
  try {
    RepositoryInfo info;
    // With a wrong key the answer quotes what it could not read.
    std::string clean(text);
    std::replace_if(
        clean.begin(), clean.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, ' ');
    const json::value value = json::parse(clean);
    for (const json::value& each : value.as_array()) {
      const json::object& stanza = each.as_object();
      const json::object& status = stanza.at("status").as_object();
      const int64_t code = status.at("code").to_number<int64_t>();
      info.exists = code != kNoStanza;
      if (code != 0 && code != kNoStanza && code != kNoBackup) {
        info.trouble = json::value_to<std::string>(status.at("message"));
        for (const json::value& repository : stanza.at("repo").as_array()) {
          info.trouble = json::value_to<std::string>(repository.at("status").at("message"));
        }
        info.trouble = info.trouble.substr(0, info.trouble.find('\n'));
      }
      for (const json::value& archive : stanza.at("archive").as_array()) {
        if (const json::value& last = archive.as_object().at("max"); last.is_string()) {
          std::string& known = info.archived[DatabaseOf(archive.as_object())];
          known = std::max(known, json::value_to<std::string>(last));
        }
      }
      if (const json::value* const databases = stanza.if_contains("db"); databases != nullptr) {
        for (const json::value& database : databases->as_array()) {
          info.database = std::max(info.database, database.as_object().at("id").to_number<int64_t>());
        }
      }
      for (const json::value& set : stanza.at("backup").as_array()) {
        info.sets.push_back(ReadSet(set.as_object()));
      }
    }
    return info;
  } catch (const std::exception& exception) {
    return Error{Errc::kInternal, std::string("pgBackRest's answer is not what it should be: ") + exception.what()};
  }
}

int64_t SegmentNumber(std::string_view name) {
  uint32_t log = 0;
  uint32_t segment = 0;
  if (name.size() < 24 || !ReadHex(name.substr(8, 8), log) || !ReadHex(name.substr(16, 8), segment)) {
    return -1;
  }
  return static_cast<int64_t>(log) * kSegmentsOfALog + segment;
}

std::string MissingSegment(const std::string& replayed, const std::string& archived) {
  const int64_t next = SegmentNumber(replayed) + 1;
  return next > SegmentNumber(archived)
             ? ""
             : fmt::format("{}{:08X}{:08X}", archived.substr(0, 8), next / kSegmentsOfALog, next % kSegmentsOfALog);
}

std::set<int64_t> RepositoryInfo::Databases() const {
  std::set<int64_t> all;
  for (const BackupSet& set : sets) {
    all.insert(set.database);
  }
  return all;
}

std::string RepositoryInfo::ArchivedLast(int64_t of) const {
  const auto found = archived.find(of);
  return found == archived.end() ? "" : found->second;
}

const BackupSet* SetFor(const RepositoryInfo& info, int64_t database, std::optional<WallTime> time) {
  const auto found = std::find_if(info.sets.rbegin(), info.sets.rend(), [&](const BackupSet& set) {
    return set.database == database && (!time || set.ended <= *time);
  });
  return found == info.sets.rend() ? nullptr : &*found;
}

}  // namespace quantum::operate
