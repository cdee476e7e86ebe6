#include "tests/simulation/visits.h"

namespace quantum::simulation {

const char* ToString(Visit visit) {
  // In the order of Visit.
  static constexpr std::array<const char*, kVisits> kNames = {"appended",
                                                              "repeat skipped",
                                                              "bundled",
                                                              "held in part",
                                                              "fenced",
                                                              "over quota",
                                                              "read only",
                                                              "no replicas",
                                                              "wait satisfied",
                                                              "wait failed",
                                                              "orphan executed",
                                                              "answer lost",
                                                              "connected",
                                                              "master by majority",
                                                              "master by memory",
                                                              "master by election",
                                                              "no master",
                                                              "role refused",
                                                              "setback",
                                                              "lagging promoted",
                                                              "failover given up",
                                                              "diverged dropped",
                                                              "file cut short",
                                                              "split brain",
                                                              "earlier life sent",
                                                              "held back",
                                                              "frozen with answer",
                                                              "disk full",
                                                              "sync failed",
                                                              "power lost",
                                                              "refused publish",
                                                              "segment removed",
                                                              "duplicate dropped",
                                                              "inbox dropped",
                                                              "fetched again",
                                                              "late reading",
                                                              "together",
                                                              "parted",
                                                              "separated",
                                                              "retried",
                                                              "buried",
                                                              "trimmed"};
  return kNames.at(static_cast<size_t>(visit));
}

}  // namespace quantum::simulation
