#include "operator/backup/record.h"

#include <boost/json.hpp>

namespace quantum::operate {

namespace json = boost::json;

namespace {

json::value ToJson(const std::optional<BackupRecord>& record) {
  if (!record) {
    return nullptr;
  }
  return json::object{{"ended", FormatIso8601(record->ended)},
                      {"type", record->type},
                      {"label", record->label},
                      {"error", record->error}};
}

json::value ToJson(const std::optional<TrialRecord>& record) {
  if (!record) {
    return nullptr;
  }
  return json::object{{"ended", FormatIso8601(record->ended)},
                      {"label", record->label},
                      {"recovery_seconds", record->recovery_seconds},
                      {"recovery_point_seconds", record->recovery_point_seconds},
                      {"error", record->error}};
}

std::string Text(const json::object& object, const char* key) { return json::value_to<std::string>(object.at(key)); }

std::optional<BackupRecord> BackupFrom(const json::value& value) {
  if (!value.is_object()) {
    return std::nullopt;
  }
  const json::object& object = value.get_object();
  return BackupRecord{.ended = ParseIso8601(Text(object, "ended")).value(),
                      .type = Text(object, "type"),
                      .label = Text(object, "label"),
                      .error = Text(object, "error")};
}

std::optional<TrialRecord> TrialFrom(const json::value& value) {
  if (!value.is_object()) {
    return std::nullopt;
  }
  const json::object& object = value.get_object();
  return TrialRecord{.ended = ParseIso8601(Text(object, "ended")).value(),
                     .label = Text(object, "label"),
                     .recovery_seconds = object.at("recovery_seconds").to_number<double>(),
                     .recovery_point_seconds = object.at("recovery_point_seconds").to_number<double>(),
                     .error = Text(object, "error")};
}

Status WriteAll(const Layout& layout, const BackupRecords& records) {
  const json::object object{{"last_try", ToJson(records.last_try)},
                            {"last_good", ToJson(records.last_good)},
                            {"first_good", ToJson(records.first_good)},
                            {"last_trial", ToJson(records.last_trial)},
                            {"last_proof", ToJson(records.last_proof)}};
  return WriteFileAtomically(BackupsFile(layout), json::serialize(object) + "\n", 0644);
}

}  // namespace

std::string BackupsFile(const Layout& layout) { return layout.Data() + "/backups.json"; }

BackupRecords ReadBackupRecords(const Layout& layout) {
  const auto text = ReadFile(BackupsFile(layout));
  try {
    const json::object object = text.ok() ? json::parse(*text).as_object() : json::object();
    if (object.empty()) {
      return {};
    }
    return {.last_try = BackupFrom(object.at("last_try")),
            .last_good = BackupFrom(object.at("last_good")),
            .first_good = BackupFrom(object.at("first_good")),
            .last_trial = TrialFrom(object.at("last_trial")),
            .last_proof = TrialFrom(object.at("last_proof"))};
  } catch (const std::exception&) {
    return {};
  }
}

Status Keep(const Layout& layout, const BackupRecord& record) {
  BackupRecords records = ReadBackupRecords(layout);
  records.last_try = record;
  if (record.error.empty()) {
    records.last_good = record;
    records.first_good = records.first_good.value_or(record);
  }
  return WriteAll(layout, records);
}

Status Keep(const Layout& layout, const TrialRecord& record) {
  BackupRecords records = ReadBackupRecords(layout);
  records.last_trial = record;
  records.last_proof = record.error.empty() ? record : records.last_proof;
  return WriteAll(layout, records);
}

}  // namespace quantum::operate
