#include "tests/simulation_orders/visits.h"

namespace quantum::orders_simulation {

const char* ToString(Visit visit) {
  // In the order of Visit.
  static constexpr std::array<const char*, kVisits> kNames = {"entry accepted",
                                                              "exit accepted",
                                                              "refused",
                                                              "not sent",
                                                              "too late",
                                                              "orphan request accepted",
                                                              "request of the dead accepted",
                                                              "unknown",
                                                              "absence proven",
                                                              "gone",
                                                              "partial fill",
                                                              "fill before answer",
                                                              "report repeated",
                                                              "report lost",
                                                              "disconnected",
                                                              "triggered",
                                                              "cut to the position",
                                                              "expired of nothing",
                                                              "cancel raced",
                                                              "venue cancelled",
                                                              "opposite entries",
                                                              "crashed",
                                                              "crashed with unwritten changes",
                                                              "crashed with unsent intents",
                                                              "crashed with orders in flight",
                                                              "sent again",
                                                              "sent before its record",
                                                              "adopted",
                                                              "orphan cancelled",
                                                              "terms taken",
                                                              "resized",
                                                              "closed by force",
                                                              "stop replaced",
                                                              "Postgres away",
                                                              "funding booked",
                                                              "trade closed",
                                                              "trade withdrawn"};
  return kNames.at(static_cast<size_t>(visit));
}

}  // namespace quantum::orders_simulation
