#include "services/execution/sender.h"

#include <algorithm>

#include "platform/base/correlation.h"
#include "platform/log/log.h"
#include "trading/events.h"

namespace quantum::execution {
namespace {

using namespace std::chrono_literals;
using exchange::Accepted;
using exchange::Rejected;
using exchange::Unknown;
using trading::OrderStatus;

constexpr Duration kCancelFresh = 2s;
constexpr Duration kSendAgain = 1s;
constexpr Duration kSoon = 100ms;
constexpr int kNotSent = 0;  // exchange::Rejected of an order that never left
constexpr int kReduceOnlyRefused = -2022;

}  // namespace

Sender::Sender(Desk& desk) : desk_(desk) {
  desk_.on_contradiction = [this](const std::string& id, const std::string& reason) { Resolve(id, reason); };
}

void Sender::Submit(const std::string& client_order_id) {
  const Order* found = desk_.ledger.FindOrder(client_order_id);
  if (found == nullptr || found->status != OrderStatus::kIntent || !sending_.insert(client_order_id).second) {
    return;  // the venue has spoken of it in the meantime, or it is being sent
  }
  const Order order = *found;
  QUANTUM_ASSERT(order.leg == Leg::kEntry || order.reduce_only);  // pains.md 1
  const CorrelationScope scope(order.correlation_id);
  exchange::NewOrder request = RequestOf(order);
  request.allowed_in_doubt = AllowedInDoubt(order);
  const exchange::Outcome outcome = desk_.venue.Place(request);
  sending_.erase(client_order_id);
  not_sent_.erase(client_order_id);
  const auto* rejected = std::get_if<Rejected>(&outcome);
  desk_.venue_answers =
      std::holds_alternative<Accepted>(outcome) || (rejected != nullptr && rejected->code != kNotSent);
  if (const auto* accepted = std::get_if<Accepted>(&outcome)) {
    desk_.Report(accepted->report);  // one that cannot be true leads to Resolve
  } else if (rejected != nullptr) {
    OnRejected(order, *rejected);
  } else {
    const auto& unknown = std::get<Unknown>(outcome);
    OnUnknown(order, unknown.reason, unknown.signed_for);
  }
}

// With Postgres away it cannot be known whether another process acts by now. Then that one knows of a protective order
// that is recorded, and takes it for its own; of a close in an emergency it matters more that it goes out.
bool Sender::AllowedInDoubt(const Order& order) const {
  const auto halt = desk_.halt.record();
  return trading::IsProtective(order.leg) ? !desk_.sink.Awaits(order.client_order_id)
                                          : order.leg == Leg::kClose && halt && halt->close;
}

void Sender::OnRejected(const Order& order, const Rejected& rejected) {
  const std::string& id = order.client_order_id;
  const bool sent = rejected.code != kNotSent;
  log::Warning(sent ? "the order was refused" : "the order was not sent", {{"client_order_id", id},
                                                                           {"symbol", order.symbol},
                                                                           {"code", rejected.code},
                                                                           {"venue_message", rejected.message}});
  if (sent) {
    desk_.Commit(desk_.ledger.MarkRejected(id, std::to_string(rejected.code) + " " + rejected.message, desk_.Now()));
    if (rejected.code == kReduceOnlyRefused && desk_.on_fills_missing) {
      desk_.on_fills_missing();  // there may be nothing left to reduce
    }
  } else if (order.leg == Leg::kEntry || order.leg == Leg::kClose) {
    desk_.Commit(desk_.ledger.Discard(id, "NOT_SENT: " + rejected.message, desk_.Now()));
  } else {
    std::erase_if(not_sent_, [&](const auto& one) { return desk_.clock.Steady() - one.second > kSendAgain; });
    not_sent_[id] = desk_.clock.Steady();
  }
}

void Sender::OnUnknown(const Order& order, const std::string& reason, std::optional<WallTime> sent_venue_time) {
  log::Error("the outcome of an order is unknown; the venue is being asked",
             {{"client_order_id", order.client_order_id}, {"symbol", order.symbol}, {"reason", reason}});
  desk_.Commit(desk_.ledger.MarkUnknown(order.client_order_id, reason, desk_.Now()));
  Pursue(order.client_order_id, sent_venue_time);
}

Sender::Answer Sender::Ask(const std::string& client_order_id) {
  const Order* order = desk_.ledger.FindOrder(client_order_id);
  if (order == nullptr) {
    return Answer::kNotFound;
  }
  const std::string symbol = order->symbol;
  const auto found = desk_.venue.Find(symbol, client_order_id, trading::IsConditional(order->type));
  if (found.ok()) {
    desk_.TakeTerms(*found);  // else a report of more than we know of would be asked about without end
    return desk_.Report(found->report) ? Answer::kKnown : Answer::kNoAnswer;
  }
  return found.error().code == Errc::kNotFound ? Answer::kNotFound : Answer::kNoAnswer;
}

Sender::Finding Sender::AskUntilKnown(const std::string& client_order_id, std::optional<WallTime> sent_venue_time) {
  AbsenceProof proof(sent_venue_time, desk_.settings.receive_window);
  Duration wait = 100ms;
  bool alarmed = false;
  const SteadyTime since = desk_.clock.Steady();
  while (!desk_.stopping.WaitFor(wait)) {
    const Order* order = desk_.ledger.FindOrder(client_order_id);
    if (order == nullptr || (order->status != OrderStatus::kIntent && order->status != OrderStatus::kUnknown)) {
      return Finding::kPresent;  // the user stream was faster
    }
    const auto asked = desk_.VenueNow();
    const Answer answer = Ask(client_order_id);
    if (answer == Answer::kKnown) {
      return Finding::kPresent;
    }
    if (answer == Answer::kNotFound && proof.OnNotFound(asked)) {
      return Finding::kAbsent;
    }
    if (!alarmed && desk_.clock.Steady() - since > desk_.settings.unknown_alert_after) {
      alarmed = true;
      log::Critical("an order has stayed unknown too long: its symbol takes no entries until the venue answers",
                    {{"client_order_id", client_order_id}});
    }
    wait = std::min<Duration>(wait * 2, alarmed ? 5s : 1s);
    if (const auto left = proof.Left(desk_.VenueNow()); left && answer == Answer::kNotFound) {
      wait = std::min<Duration>(wait, *left + kSoon);  // a position may stand without its stop meanwhile
    }
  }
  return Finding::kStopped;
}

void Sender::Doubt(const std::string& client_order_id) {
  ChangeSet changes = desk_.ledger.MarkUnknown(client_order_id, "an earlier process may have sent it", desk_.Now());
  std::erase_if(changes.events, [](const bus::Event& event) { return event.type == trading::event::kOrderUnknown; });
  desk_.Commit(std::move(changes));
  Pursue(client_order_id, desk_.VenueNow(), Absent::kWithdrawn);
}

void Sender::Pursue(const std::string& client_order_id, std::optional<WallTime> sent_venue_time, Absent absent) {
  if (!pursued_.insert(client_order_id).second) {
    return;
  }
  desk_.Spawn([this, client_order_id, sent_venue_time, absent] {
    const Finding finding = AskUntilKnown(client_order_id, sent_venue_time);
    pursued_.erase(client_order_id);
    if (finding == Finding::kAbsent && absent == Absent::kWithdrawn) {
      desk_.Commit(desk_.ledger.MarkGone(client_order_id, "NEVER_SENT: the process ended before", desk_.Now()));
    } else if (finding == Finding::kAbsent) {
      log::Warning("the order never reached the venue: its absence is proven", {{"client_order_id", client_order_id}});
      desk_.Commit(
          desk_.ledger.MarkRejected(client_order_id, "NEVER_ARRIVED: the venue does not have it", desk_.Now()));
    }
  });
}

void Sender::Resolve(const std::string& client_order_id, const std::string& reason) {
  const Order* order = desk_.ledger.FindOrder(client_order_id);
  if (order == nullptr) {
    return;
  }
  if (order->status == OrderStatus::kIntent) {
    OnUnknown(Order(*order), reason, desk_.VenueNow());
  } else if (order->status == OrderStatus::kUnknown) {
    Pursue(client_order_id, desk_.VenueNow());
  } else if (pursued_.insert(client_order_id).second) {
    desk_.Spawn([this, client_order_id] {
      AskUntilApplied(client_order_id);
      pursued_.erase(client_order_id);
    });
  }
}

void Sender::AskUntilApplied(const std::string& client_order_id) {
  Duration wait = 100ms;
  const SteadyTime since = desk_.clock.Steady();
  bool alarmed = false;
  while (!desk_.stopping.WaitFor(wait)) {
    // Not found: the reconciler proves what is gone.
    if (Ask(client_order_id) != Answer::kNoAnswer) {
      return;
    }
    if (!alarmed && desk_.clock.Steady() - since > desk_.settings.unknown_alert_after) {
      alarmed = true;
      log::Critical("what the venue says of an order contradicts what is known: compare by hand (quantum verify)",
                    {{"client_order_id", client_order_id}});
    }
    wait = std::min<Duration>(wait * 2, 5s);
  }
}

Status Sender::Cancel(const std::string& client_order_id) {
  const Order* order = desk_.ledger.FindOrder(client_order_id);
  if (order == nullptr) {
    return Error{Errc::kNotFound, "there is no order " + client_order_id};
  }
  if (IsBusy(client_order_id)) {
    return Error{Errc::kConflict, "a request about it is under way"};
  }
  const std::string symbol = order->symbol;
  const CorrelationScope scope(order->correlation_id);
  std::erase_if(cancel_asked_, [&](const auto& asked) { return desk_.clock.Steady() - asked.second > kCancelFresh; });
  cancel_asked_[client_order_id] = desk_.clock.Steady();
  const Status cancelled = desk_.venue.Cancel(symbol, client_order_id, trading::IsConditional(order->type));
  if (cancelled.ok()) {
    return {};  // the stream will say so
  }
  if (cancelled.error().code != Errc::kNotFound) {
    log::Warning("an order could not be cancelled yet; it will be tried again",
                 {{"client_order_id", client_order_id}, {"error", cancelled.error().message}});
    // kConflict is this function's own word for "nothing was asked".
    return Error{cancelled.error().code == Errc::kConflict ? Errc::kUnavailable : cancelled.error().code,
                 cancelled.error().message};
  }
  // Not open at the venue: it ended, or it never was.
  const Order* listed = desk_.ledger.FindOrder(client_order_id);
  const bool confirmed =
      listed != nullptr && listed->status != OrderStatus::kIntent && listed->status != OrderStatus::kUnknown;
  // `updated` is at or after the sending once the venue has confirmed it. What it never confirmed may still arrive:
  // whoever pursues it proves that.
  AbsenceProof proof(confirmed ? desk_.VenueTime(listed->updated) : std::nullopt, desk_.settings.receive_window);
  for (int turn = 0; turn < 2; ++turn) {
    const auto asked = desk_.VenueNow();
    if (Ask(client_order_id) == Answer::kNotFound && confirmed && proof.OnNotFound(asked)) {
      desk_.Commit(desk_.ledger.MarkGone(client_order_id, "GONE: the venue does not have it", desk_.Now()));
    }
  }
  const Order* after = desk_.ledger.FindOrder(client_order_id);
  if (after != nullptr && !trading::IsFinal(after->status)) {
    return Error{Errc::kUnavailable, "the venue does not list it as open and does not say how it ended"};
  }
  return {};
}

bool Sender::IsBusy(const std::string& client_order_id) const {
  if (sending_.contains(client_order_id)) {
    return true;
  }
  const auto within = [&](const std::map<std::string, SteadyTime>& times, Duration fresh) {
    const auto found = times.find(client_order_id);
    return found != times.end() && desk_.clock.Steady() - found->second < fresh;
  };
  return within(cancel_asked_, kCancelFresh) || within(not_sent_, kSendAgain);
}

}  // namespace quantum::execution
