#include "operator/supervisor/record.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>

#include "operator/state/layout.h"

namespace quantum::operate {

namespace json = boost::json;

namespace {

json::object ToObject(const TaskRun& run) {
  return {{"started", FormatIso8601(run.started)},
          {"ended", FormatIso8601(run.ended)},
          {"ok", run.ok},
          {"detail", run.detail}};
}

Result<TaskRun> RunFromObject(const json::object& object) {
  TaskRun run;
  QUANTUM_TRY(run.started, ParseIso8601(json::value_to<std::string>(object.at("started"))));
  QUANTUM_TRY(run.ended, ParseIso8601(json::value_to<std::string>(object.at("ended"))));
  run.ok = json::value_to<bool>(object.at("ok"));
  run.detail = json::value_to<std::string>(object.at("detail"));
  return run;
}

json::object ToObject(const UnitStatus& status) {
  json::object object{{"name", status.name},         {"kind", status.kind},    {"state", ToString(status.state)},
                      {"pid", status.pid},           {"port", status.port},    {"since", FormatIso8601(status.since)},
                      {"restarts", status.restarts}, {"detail", status.detail}};
  if (!status.schedule.empty()) {
    object["schedule"] = status.schedule;
    object["next_run"] = status.next_run ? json::value(FormatIso8601(*status.next_run)) : json::value();
    object["last_run"] = status.last_run ? json::value(ToObject(*status.last_run)) : json::value();
  }
  return object;
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
    if (const json::value* schedule = object.if_contains("schedule")) {
      status.schedule = json::value_to<std::string>(*schedule);
      if (const json::value& next = object.at("next_run"); !next.is_null()) {
        QUANTUM_TRY(status.next_run, ParseIso8601(json::value_to<std::string>(next)));
      }
      if (const json::value& last = object.at("last_run"); !last.is_null()) {
        QUANTUM_TRY(status.last_run, RunFromObject(last.as_object()));
      }
    }
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

std::vector<UnitRecord> LivingRecords(const std::string& directory) {
  std::vector<UnitRecord> living = ReadRecords(directory);
  std::erase_if(living, [](const UnitRecord& record) { return !record.process || !IsAlive(*record.process); });
  return living;
}

void RemoveRecords(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    std::filesystem::remove(entry.path(), error);
  }
}

Status WriteRuns(const std::string& path, const std::map<std::string, TaskRun>& runs) {
  json::object object;
  for (const auto& [task, run] : runs) {
    object[task] = ToObject(run);
  }
  return WriteFileAtomically(path, json::serialize(object) + "\n", 0644);
}

std::map<std::string, TaskRun> ReadRuns(const std::string& path) {
  std::map<std::string, TaskRun> runs;
  const auto text = ReadFile(path);
  const auto object = text.ok() ? ParseObject(text.value()) : Result<json::object>(text.error());
  if (object.ok()) {
    for (const auto& [task, value] : object.value()) {
      try {
        if (auto run = RunFromObject(value.as_object()); run.ok()) {
          runs[task] = std::move(run).value();
        }
      } catch (const std::exception&) {
        continue;  // damaged: as if it had never run
      }
    }
  }
  return runs;
}

}  // namespace quantum::operate
