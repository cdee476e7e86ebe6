#include "services/risk_safety/ess_keeper.h"

#include <boost/json.hpp>
#include <mutex>

#include "platform/log/log.h"
#include "platform/metrics/names.h"

namespace quantum::risk_safety {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

constexpr const char* kItself = "risk-safety";
// Months of changes by conditions; beyond it the history loses its oldest.
constexpr size_t kOwedMax = 1000;

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

// The file: the record, and beside it the changes that Postgres does not have yet (their metrics are not worth it).
std::string FileText(const EssRecord& record, const std::deque<EssMove>& owed) {
  json::object object = json::parse(ToJson(record)).as_object();
  json::array moves;
  for (const EssMove& move : owed) {
    moves.push_back(json::object{{"from", ToString(move.from)}, {"record", json::parse(ToJson(move.record))}});
  }
  object["owed"] = std::move(moves);
  return json::serialize(object);
}

// The changes in a file whose record is good; one that cannot be read is left out.
std::deque<EssMove> ParseOwed(const std::string& text) {
  std::deque<EssMove> owed;
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  const json::value* moves = !error && value.is_object() ? value.get_object().if_contains("owed") : nullptr;
  if (moves == nullptr || !moves->is_array()) {
    return owed;
  }
  for (const json::value& move : moves->get_array()) {
    const json::value* from = move.is_object() ? move.get_object().if_contains("from") : nullptr;
    const json::value* record = move.is_object() ? move.get_object().if_contains("record") : nullptr;
    if (from == nullptr || !from->is_string() || record == nullptr) {
      continue;
    }
    const auto state = ParseEssState(std::string_view(from->get_string()));
    const auto parsed = ParseEssRecord(json::serialize(*record));
    if (state.ok() && parsed.ok()) {
      owed.push_back({.from = *state, .record = *parsed});
    }
  }
  return owed;
}

}  // namespace

EssKeeper::EssKeeper(EssPorts& ports, const Clock& clock, Options options)
    : ports_(ports),
      clock_(clock),
      options_(options),
      stop_(EssRecord{.since = clock.Now()}, options.cooldown,
            options.enabled ? EssState::kArmed : EssState::kDisabled) {}

Status EssKeeper::Restore() {
  KeptRecord kept;
  const auto text = ports_.ReadKept();
  if (!text.ok() || text->has_value()) {
    auto parsed = text.ok() ? ParseEssRecord(**text) : Result<EssRecord>(text.error());
    kept.state = parsed.ok() ? KeptRecord::State::kGood : KeptRecord::State::kDamaged;
    if (parsed.ok()) {
      kept.record = *parsed;
    } else {
      log::Critical("the emergency stop's file is damaged: it counts as a trip until an operator resets it",
                    {{"reason", parsed.error().message}});
    }
  }
  const auto stored = ports_.LoadStored();
  if (!stored.ok() && kept.state == KeptRecord::State::kAbsent) {
    return stored.error().Within("reading the emergency stop's state");
  }
  const Restored restored = ChooseRecord(kept, stored.ok() ? &*stored : nullptr, clock_.Now());
  stop_ = EmergencyStop(restored.record, options_.cooldown, options_.enabled ? EssState::kArmed : EssState::kDisabled);
  owed_.clear();
  if (restored.owed) {
    owed_ = kept.state == KeptRecord::State::kGood ? ParseOwed(**text) : std::deque<EssMove>();
    if (owed_.empty() || owed_.back().record != restored.record) {
      owed_.push_back(
          {.from = stored.ok() && *stored ? (*stored)->state : restored.record.state, .record = restored.record});
    }
  }
  const EssState from = stop_.record().state;
  if (stop_.Settle(clock_.Now())) {
    owed_.push_back({.from = from, .record = stop_.record()});
  }
  if (!owed_.empty() || kept.state == KeptRecord::State::kDamaged) {
    KeepFile();
  }
  if (!stop_.AllowsEntries()) {
    log::Warning("the emergency stop stands as before the restart",
                 {{"state", ToString(stop_.record().state)}, {"reason", stop_.record().reason}});
  }
  return {};
}

Status EssKeeper::Trip(std::string_view reason, std::string_view by, bool by_hand) {
  const EssState from = stop_.record().state;
  if (!stop_.Trip(reason, by, by_hand, clock_.Now())) {
    return Error{Errc::kConflict, "the emergency stop is " + std::string(ToString(from)) + " already"};
  }
  metrics::GetCounter(metrics::kEmergencyStops, {{"reason", ReasonCode(stop_.record().reason)}}).Add();
  log::Critical("emergency stop tripped", {{"reason", reason}, {"by", by}});
  Changed(from, Tell::kYes);
  return {};
}

Status EssKeeper::Reset(std::string_view reason, std::string_view by) {
  const EssState from = stop_.record().state;
  QUANTUM_CHECK(stop_.Reset(reason, by, clock_.Now()));
  log::Warning("emergency stop reset", {{"by", by}, {"reason", reason}});
  Changed(from, Tell::kYes);
  return {};
}

void EssKeeper::Tick(const Judgement& judgement) {
  metrics_ = judgement.metrics;
  if (judgement.holds) {
    if (stop_.record().state != EssState::kTripped) {
      static_cast<void>(Trip(*judgement.holds, kItself, false));  // refused only while DISABLED
    }
    return;
  }
  const EssState from = stop_.record().state;
  if (judgement.complete && stop_.Advance(false, clock_.Now())) {
    log::Warning("emergency stop moved on", {{"from", ToString(from)}, {"to", ToString(stop_.record().state)}});
    Changed(from, stop_.AllowsEntries() ? Tell::kYes : Tell::kNo);
  }
}

// What is known about the change is taken before the first wait: another change may follow while execution is told.
void EssKeeper::Changed(EssState from, Tell tell) {
  if (owed_.size() >= kOwedMax) {
    log::Critical("the emergency stop's history loses a change: Postgres has been away for too many",
                  {{"version", owed_.front().record.version}});
    owed_.pop_front();
  }
  owed_.push_back({.from = from, .record = stop_.record(), .metrics = metrics_});
  if (tell == Tell::kYes) {
    TellExecution();  // act first: execution stops before anything is written down
  }
  KeepFile();
  changed_.Set();
}

void EssKeeper::KeepFile() {
  if (const Status written = ports_.Keep(FileText(stop_.record(), owed_)); !written.ok()) {
    log::Critical("the emergency stop could not be kept on disk", {{"reason", written.error().message}});
  }
}

void EssKeeper::TellExecution() {
  const std::lock_guard lock(telling_);
  const EssRecord record = stop_.record();  // what holds now, not what held when this word was asked for
  const bool halt = !stop_.AllowsEntries();
  const EssOrder order{.halt = halt,
                       .close = halt && options_.close_on_trip,
                       .reason = record.reason,
                       .by = !halt && record.by_hand ? "operator" : "ess",
                       .since = record.since};
  const Status told = ports_.TellExecution(order);
  agreed_ = told.ok();
  if (!told.ok() && halt) {
    // It may be dead, and come back with approvals to carry out before anybody can tell it.
    if (const Status left = ports_.LeaveHalt(order); !left.ok()) {
      log::Critical("the halt could not be left on disk for execution", {{"reason", left.error().message}});
    }
  }
  if (!told.ok()) {
    log::Error("execution did not take the emergency stop; trying again every second",
               {{"halt", halt}, {"reason", told.error().message}});
  }
}

void EssKeeper::Agree() {
  const auto execution = ports_.AskExecution();
  if (!execution.ok()) {
    agreed_ = false;  // a halt that is owed is tried all the same
    if (!stop_.AllowsEntries()) {
      TellExecution();
    }
    return;
  }
  // Judged by the record as it is now: it may have changed while execution answered.
  switch (Compare(stop_.record(), *execution)) {
    case Discord::kNone:
      agreed_ = true;
      return;
    case Discord::kHaltOwed:
    case Discord::kRearmOwed:
      TellExecution();
      return;
    case Discord::kHaltByHand:
    case Discord::kHaltUnknown:
      break;
  }
  const EssState from = stop_.record().state;
  const std::string reason = (execution->by_operator ? "MANUAL: halted at execution: " : "") + execution->reason;
  // A person's trip of ours reached execution in our name; its reason still says whose it was.
  const bool by_hand = execution->by_operator || execution->reason.starts_with("MANUAL");
  if (stop_.Trip(reason, by_hand ? "operator" : kItself, by_hand, clock_.Now())) {
    metrics::GetCounter(metrics::kEmergencyStops, {{"reason", ReasonCode(reason)}}).Add();
    log::Critical("execution is halted and this side did not know: adopted as a trip", {{"reason", reason}});
    Changed(from, Tell::kNo);
  }
}

void EssKeeper::RecordLoop(fiber::Event& stopping) {
  while (!stopping.is_set()) {
    changed_.WaitFor(1s);
    changed_.Reset();
    RecordOwed();
  }
}

// Numbers those that were made without knowing how far the versions have come, in order.
Status EssKeeper::Number() {
  QUANTUM_TRY(const auto stored, ports_.LoadStored());
  int64_t version = stored ? stored->version : 0;
  for (EssMove& move : owed_) {
    move.record.version = ++version;
    move.record.numbered = true;
  }
  stop_.Renumber(version);
  KeepFile();
  return {};
}

void EssKeeper::RecordOwed() {
  const std::lock_guard lock(recording_);
  int renumbered = 0;
  while (!owed_.empty()) {
    const EssMove move = owed_.front();
    Status saved = move.record.numbered ? ports_.Save(move) : Status(Error{Errc::kConflict, "not numbered yet"});
    if (!saved.ok() && saved.error().code == Errc::kConflict && ++renumbered <= 3) {
      saved = Number();
      if (saved.ok()) {
        continue;
      }
    }
    if (!saved.ok()) {
      log::Error("the emergency stop's record waits for Postgres",
                 {{"owed", owed_.size()}, {"reason", saved.error().message}});
      return;
    }
    // The queue may have lost its front meanwhile, when it was full.
    if (!owed_.empty() && owed_.front().record == move.record) {
      owed_.pop_front();
    }
    if (owed_.empty()) {
      KeepFile();
    }
  }
}

std::string EssKeeper::StatusJson() const {
  const EssRecord& record = stop_.record();
  json::object object{{"state", ToString(record.state)},
                      {"reason", record.reason},
                      {"by", record.by},
                      {"by_hand", record.by_hand},
                      {"since", FormatIso8601(record.since)},
                      {"allows_entries", stop_.AllowsEntries()},
                      {"execution_agrees", agreed_},
                      {"recorded", recorded()},
                      {"version", record.version}};
  if (stop_.ExpiresAt() != WallTime{}) {
    object["expires_at"] = FormatIso8601(stop_.ExpiresAt());
  }
  return json::serialize(object);
}

}  // namespace quantum::risk_safety
