#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "platform/fiber/fiber.h"
#include "tests/simulation_orders/venue_model.h"

namespace quantum::orders_simulation {

// The rules that a control breaks; all true in a world that must hold.
struct Rules {
  bool dedupe = true;             // a fill that comes twice bears its trade id
  bool asks_unknown = true;       // a request without an answer is not made again
  bool writes_first = true;       // an intent is recorded before it is sent
  bool waits_for_absence = true;  // "no such order" proves nothing before the receive window is over
  bool remembers_fills = true;    // what was booked is known after a crash
  bool reconciles = true;
};

// Between execution and the venue: requests, answers and reports that are on their way, each of which may be late,
// overtaken or lost. A request that execution has given up may still arrive.
class Network {
 public:
  struct Parcel {
    uint64_t life = 0;  // of execution, that it is of or for
    SteadyTime since{};
    std::function<void(bool visible)> carry_out;  // at the venue; nothing once it was
    std::function<void()> give_up;
    std::function<void()> arrive;  // at execution
    bool writes = false;           // carried out though nobody waits for it any more
    bool abandoned = false;
    bool is_report = false;
  };

  Network(const Clock& clock, VenueModel& venue, Visits& visits) : clock_(clock), venue_(venue), visits_(visits) {}

  void Send(Parcel parcel) { parcels_.push_back(std::make_shared<Parcel>(std::move(parcel))); }
  void Deliver(Choices& choices);
  void LoseReport(Choices& choices);
  void RepeatReport(Choices& choices);
  void DropReports();
  void GiveUp(Choices& choices);
  void GiveUpOlderThan(Duration age);
  // The process of this life is dead: nothing reaches it, and what it has sent still arrives.
  void EndLife(uint64_t life);
  bool empty() const { return parcels_.empty(); }
  // Requests that execution has given up, whose orders may still be taken on.
  size_t orphans() const;

  bool link_down = false;
  Duration venue_clock_offset{};
  bool offset_known = true;

  const Clock& clock() const { return clock_; }
  VenueModel& venue() { return venue_; }
  Visits& visits() { return visits_; }
  WallTime VenueNow() const { return clock_.Now() + venue_clock_offset; }

 private:
  using Pool = std::vector<std::shared_ptr<Parcel>>;
  // A report of this pool; its end when there is none.
  Pool::iterator AnyReport(Choices& choices);
  void GiveUp(Pool::iterator parcel, bool arrives_late);

  const Clock& clock_;
  VenueModel& venue_;
  Visits& visits_;
  Pool parcels_;
  uint64_t life_ = 1;
};

}  // namespace quantum::orders_simulation
