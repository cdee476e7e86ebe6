#pragma once

#include <map>
#include <optional>
#include <string>

#include "services/execution/desk.h"

namespace quantum::execution {

// The venue's dead-man switch: entries that rest are cancelled by the venue when this process does not say for
// kCountdown that it lives. The venue may take conditional orders along, so that the switch covers a symbol only as
// long as nothing is filled there: it is disarmed at the first fill, long before the countdown ends, and on a planned
// stop.
// A call weighs ten, so that what an earlier process may have armed is taken back at once only where something stands,
// and elsewhere symbol by symbol.
class DeadMan {
 public:
  static constexpr Duration kCountdown = std::chrono::seconds(120);
  static constexpr Duration kRefresh = std::chrono::seconds(30);
  static constexpr Duration kIdlePause = std::chrono::seconds(1);  // between two symbols where nothing stands

  explicit DeadMan(Desk& desk) : desk_(desk) {}

  // After the start's comparison with the venue: what an earlier process armed is looked after too.
  void Assume();
  // Until the desk stops: a look after every Wake, and every second.
  void Run();
  void Wake() { work_.Set(); }
  // One look; public for tests. What the venue does not confirm is asked for again by the next.
  void Tick();
  // On a planned stop: whoever comes next arms what it takes over.
  void DisarmAll();

 private:
  // What stands in a symbol at the venue.
  struct Standing {
    bool entries = false;
    bool others = false;  // what protects or closes
  };
  std::map<std::string, Standing> AllStanding() const;
  bool HasPosition(const std::string& symbol) const;
  // For so long that whatever was armed before has run out or was taken back.
  bool HasPositionForLong(const std::string& symbol) const;
  void Arm(const std::string& symbol);
  void Disarm(const std::string& symbol);

  Desk& desk_;
  fiber::Event work_;
  // Armed, as far as is known, and when it was last confirmed; nothing: by an earlier process, maybe.
  std::map<std::string, std::optional<SteadyTime>> armed_;
  SteadyTime idle_at_{};  // when the next symbol where nothing stands has its turn
};

}  // namespace quantum::execution
