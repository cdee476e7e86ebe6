#include "platform/bus/janitor.h"

#include <charconv>
#include <utility>

#include "platform/bus/codec.h"
#include "platform/log/log.h"
#include "platform/metrics/names.h"

namespace quantum::bus {

namespace {

using namespace std::chrono_literals;

constexpr Duration kMeasure = 2s;
constexpr Duration kTrim = 10s;
constexpr Duration kForget = 10min;
constexpr Duration kAnswerMax = 2s;
constexpr Duration kKeepRead = 1h;
constexpr const char* kQuotaField = "!quota";     // as in bus.lua
constexpr const char* kForgetSeconds = "604800";  // seven days, as the inbox

// Of a field of INFO; 0 where it is not there.
int64_t NumberIn(std::string_view info, std::string_view field) {
  const std::string name = "\n" + std::string(field) + ":";
  const size_t at = info.find(name);
  int64_t number = 0;
  if (at != std::string_view::npos) {
    std::from_chars(info.data() + at + name.size(), info.data() + info.size(), number);
  }
  return number;
}

}  // namespace

void Janitor::Run() {
  SteadyTime trimmed = context_.clock.Steady();
  SteadyTime forgotten = trimmed;
  while (!stop_.WaitFor(kMeasure)) {
    Measure();
    HoldToQuotas();
    const SteadyTime now = context_.clock.Steady();
    if (now - trimmed >= kTrim) {
      trimmed = now;
      for (const std::string& family : families_) {
        Trim(family, kKeepRead);
      }
      for (const auto& [family, group] : watched_) {
        DropConsumersThatAreGone(family, group);
      }
    }
    if (now - forgotten >= kForget) {
      forgotten = now;
      Forget();
    }
  }
}

void Janitor::Measure() {
  const Bus::Health health = health_();
  const metrics::Labels outbox{{"queue_name", context_.options.producer}};
  metrics::GetGauge(metrics::kOutboxPending, outbox).Set(static_cast<double>(health.outbox_pending));
  metrics::GetGauge(metrics::kOutboxOldest, outbox).Set(std::chrono::duration<double>(health.oldest_waiting).count());
  for (const Bus::Reader& reader : health.readers) {
    metrics::GetGauge(metrics::kReaderActive, {{"queue_name", reader.family + "/" + reader.group}})
        .Set(reader.active ? 1 : 0);
  }
  for (const auto& [family, group] : watched_) {
    if (stop_.is_set()) {
      return;
    }
    const auto lag = context_.redis.Run({"FCALL", "quantum_bus_4_lag", "1", StreamKey(family), group}, kAnswerMax);
    // Nil while the broker cannot know it; the last value stays.
    if (lag && !lag->is_nil()) {
      metrics::GetGauge(metrics::kQueueLag, {{"queue_name", family + "/" + group.substr(group.rfind(':') + 1)}})
          .Set(static_cast<double>(lag->integer));
    }
  }
}

void Janitor::HoldToQuotas() {
  const auto info = context_.redis.Run({"INFO", "memory"}, kAnswerMax);
  if (!info) {
    return;
  }
  const int64_t bytes_max = NumberIn(info->text, "maxmemory");
  const int64_t bytes = NumberIn(info->text, "used_memory");
  const bool was_full = !full_.empty();
  const auto quotas = QuotasOf(EventTypes(), bytes_max);
  auto full = BrokerFull(bytes, bytes_max, was_full, {});
  if (full) {
    std::vector<Laggard> groups;
    for (const auto& [family, quota] : quotas) {
      for (Laggard& group : Laggards(family)) {
        groups.push_back(std::move(group));
      }
    }
    full = BrokerFull(bytes, bytes_max, was_full, groups);
  }
  full_ = full.value_or("");
  if (full.has_value() != was_full) {
    full ? log::Critical("the broker is full; publishers wait in their outboxes", {{"reason", *full}})
         : log::Info("the broker has room again");
  }
  for (const std::string& family : families_) {
    if (const auto quota = quotas.find(family); quota != quotas.end()) {
      HoldToQuota(family, quota->second, full);
    }
  }
}

std::vector<Laggard> Janitor::Laggards(const std::string& family) {
  std::vector<Laggard> groups;
  const auto asked = context_.redis.Run({"XINFO", "GROUPS", StreamKey(family)}, kAnswerMax);
  if (!asked) {
    return groups;
  }
  for (const redis::Reply& group : asked->elements) {
    const redis::Reply* const name = FindField(group, "name");
    const redis::Reply* const lag = FindField(group, "lag");
    const redis::Reply* const pending = FindField(group, "pending");
    if (name != nullptr && lag != nullptr && pending != nullptr) {
      groups.push_back({name->text.substr(name->text.rfind(':') + 1), lag->integer + pending->integer, family});
    }
  }
  return groups;
}

// Every process that reads or writes the stream does this; they all write the same. full: why nobody may publish.
void Janitor::HoldToQuota(const std::string& family, int64_t quota, const std::optional<std::string>& full) {
  const auto facts = context_.redis.Run(
      {{"MEMORY", "USAGE", StreamKey(family), "SAMPLES", "5"}, {"HGET", ProducersKey(family), kQuotaField}},
      kAnswerMax);
  if (!facts || (*facts)[0].is_error() || (*facts)[1].is_error()) {
    return;
  }
  const int64_t bytes = (*facts)[0].integer;  // 0 where there is no stream yet
  // What every group has done is kept for an hour only while there is room: it goes before a publisher has to wait.
  if (full || bytes > quota / 10 * 8) {
    Trim(family, Duration(0));
  }
  const bool was_over = !(*facts)[1].is_nil();
  auto over = full ? full : OverQuota(bytes, quota, was_over, {});
  if (over && !full) {
    over = OverQuota(bytes, quota, was_over, Laggards(family));
  }
  if (over) {
    if (!was_over && !full) {
      log::Critical("a stream is over its memory quota; its publishers wait in their outboxes",
                    {{"stream", family}, {"reason", *over}});
    }
    static_cast<void>(
        context_.redis.Run({"FCALL", "quantum_bus_4_over_quota", "1", ProducersKey(family), *over}, kAnswerMax));
  } else if (was_over) {
    log::Info("a stream is within its memory quota again", {{"stream", family}});
    static_cast<void>(context_.redis.Run({"HDEL", ProducersKey(family), kQuotaField}, kAnswerMax));
  }
}

// A name that has nothing pending and was silent for an hour: the process was renamed or is not run any more.
void Janitor::DropConsumersThatAreGone(const std::string& family, const std::string& group) {
  const auto consumers = context_.redis.Run({"XINFO", "CONSUMERS", StreamKey(family), group}, kAnswerMax);
  if (!consumers) {
    return;
  }
  for (const redis::Reply& consumer : consumers->elements) {
    const redis::Reply* const name = FindField(consumer, "name");
    const redis::Reply* const pending = FindField(consumer, "pending");
    const redis::Reply* const idle = FindField(consumer, "idle");
    if (name == nullptr || pending == nullptr || idle == nullptr || name->text == context_.options.producer ||
        pending->integer > 0 || std::chrono::milliseconds(idle->integer) < context_.options.consumer_forgotten) {
      continue;
    }
    // What it was given between the two questions would be lost with it; so empty is asked for once more by the broker.
    const auto dropped = context_.redis.Run(
        {"FCALL", "quantum_bus_4_drop_consumer", "1", StreamKey(family), group, name->text}, kAnswerMax);
    if (dropped && dropped->integer == 1) {
      log::Info("removed a consumer that no process owns any more",
                {{"stream", family}, {"group", group}, {"consumer", name->text}});
    }
  }
}

std::optional<std::vector<GroupPosition>> Janitor::Positions(const std::string& family) {
  const auto groups = context_.redis.Run({"XINFO", "GROUPS", StreamKey(family)}, kAnswerMax);
  if (!groups) {
    return std::nullopt;
  }
  std::vector<GroupPosition> positions;
  for (const redis::Reply& group : groups->elements) {
    const redis::Reply* const name = FindField(group, "name");
    const redis::Reply* const last = FindField(group, "last-delivered-id");
    const auto delivered = last == nullptr ? std::nullopt : EntryId::Parse(last->text);
    if (name == nullptr || !delivered) {
      return std::nullopt;
    }
    GroupPosition position{.last_delivered = *delivered};
    const auto pending = context_.redis.Run({"XPENDING", StreamKey(family), name->text}, kAnswerMax);
    if (!pending || pending->elements.size() < 2) {
      return std::nullopt;
    }
    if (pending->elements[0].integer > 0) {
      position.oldest_pending = EntryId::Parse(pending->elements[1].text);
      if (!position.oldest_pending) {
        return std::nullopt;
      }
    }
    positions.push_back(position);
  }
  return positions;
}

void Janitor::Trim(const std::string& family, Duration keep) {
  const auto positions = Positions(family);
  if (!positions) {
    return;
  }
  if (const auto below = TrimBelow(*positions, context_.clock.Now(), keep)) {
    static_cast<void>(context_.redis.Run({"XTRIM", StreamKey(family), "MINID", "~", below->ToString()}, kAnswerMax));
  }
}

void Janitor::Forget() {
  for (const auto& [family, group] : watched_) {
    static_cast<void>(
        context_.redis.Run({"FCALL", "quantum_bus_4_forget", "1", ProducersKey(family), kForgetSeconds}, kAnswerMax));
    if (context_.pool == nullptr) {
      continue;
    }
    const auto gone = context_.pool->Query(
        "DELETE FROM inbox WHERE ctid IN (SELECT ctid FROM inbox WHERE group_name = $1 "
        "AND applied_at < now() - interval '7 days' LIMIT 10000)",
        {group}, {.idempotent = true});
    if (!gone) {
      log::Warning("old inbox rows stay", {{"group", group}, {"reason", gone.error().message}});
    }
  }
}

}  // namespace quantum::bus
