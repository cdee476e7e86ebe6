#include "platform/bus/lease_keeper.h"

#include <algorithm>

#include "platform/bus/event.h"
#include "platform/bus/functions.h"
#include "platform/log/log.h"

namespace quantum::bus {

namespace {

using namespace std::chrono_literals;

constexpr Duration kAnswerMax = 1s;
constexpr auto kWaitMax = 500ms;       // for the replicas' acknowledgement
constexpr int kRoundsPerLease = 6;     // renewals in the length of a lease
constexpr Duration kRoundMax = 500ms;  // between two, however long it is: also how soon a release is seen
constexpr uint64_t kUnfenced = 1;      // the token where there are no leases

}  // namespace

LeaseKeeper::LeaseKeeper(redis::Client& redis, std::string service, Lease::Options lease, int replicas_required,
                         const Clock& clock, Callbacks callbacks)
    : redis_(redis),
      service_(std::move(service)),
      lease_(std::move(lease)),
      replicas_required_(replicas_required),
      clock_(clock),
      callbacks_(std::move(callbacks)) {}

void LeaseKeeper::Add(const std::string& family) { leases_.emplace(family, lease_); }

void LeaseKeeper::Run() {
  if (!fenced()) {
    return;
  }
  std::unique_ptr<redis::Connection> connection;
  std::string trouble;
  do {
    Status status;
    if (!connection) {
      auto made = redis_.Dedicated(kAnswerMax);
      status = made ? Status() : Status(made.error());
      if (made) {
        connection = std::move(*made);
        // Every time, as the sender does: a master that was promoted too early may lack it.
        const auto loaded = connection->Run({"FUNCTION", "LOAD", "REPLACE", kFunctionLibrary}, kAnswerMax);
        status = loaded ? Status() : Status(loaded.error());
      }
    }
    if (status) {
      status = Round(*connection);
    }
    if (!status) {
      connection.reset();
      if (status.error().message != std::exchange(trouble, status.error().message)) {
        log::Warning("the leases of a group cannot be renewed", {{"group", service_}, {"reason", trouble}});
      }
    } else {
      trouble.clear();
    }
  } while (!stop_.WaitFor(std::min<Duration>(lease_.length / kRoundsPerLease, kRoundMax)));
}

redis::Command LeaseKeeper::Word(const std::string& family, const Lease::Question& question) const {
  return {"FCALL",        "quantum_bus_4_lease",          "1",          Key(family),     lease_.holder,
          lease_.session, std::to_string(question.token), question.how, question.watched};
}

Status LeaseKeeper::Round(redis::Connection& connection) {
  std::vector<redis::Command> commands;
  std::vector<Lease::Question> questions;
  for (const auto& [family, lease] : leases_) {
    questions.push_back(lease.Ask(clock_.Steady()));
    commands.push_back(Word(family, questions.back()));
  }
  if (replicas_required_ > 0) {
    commands.push_back({"WAIT", std::to_string(replicas_required_), std::to_string(kWaitMax.count())});
  }
  QUANTUM_TRY(const auto replies, connection.Run(commands, kAnswerMax + kWaitMax));
  const bool safe = replicas_required_ == 0 || replies.back().integer >= replicas_required_;
  Status status;
  size_t i = 0;
  for (auto& [family, lease] : leases_) {
    const redis::Reply& reply = replies[i];
    const Lease::Question& question = questions[i++];
    if (reply.is_error() || reply.elements.size() != 4) {
      status = Error{Errc::kUnavailable, "quantum_bus_4_lease: " + reply.text};
      continue;
    }
    const uint64_t before = lease.token();
    Report(family, before,
           lease.Take(question,
                      {.ours = reply.elements[0].integer == 1,
                       .token = static_cast<uint64_t>(reply.elements[1].integer),
                       .beat = static_cast<uint64_t>(reply.elements[2].integer),
                       .holder = reply.elements[3].text,
                       .safe = safe},
                      clock_.Steady()));
  }
  return status;
}

void LeaseKeeper::Report(const std::string& family, uint64_t before, Lease::Change change) {
  if (change == Lease::Change::kNone) {
    return;
  }
  if (before != 0) {
    log::Warning("another process reads this stream for the group now; standing by",
                 {{"stream", family}, {"group", service_}, {"reader", holder(family)}});
    callbacks_.lost(family);
  }
  if (change == Lease::Change::kGained) {
    log::Info("this process reads the stream for its group",
              {{"stream", family}, {"group", service_}, {"lease", Token(family)}});
    callbacks_.gained(family);
  }
}

void LeaseKeeper::Refused(const std::string& family, uint64_t token) {
  if (fenced()) {
    Report(family, token, leases_.at(family).Refused(token));
  }
}

void LeaseKeeper::Release(Duration timeout) {
  std::vector<redis::Command> commands;
  for (auto& [family, lease] : leases_) {
    if (const auto question = lease.Release(clock_.Steady())) {
      commands.push_back(Word(family, *question));
    }
  }
  if (!commands.empty()) {
    static_cast<void>(redis_.Run(std::move(commands), timeout));  // else it runs out by itself
  }
}

uint64_t LeaseKeeper::Token(const std::string& family) const {
  return fenced() ? leases_.at(family).token() : kUnfenced;
}

bool LeaseKeeper::Runs(const std::string& family, uint64_t token) const {
  return !fenced() || (leases_.at(family).token() == token && leases_.at(family).Runs(clock_.Steady()));
}

std::string LeaseKeeper::holder(const std::string& family) const {
  return fenced() ? leases_.at(family).holder() : lease_.holder;
}

std::string LeaseKeeper::Key(const std::string& family) const { return LeaseKey(family, service_); }

}  // namespace quantum::bus
