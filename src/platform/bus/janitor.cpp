#include "platform/bus/janitor.h"

#include "platform/bus/codec.h"
#include "platform/log/log.h"
#include "platform/metrics/names.h"

namespace quantum::bus {

namespace {

using namespace std::chrono_literals;

constexpr Duration kMeasure = 2s;
constexpr Duration kTrim = 30s;
constexpr Duration kForget = 10min;
constexpr Duration kAnswerMax = 2s;
constexpr const char* kForgetSeconds = "604800";  // seven days, as the inbox

}  // namespace

void Janitor::Run() {
  SteadyTime trimmed = context_.clock.Steady();
  SteadyTime forgotten = trimmed;
  while (!stop_.WaitFor(kMeasure)) {
    Measure();
    const SteadyTime now = context_.clock.Steady();
    if (now - trimmed >= kTrim) {
      trimmed = now;
      std::set<std::string> families;
      for (const auto& [family, group] : watched_) {
        families.insert(family);
      }
      for (const std::string& family : families) {
        Trim(family);
      }
    }
    if (now - forgotten >= kForget) {
      forgotten = now;
      Forget();
    }
  }
}

void Janitor::Measure() {
  metrics::GetGauge(metrics::kOutboxPending, {{"queue_name", context_.options.producer}})
      .Set(static_cast<double>(pending_()));
  for (const auto& [family, group] : watched_) {
    const auto groups = context_.redis.Run({"XINFO", "GROUPS", StreamKey(family)}, kAnswerMax);
    if (!groups) {
      continue;
    }
    for (const redis::Reply& candidate : groups->elements) {
      const redis::Reply* const name = FindField(candidate, "name");
      const redis::Reply* const lag = FindField(candidate, "lag");
      // The lag is nil while the broker cannot know it; the last value stays.
      if (name != nullptr && name->text == group && lag != nullptr && !lag->is_nil()) {
        metrics::GetGauge(metrics::kQueueLag, {{"queue_name", family + "/" + group.substr(group.rfind(':') + 1)}})
            .Set(static_cast<double>(lag->integer));
      }
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

void Janitor::Trim(const std::string& family) {
  const auto positions = Positions(family);
  if (!positions) {
    return;
  }
  if (const auto below = TrimBelow(*positions, context_.clock.Now())) {
    static_cast<void>(context_.redis.Run({"XTRIM", StreamKey(family), "MINID", "~", below->ToString()}, kAnswerMax));
  }
}

void Janitor::Forget() {
  for (const auto& [family, group] : watched_) {
    static_cast<void>(
        context_.redis.Run({"FCALL", "quantum_bus_2_forget", "1", ProducersKey(family), kForgetSeconds}, kAnswerMax));
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
