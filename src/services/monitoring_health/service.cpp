#include "services/monitoring_health/service.h"

#include <boost/json.hpp>

#include "platform/base/correlation.h"
#include "platform/base/durable_file.h"
#include "platform/base/id.h"
#include "platform/lifecycle/bus_health.h"
#include "platform/log/log.h"
#include "platform/metrics/names.h"
#include "services/monitoring_health/topic_alerts.h"
#include "trading/bus/registry.h"
#include "trading/events.h"

namespace quantum::monitoring_health {

namespace event = trading::event;
namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kAlertsKey = "quantum:monitoring:{alerts}";
constexpr std::string_view kEssAlert = "ess_tripped";

// Of a file that need not be there.
std::string TextOf(const std::string& path) {
  auto text = ReadFile(path);
  return text.ok() ? *std::move(text) : std::string();
}

json::object ToJson(const Alert& alert) {
  json::object object{{"key", alert.key},
                      {"severity", ToString(alert.severity)},
                      {"summary", alert.summary},
                      {"since", FormatIso8601(alert.since)}};
  if (alert.cleared) {
    object["cleared_at"] = FormatIso8601(*alert.cleared);
    object["duration_seconds"] = std::chrono::duration_cast<std::chrono::seconds>(*alert.cleared - alert.since).count();
  }
  return object;
}

}  // namespace

Status MonitoringHealth::Configure() {
  config::Section section = service_.manifest().Service("monitoring-health");
  interval_ = section.GetDuration("interval", interval_, 100ms, 5min);
  probe_options_.deadline = section.GetDuration("deadline", probe_options_.deadline, 100ms, 30s);
  probe_options_.service_deadline =
      section.GetDuration("service_deadline", probe_options_.service_deadline, 100ms, 30s);
  probe_options_.slow = section.GetDuration("slow", probe_options_.slow, 1ms, 30s);
  startup_grace_ = section.GetDuration("startup_grace", startup_grace_, 0s, 10min);
  trace_deadline_ = section.GetDuration("trace_deadline", trace_deadline_, 100ms, 30s);
  AlertBook::Limits limits;
  limits.raise_after = static_cast<int>(section.GetInt("raise_after", limits.raise_after, 1, 100));
  limits.clear_after = static_cast<int>(section.GetInt("clear_after", limits.clear_after, 1, 100));
  objectives_.recovery_max = section.GetDuration("recovery_time_max", objectives_.recovery_max, 1s, 24h);
  objectives_.recovery_point_max = section.GetDuration("recovery_point_max", objectives_.recovery_point_max, 1s, 24h);
  objectives_.age_max = section.GetDuration("proof_age_max", objectives_.age_max, 1min, 24h * 30);
  essential_ = section.GetStrings(
      "essential", {"paper-exchange", "marketdata", "ai-engine", "risk-safety", "execution", "haproxy", "pgbouncer"});
  QUANTUM_CHECK(section.Finish());
  alerts_ = AlertBook(limits);
  prober_ = std::make_unique<UnitProber>(service_, probe_options_);
  AddSubscriptions();
  AddRoutes();
  AddPages();
  return {};
}

Status MonitoringHealth::Start() {
  QUANTUM_TRY(const redis::Reply kept, service_.redis().Run({"GET", std::string(kAlertsKey)}));
  if (!kept.is_nil()) {
    kept_alerts_ = kept.text;
    if (const Status restored = alerts_.Restore(kept.text); !restored.ok()) {
      log::Warning("alerts of the life before could not be restored", {{"reason", restored.error().message}});
    }
  }
  started_ = service_.clock().Steady();
  service_.loop().Spawn([this] { KeepPublishing(); });
  service_.loop().Spawn([this] { KeepWatching(); });
  return {};
}

void MonitoringHealth::Drain() { live_->Close(); }

void MonitoringHealth::AddSubscriptions() {
  const std::string group = service_.spec().name;
  const auto subscribe = [&](std::string_view type, auto apply) {
    service_.bus().Subscribe(
        {.group = group, .types = {std::string(type)}, .handler = [this, apply](const bus::Event& e) -> Status {
           QUANTUM_TRY(const auto change, event::ParseEssChange(e.payload));
           Note(apply(change));
           KeepAlerts();
           return {};
         }});
  };
  subscribe(event::kEssTripped, [this](const event::EssChange& change) {
    return alerts_.Raise(kEssAlert, Severity::kCritical, "the emergency stop is tripped: " + change.reason,
                         service_.clock().Now());
  });
  subscribe(event::kEssRearmed,
            [this](const event::EssChange&) { return alerts_.Clear(kEssAlert, service_.clock().Now()); });
}

void MonitoringHealth::KeepWatching() {
  for (;;) {
    const SteadyTime next = service_.clock().Steady() + interval_;
    {
      const CorrelationScope scope(NewUuid(service_.clock(), service_.random()));
      Watch();
    }
    if (service_.stopping().WaitFor(std::max<Duration>(next - service_.clock().Steady(), 10ms))) {
      return;
    }
  }
}

void MonitoringHealth::Watch() {
  UnitProber::Round round = prober_->Ask();
  if (service_.draining()) {
    return;  // what is found while everything stops is no outage
  }
  if (!service_.paused()) {
    Judge(round);
    JudgeFiles();
    KeepAlerts();
  }
  for (const UnitReport& unit : round.units) {
    metrics::GetGauge(metrics::kServiceHealth, {{"component", ComponentOf(unit.name, unit.kind)}})
        .Set(lifecycle::ToGauge(unit.status));
  }
  report_ = SystemReport{.status = Aggregate(round.units, essential_),
                         .checked_at = service_.clock().Now(),
                         .mode = std::string(config::ToString(service_.manifest().mode())),
                         .market = std::move(round.market),
                         .units = std::move(round.units)};
  ++rounds_;
  live_->Push("{\"system\":" + monitoring_health::ToJson(*report_) + ",\"alerts\":" + AlertsJson() + "}");
  // A snapshot is worth only its newness: none is kept for a broker that is away.
  if (!service_.paused() && service_.bus().health().connected) {
    Queue(event::kHealthSnapshot, "system", SnapshotPayload(*report_));
  }
}

void MonitoringHealth::Judge(const UnitProber::Round& round) {
  const WallTime now = service_.clock().Now();
  for (const UnitReport& unit : round.units) {
    if (unit.name == service_.spec().unit) {
      continue;  // who raises an alert is not down; the supervisor and Prometheus watch this one
    }
    const bool down = unit.status == HealthStatus::kDown;
    if (!down) {
      seen_up_.insert(unit.name);
    } else if (seen_up_.count(unit.name) == 0 && service_.clock().Steady() - started_ < startup_grace_) {
      continue;
    }
    Note(alerts_.Observe(unit.kind + "_down:" + unit.name, down ? Finding::kBad : Finding::kGood, Severity::kCritical,
                         unit.name + " is down: " + unit.error, now));
    const auto verdict = round.services.find(unit.name);
    JudgeDegraded(unit, verdict == round.services.end() ? nullptr : &verdict->second);
  }
  // Beside the events: what risk-safety says itself settles what an event could not, such as one that was lost to the
  // dead letters.
  const auto risk = round.services.find("risk-safety");
  const auto ess = risk == round.services.end() ? std::nullopt : MetricOf(risk->second, "ess");
  if (ess) {
    const bool disabled = *ess == "DISABLED";
    Note(alerts_.Observe(kEssAlert, disabled || *ess == "ARMED" ? Finding::kGood : Finding::kBad, Severity::kCritical,
                         "the emergency stop is " + *ess, now));
    Note(alerts_.Observe("ess_disabled", disabled ? Finding::kBad : Finding::kGood, Severity::kWarning,
                         "the emergency stop is disabled: nothing would stop a run of losses", now));
  }
}

// What the operator's program leaves in data/: of backups, and of tasks that run by the clock.
void MonitoringHealth::JudgeFiles() {
  const std::string data = service_.manifest().state_directory() + "/data/";
  const WallTime now = service_.clock().Now();
  std::vector<Standing> standings;
  if (service_.manifest().FindUnit("backup-full") != nullptr) {
    const BackupFacts facts = ReadBackupFacts(TextOf(data + "backups.json"));
    standings = JudgeBackups(facts, now, objectives_);
    const auto unix_seconds = [](const std::optional<WallTime>& time) {
      return time ? static_cast<double>(ToUnixMs(*time)) / 1000 : 0;
    };
    metrics::GetGauge(metrics::kBackupTime).Set(unix_seconds(facts.last_good));
    metrics::GetGauge(metrics::kProofTime).Set(unix_seconds(facts.last_proof));
    metrics::GetGauge(metrics::kRecoverySeconds).Set(facts.recovery_seconds);
    metrics::GetGauge(metrics::kRecoveryPointSeconds).Set(facts.recovery_point_seconds);
  }
  const std::vector<Standing> tasks = JudgeTasks(TextOf(data + "schedule.json"));
  standings.insert(standings.end(), tasks.begin(), tasks.end());
  for (const Standing& standing : standings) {
    Note(alerts_.Observe(standing.key, standing.bad ? Finding::kBad : Finding::kGood, standing.severity,
                         standing.summary, now));
  }
}

// A key for each topic that a service names, and one for what is of no topic: a slow answer or dependency.
void MonitoringHealth::JudgeDegraded(const UnitReport& unit, const Verdict* verdict) {
  const WallTime now = service_.clock().Now();
  const std::string key = unit.kind + "_degraded:" + unit.name;
  if (unit.status == HealthStatus::kDown) {
    JudgeOutboxOfOneThatIsDown(unit, verdict);
    return;  // unknown: it would say nothing
  }
  const bool degraded = unit.status == HealthStatus::kDegraded;
  const bool has_topics = degraded && verdict != nullptr && !verdict->degraded.empty();
  const bool beside = degraded && (!has_topics || !verdict->beside_topics.empty());
  const std::string& reason = has_topics ? verdict->beside_topics : unit.error;
  Note(alerts_.Observe(key, beside ? Finding::kBad : Finding::kGood, Severity::kWarning,
                       unit.name + " is degraded: " + reason, now));
  std::set<std::string> named;
  if (has_topics) {
    for (const TopicAlert& alert : TopicAlerts(unit.name, verdict->degraded)) {
      named.insert(alert.key);
      Note(alerts_.Observe(alert.key, Finding::kBad, alert.severity, alert.summary, now));
    }
  }
  for (const std::string& tracked : alerts_.Tracked(TopicPrefix(unit.name))) {
    if (named.count(tracked) == 0) {
      Note(alerts_.Observe(tracked, Finding::kGood, Severity::kWarning, "", now));
    }
  }
}

// Without the broker a service is DOWN, and its outbox waits: how long and why is more than that.
void MonitoringHealth::JudgeOutboxOfOneThatIsDown(const UnitReport& unit, const Verdict* verdict) {
  if (verdict == nullptr) {
    return;
  }
  const auto outbox = verdict->degraded.find(lifecycle::kOutboxTopic);
  if (outbox == verdict->degraded.end()) {
    return;
  }
  for (const TopicAlert& alert : TopicAlerts(unit.name, {*outbox})) {
    Note(alerts_.Observe(alert.key, Finding::kBad, alert.severity, alert.summary, service_.clock().Now()));
  }
}

void MonitoringHealth::Note(const std::optional<Change>& change) {
  if (!change) {
    return;
  }
  const bool raised = change->kind == Change::Kind::kRaised;
  const Alert& alert = change->alert;
  log::Write(
      raised ? (alert.severity == Severity::kCritical ? log::Level::kError : log::Level::kWarning) : log::Level::kInfo,
      raised ? "alert raised" : "alert cleared", {{"key", alert.key}, {"summary", alert.summary}});
  Queue(raised ? event::kHealthAlertRaised : event::kHealthAlertCleared, alert.key, json::serialize(ToJson(alert)));
}

void MonitoringHealth::KeepAlerts() {
  std::string text = alerts_.Save();
  if (text != kept_alerts_ &&
      service_.redis().Run({"SET", std::string(kAlertsKey), text}, 500ms).ok()) {  // else the next round tries again
    kept_alerts_ = std::move(text);
  }
}

void MonitoringHealth::Queue(std::string_view type, std::string key, std::string payload) {
  if (!to_publish_.TryPush(event::Make(type, std::move(key), std::move(payload)))) {
    log::Error("too many events wait to be published; this one is dropped", {{"type", type}});
  }
}

void MonitoringHealth::KeepPublishing() {
  while (!service_.stopping().is_set() || to_publish_.size() > 0) {
    std::optional<bus::Event> next = to_publish_.PopFor(500ms);
    if (!next) {
      continue;
    }
    const std::string type = next->type;
    const CorrelationScope scope(NewUuid(service_.clock(), service_.random()));
    if (const auto published = service_.bus().Publish(*std::move(next), {.timeout = 2s}); !published.ok()) {
      log::Warning("a health event is not with the broker yet",
                   {{"type", type}, {"reason", published.error().message}});
    }
  }
}

std::string MonitoringHealth::AlertsJson() const {
  json::array items;
  for (const Alert& alert : alerts_.Active()) {
    items.push_back(ToJson(alert));
  }
  json::array cleared;
  for (const Alert& alert : alerts_.recently_cleared()) {
    cleared.push_back(ToJson(alert));
  }
  return json::serialize(json::object{{"items", std::move(items)}, {"recently_cleared", std::move(cleared)}});
}

std::string MonitoringHealth::HealthMetrics() {
  return json::serialize(json::object{
      {"rounds", rounds_}, {"alerts_active", alerts_.Active().size()}, {"live_readers", live_->sessions()}});
}

}  // namespace quantum::monitoring_health
