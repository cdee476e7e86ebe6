#include "operator/supervisor/record.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>

#include "operator/state/layout.h"

namespace quantum::operate {

namespace json = boost::json;

namespace {

json::object ToObject(const UnitStatus& status) {
  return {{"name", status.name},         {"kind", status.kind},    {"state", ToString(status.state)},
          {"pid", status.pid},           {"port", status.port},    {"since", FormatIso8601(status.since)},
          {"restarts", status.restarts}, {"detail", status.detail}};
}

Result<UnitStatus> FromObject(const json::object& object) {
  try {
    UnitStatus status;
    status.name = json::value_to<std::string>(object.at("name"));
    status.kind = json::value_to<std::string>(object.at("kind"));
    QUANTUM_TRY(status.state, ParseState(json::value_to<std::string>(object.at("state"))));
    status.pid = json::value_to<int>(object.at("pid"));
    status.port = json::value_to<int>(object.at("port"));
    QUANTUM_TRY(status.since, ParseIso8601(json::value_to<std::string>(object.at("since"))));
    status.restarts = json::value_to<int>(object.at("restarts"));
    status.detail = json::value_to<std::string>(object.at("detail"));
    return status;
  } catch (const std::exception& exception) {
    return Error{Errc::kInvalidArgument, fmt::format("not a unit's status: {}", exception.what())};
  }
}

Result<json::object> ParseObject(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) {
    return Error{Errc::kInvalidArgument, "not a JSON object"};
  }
  return std::move(value.as_object());
}

Result<UnitRecord> ReadRecord(const std::string& path) {
  QUANTUM_TRY(const std::string text, ReadFile(path));
  QUANTUM_TRY(const json::object object, ParseObject(text));
  UnitRecord record;
  QUANTUM_TRY(record.status, FromObject(object));
  if (const json::value* process = object.if_contains("process"); process != nullptr && process->is_object()) {
    const json::object& fields = process->as_object();
    try {
      record.process = Identity{.pid = json::value_to<pid_t>(fields.at("pid")),
                                .start_ticks = json::value_to<uint64_t>(fields.at("start_ticks")),
                                .boot_id = json::value_to<std::string>(fields.at("boot_id"))};
    } catch (const std::exception& exception) {
      return Error{Errc::kInvalidArgument, exception.what()};
    }
  }
  return record;
}

}  // namespace

std::string StatusToJson(const UnitStatus& status) { return json::serialize(ToObject(status)); }

Result<UnitStatus> StatusFromJson(std::string_view text) {
  QUANTUM_TRY(const json::object object, ParseObject(text));
  return FromObject(object);
}

Status WriteRecord(const std::string& directory, const UnitRecord& record) {
  json::object object = ToObject(record.status);
  if (record.process) {
    object["process"] = {{"pid", record.process->pid},
                         {"start_ticks", record.process->start_ticks},
                         {"boot_id", record.process->boot_id}};
  }
  return WriteFileAtomically(fmt::format("{}/{}.json", directory, record.status.name), json::serialize(object) + "\n",
                             0600);
}

std::vector<UnitRecord> ReadRecords(const std::string& directory) {
  std::vector<UnitRecord> records;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".json") {
      if (auto record = ReadRecord(entry.path()); record.ok()) {
        records.push_back(std::move(record).value());
      }
    }
  }
  return records;
}

void RemoveRecords(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    std::filesystem::remove(entry.path(), error);
  }
}

}  // namespace quantum::operate
