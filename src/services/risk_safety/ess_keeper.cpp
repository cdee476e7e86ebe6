#include "services/risk_safety/ess_keeper.h"

#include <boost/json.hpp>

#include "platform/base/durable_file.h"
#include "platform/log/log.h"
#include "platform/metrics/names.h"
#include "services/risk_safety/store.h"

namespace quantum::risk_safety {
namespace {

// The part before the colon: a bounded label.
std::string ReasonCode(const std::string& reason) {
  const std::string code = reason.substr(0, reason.find(':'));
  for (const char* known :
       {"DAILY_DRAWDOWN", "OPEN_LOSS", "EXECUTION_ERRORS", "STALE_MARKET_DATA", "UNPROTECTED_POSITION"}) {
    if (code == known) {
      return code;
    }
  }
  return "MANUAL";
}

}  // namespace

EssKeeper::EssKeeper(lifecycle::Service& service, Duration cooldown, bool close_on_trip)
    : service_(service),
      cooldown_(cooldown),
      close_on_trip_(close_on_trip),
      file_(service.manifest().state_directory() + "/data/risk-safety/ess.json"),
      stop_(std::make_unique<EmergencyStop>(EssRecord{.since = service.clock().Now()}, cooldown)) {}

Status EssKeeper::Restore() {
  EssRecord record = stop_->record();
  bool known = false;
  if (const auto text = ReadFile(file_); text.ok()) {
    auto parsed = ParseEssRecord(*text);
    if (!parsed.ok()) {
      // A damaged record says nothing about a trip: fail closed.
      log::Critical("the emergency stop's file is damaged: tripped until an operator resets it", {{"file", file_}});
      record = {.state = EssState::kTripped, .reason = "MANUAL: damaged record", .by = "risk-safety", .by_hand = true,
                .since = service_.clock().Now(), .version = 1};
    } else {
      record = *parsed;
    }
    known = true;
  }
  auto stored = LoadEss(service_.postgres());
  if (!stored.ok() && !known) {
    return stored.error().Within("reading the emergency stop's state");
  }
  if (stored.ok() && stored->has_value() && (*stored)->version >= record.version) {
    record = **stored;
  } else if (stored.ok() && known) {
    record_owed_ = true;
    owed_from_ = record.state;
  }
  stop_ = std::make_unique<EmergencyStop>(record, cooldown_);
  if (!stop_->AllowsEntries()) {
    tell_owed_ = true;
    log::Warning("the emergency stop stands as before the restart",
                 {{"state", ToString(record.state)}, {"reason", record.reason}});
  }
  return {};
}

Status EssKeeper::Trip(std::string_view reason, std::string_view by, bool by_hand) {
  const EssState from = stop_->record().state;
  if (!stop_->Trip(reason, by, by_hand, service_.clock().Now())) {
    return Error{Errc::kConflict, "the emergency stop is " + std::string(ToString(from)) + " already"};
  }
  metrics::GetCounter(metrics::kEmergencyStops, {{"reason", ReasonCode(stop_->record().reason)}}).Add();
  log::Critical("emergency stop tripped", {{"reason", reason}, {"by", by}});
  Changed(from);
  return {};
}

Status EssKeeper::Reset(std::string_view by) {
  const EssState from = stop_->record().state;
  QUANTUM_CHECK(stop_->Reset(by, service_.clock().Now()));
  log::Warning("emergency stop reset", {{"by", by}});
  Changed(from);
  return {};
}

void EssKeeper::Tick(const std::optional<std::string>& condition) {
  const EssState from = stop_->record().state;
  if (condition && stop_->AllowsEntries()) {
    if (const Status tripped = Trip(*condition, "risk-safety", false); tripped.ok()) {
      return;
    }
  }
  if (stop_->Advance(condition.has_value(), service_.clock().Now())) {
    log::Warning("emergency stop moved on", {{"from", ToString(from)}, {"to", ToString(stop_->record().state)}});
    Changed(from);
    return;
  }
  if (tell_owed_) {
    TellExecution();
  }
  RecordOwed();
}

void EssKeeper::Changed(EssState from) {
  // Act first: execution stops before anything is written down.
  TellExecution();
  if (const Status written = WriteFileDurably(file_, ToJson(stop_->record())); !written.ok()) {
    log::Critical("the emergency stop could not be kept on disk", {{"reason", written.error().message}});
  }
  if (!record_owed_) {
    owed_from_ = from;
  }
  record_owed_ = true;
  RecordOwed();
}

void EssKeeper::TellExecution() {
  const bool halt = !stop_->AllowsEntries();
  const std::string url = "http://127.0.0.1:" + std::to_string(service_.manifest().Port("execution")) +
                          (halt ? "/api/execution/halt" : "/api/execution/rearm");
  const bool close = halt && close_on_trip_;
  const auto answer = service_.http_client().Send(
      {.method = "POST",
       .url = url,
       .headers = service_.ServiceHeaders(),
       .body = boost::json::serialize(boost::json::object{{"reason", stop_->record().reason}, {"close", close}}),
       .timeout = std::chrono::seconds(2),
       .idempotent = true});
  tell_owed_ = !answer.ok() || answer->status >= 300;
  if (tell_owed_) {
    log::Error("execution did not take the emergency stop; trying again every second",
               {{"reason", answer.ok() ? "status " + std::to_string(answer->status) : answer.error().message}});
  }
}

void EssKeeper::RecordOwed() {
  if (!record_owed_) {
    return;
  }
  if (const Status saved = SaveEss(service_.postgres(), service_.bus(), stop_->record(), owed_from_); saved.ok()) {
    record_owed_ = false;
  } else {
    log::Error("the emergency stop's record waits for Postgres", {{"reason", saved.error().message}});
  }
}

std::string EssKeeper::StatusJson() const {
  const EssRecord& record = stop_->record();
  boost::json::object object{{"state", ToString(record.state)},
                             {"reason", record.reason},
                             {"by", record.by},
                             {"by_hand", record.by_hand},
                             {"since", FormatIso8601(record.since)},
                             {"allows_entries", stop_->AllowsEntries()},
                             {"recorded", !record_owed_}};
  if (stop_->ExpiresAt() != WallTime{}) {
    object["expires_at"] = FormatIso8601(stop_->ExpiresAt());
  }
  return boost::json::serialize(object);
}

}  // namespace quantum::risk_safety
