#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/clock.h"
#include "platform/base/result.h"

// Which alerts stand: raised once and cleared once per outage, under a key that stays the same over it
// ("service_down:execution"). No I/O; the time is an argument.
namespace quantum::monitoring_health {

enum class Severity { kWarning, kCritical };
std::string_view ToString(Severity severity);  // "warning", "critical"
std::optional<Severity> ParseSeverity(std::string_view text);

struct Alert {
  std::string key;
  Severity severity = Severity::kWarning;
  std::string summary;              // what is wrong, as last seen
  WallTime since;                   // the first bad finding of this outage
  std::optional<WallTime> cleared;  // the first good finding of those that cleared it
};

struct Change {
  enum class Kind { kRaised, kCleared } kind = Kind::kRaised;
  Alert alert;
};

// What one round found out about a key. Unknown says nothing and counts for neither side (whether a unit is slow cannot
// be told while it is down).
enum class Finding { kGood, kBad, kUnknown };

class AlertBook {
 public:
  struct Limits {
    int raise_after = 2;     // bad rounds in a row
    int clear_after = 2;     // good rounds in a row
    size_t recent_max = 50;  // cleared alerts that are remembered
  };

  AlertBook() = default;
  explicit AlertBook(Limits limits) : limits_(limits) {}

  // One round's finding, damped. A summary that changes during an outage is kept and is no change.
  std::optional<Change> Observe(std::string_view key, Finding finding, Severity severity, std::string_view summary,
                                WallTime now);

  // For facts rather than findings (an event said so): at once. Nothing when it stands, or does not stand, already.
  std::optional<Change> Raise(std::string_view key, Severity severity, std::string_view summary, WallTime now);
  std::optional<Change> Clear(std::string_view key, WallTime now);

  // Keys with this beginning that stand or were found bad last: for what may vanish from a report instead of being
  // good.
  std::vector<std::string> Tracked(std::string_view prefix) const;

  std::vector<Alert> Active() const;                                     // oldest first
  const std::deque<Alert>& recently_cleared() const { return recent_; }  // newest first

  // What stands, for the life after this one: a restart neither raises again nor forgets to clear.
  std::string Save() const;
  Status Restore(std::string_view json);

 private:
  struct Track {
    int bad = 0;   // in a row
    int good = 0;  // in a row
    WallTime bad_since;
    WallTime good_since;
    std::optional<Alert> alert;  // while it stands
  };
  Change RaiseTrack(Track& track, Alert alert);
  Change ClearTrack(Track& track, WallTime when);

  Limits limits_;
  std::map<std::string, Track, std::less<>> tracks_;
  std::deque<Alert> recent_;
};

}  // namespace quantum::monitoring_health
