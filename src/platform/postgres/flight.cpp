#include "platform/postgres/flight.h"

#include <fmt/format.h>

#include "platform/base/assert.h"
#include "platform/postgres/sqlstate.h"

namespace quantum::postgres {

namespace {

// "warning": a COMMIT that stopped waiting for the synchronous standby, among others (syncrep.c).
constexpr std::string_view kWarning = "01000";

Failure Unknown(std::string_view why) {
  return {.error = MakeError(Errc::kUnknownOutcome, kOutcomeUnknown,
                             fmt::format("{}; the transaction may be committed: look its key up", why))};
}

}  // namespace

Error MakeError(Errc code, std::string_view sqlstate, std::string_view message) {
  return {code, fmt::format("{} {}", sqlstate, message)};
}

Flight::Flight(std::vector<Step> steps) : steps_(std::move(steps)) {}

void Flight::Fail(Failure failure) {
  // The first failure is the cause; what follows it is its consequence.
  if (!failure_) {
    failure_ = std::move(failure);
  }
}

void Flight::OnDone(std::string_view tag) {
  QUANTUM_ASSERT(!finished());
  if (current() == Step::kCommit) {
    if (tag != "COMMIT") {
      Fail({.error = MakeError(Errc::kInternal, "25P02",
                               "an earlier statement had failed; rolled back instead of committed"),
            .no_effect = true});
    } else if (!commit_doubt_.empty()) {
      Fail(Unknown(fmt::format("COMMIT answered with the warning \"{}\"", commit_doubt_)));
    }
  }
  ++answered_;
}

void Flight::OnSkipped() {
  QUANTUM_ASSERT(!finished());
  ++answered_;
}

void Flight::OnError(std::string_view sqlstate, std::string_view message, bool fatal) {
  QUANTUM_ASSERT(!finished());
  ended_ = fatal;
  const bool refused = IsPoolerRefusal(sqlstate, message);
  // PgBouncer reports a dead server with class 08 whatever the server had done; and a server that dies in COMMIT may
  // have committed.
  if (fatal && HoldsCommit() && !refused && (current() == Step::kCommit || sqlstate.substr(0, 2) == "08")) {
    Fail(Unknown(fmt::format("the connection ended with {} {}", sqlstate, message)));
  } else {
    Fail({.error = MakeError(ErrcOf(sqlstate), sqlstate, message),
          .no_effect = true,
          .transient = IsTransient(sqlstate) || IsSerializationFailure(sqlstate)});
  }
  ++answered_;
}

void Flight::OnWarning(std::string_view sqlstate, std::string_view message) {
  if (!finished() && current() == Step::kCommit && sqlstate == kWarning) {
    commit_doubt_ = message;
  }
}

void Flight::OnLost(std::string_view why) {
  if (finished()) {
    return;
  }
  ended_ = true;
  if (HoldsCommit()) {
    Fail(Unknown(why));
  } else {
    Fail({.error = MakeError(Errc::kUnavailable, kConnectionLost, fmt::format("{}; rolled back", why)),
          .no_effect = true,
          .transient = true});
  }
}

void Flight::OnDeadline() {
  if (finished()) {
    return;
  }
  ended_ = true;
  if (HoldsCommit()) {
    Fail(Unknown("the deadline passed before the answer came"));
  } else {
    Fail({.error = MakeError(Errc::kTimeout, kTimedOut, "the deadline passed before the answer came; rolled back"),
          .no_effect = true});
  }
}

}  // namespace quantum::postgres
