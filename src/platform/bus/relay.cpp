#include "platform/bus/relay.h"

#include <algorithm>
#include <boost/json.hpp>
#include <limits>

#include "platform/base/id.h"
#include "platform/bus/probe.h"
#include "platform/log/log.h"
#include "platform/resilience/resilience.h"

namespace quantum::bus {

namespace {

using namespace std::chrono_literals;

constexpr Duration kPoll = 500ms;  // nearly everything is offered
constexpr Duration kSweep = 5s;

constexpr postgres::CallOptions kRepeatable{.timeout = 5s, .idempotent = true};

EventPtr ToEvent(const postgres::Rows& rows, size_t row, const std::string& producer) {
  auto event = std::make_shared<Event>();
  event->id = rows.Text(row, "event_id");
  event->type = rows.Text(row, "type");
  event->version = static_cast<int>(rows.Int(row, "version"));
  event->producer = producer;
  event->incarnation = rows.Text(row, "incarnation");
  event->sequence = static_cast<uint64_t>(rows.Int(row, "sequence"));
  event->source = rows.Text(row, "source");
  event->key = rows.Text(row, "key");
  event->correlation_id = rows.Text(row, "cid");
  event->cause = rows.Text(row, "cause");
  event->timestamp_ns = rows.Int(row, "ts_ns");
  event->payload = rows.Text(row, "payload");
  return event;
}

}  // namespace

postgres::Statement Relay::Add(const std::vector<std::shared_ptr<Event>>& events) const {
  boost::json::array rows;
  for (const auto& event : events) {
    rows.push_back({{"family", FamilyOf(event->type)},
                    {"event_id", event->id},
                    {"type", event->type},
                    {"version", event->version},
                    {"source", event->source},
                    {"key", event->key},
                    {"cid", event->correlation_id},
                    {"cause", event->cause},
                    {"ts_ns", event->timestamp_ns},
                    {"payload", event->payload}});
  }
  const bool numbers = compared_ && broker_.connected();
  return {"SELECT * FROM outbox_add($1, $2, $3::jsonb)",
          {producer_, numbers ? "true" : "false", boost::json::serialize(rows)}};
}

void Relay::ReadNumbers(const postgres::Rows& rows, const std::vector<std::shared_ptr<Event>>& events) {
  for (size_t i = 0; i < events.size(); ++i) {
    if (!rows.IsNull(i, "o_sequence")) {
      events[i]->incarnation = rows.Text(i, "o_incarnation");
      events[i]->sequence = static_cast<uint64_t>(rows.Int(i, "o_sequence"));
    }
  }
}

void Relay::Offer(std::shared_ptr<Event> event) {
  event->producer = RelayProducer();
  const std::string family = FamilyOf(event->type);
  if (event->sequence == 0 || !offers_.Put(family, std::move(event))) {
    look_ = true;
  }
  work_.Set();
}

void Relay::Run() {
  resilience::Backoff backoff({.base = 50ms, .cap = 2s, .floor = 20ms}, random_);
  while (!stop_.is_set()) {
    work_.Reset();
    const auto found = Pass();
    if (!found) {
      if (found.error().message != trouble_) {
        trouble_ = found.error().message;
        log::Warning("rows wait in the outbox table", {{"reason", trouble_}});
      }
      stop_.WaitFor(backoff.Next());
      continue;
    }
    trouble_.clear();
    backoff.Reset();
    if (*found == Found::kNothing) {
      waiting_ = 0;
      ++empty_passes_;
      emptied_.Set();
      emptied_.Reset();
    }
    if (*found != Found::kMore) {
      Sweep();
      work_.WaitFor(kPoll);
    }
  }
}

void Relay::CountWaiting() {
  const auto rows = pool_.Query(
      "SELECT count(*) AS n FROM (SELECT FROM outbox WHERE producer = $1 AND relayed_at IS NULL LIMIT $2) AS waiting",
      {producer_, std::to_string(kCountMax)}, kRepeatable);
  if (rows.ok()) {
    waiting_ = static_cast<size_t>(rows->Int(0, "n"));
  }
}

void Relay::Stop() {
  stop_.Set();
  work_.Set();
}

bool Relay::AwaitEmpty(Duration timeout) {
  const auto deadline = resilience::Deadline::After(timeout, clock_);
  const uint64_t target = empty_passes_ + 2;  // the pass that runs now may have looked before our rows were there
  while (empty_passes_ < target && !deadline.passed()) {
    Wake();
    emptied_.WaitFor(std::min(deadline.left(), Duration(20ms)));
  }
  return empty_passes_ >= target;
}

Status Relay::ReadOldest() {
  QUANTUM_TRY(const auto waiting,
              pool_.Query("SELECT ts_ns FROM outbox WHERE producer = $1 AND relayed_at IS NULL LIMIT 1", {producer_},
                          kRepeatable));
  if (waiting.empty()) {
    oldest_.reset();
  } else if (!oldest_) {
    oldest_ = FromUnixNs(waiting.Int(0, "ts_ns"));
  }
  return {};
}

Status Relay::Connect() {
  compared_ = false;
  // The master may be another one, that lacks what these say of the one before.
  marks_.clear();
  offers_.Clear();
  look_ = true;
  QUANTUM_CHECK(ReadOldest());
  QUANTUM_CHECK(broker_.Connect(1s));
  if (auto status = Resume(); !status) {
    broker_.Disconnect();
    return status;
  }
  compared_ = true;
  return {};
}

Result<Relay::Found> Relay::Pass() {
  if (!trouble_.empty()) {
    CountWaiting();
  }
  if (!broker_.connected()) {
    QUANTUM_CHECK(Connect());
  }
  if (const auto offered = offers_.Take(sent_, batch_max_); !offered.empty()) {
    const Status sent = Send(offered);
    look_ = look_ || !sent;
    QUANTUM_CHECK(sent);
    if (SystemClock().Steady() - looked_ < kPoll) {
      return Found::kMore;
    }
  }
  look_ = look_ || offers_.size() > 0;  // they wait for one that was not offered
  const SteadyTime now = SystemClock().Steady();
  if (!look_ && now - looked_ < kPoll) {
    return Found::kSome;
  }
  look_ = false;
  looked_ = now;
  const auto batches = TakeRows();
  look_ = look_ || !batches;
  QUANTUM_CHECK(batches);
  if (batches->empty()) {
    oldest_.reset();
    return Found::kNothing;
  }
  // The first of each lane is its oldest.
  int64_t oldest = std::numeric_limits<int64_t>::max();
  for (const Batch& batch : *batches) {
    oldest = std::min(oldest, batch.events.front()->timestamp_ns);
  }
  oldest_ = FromUnixNs(oldest);
  const Status sent = Send(*batches);
  look_ = look_ || !sent;
  QUANTUM_CHECK(sent);
  if (std::ranges::any_of(*batches, [this](const Batch& batch) { return batch.events.size() >= batch_max_; })) {
    look_ = true;
    return Found::kMore;
  }
  oldest_.reset();
  return Found::kSome;
}

// Writes the marks and reads what is not marked.
Result<std::vector<Batch>> Relay::TakeRows() {
  std::vector<postgres::Statement> statements;
  for (const auto& [name, mark] : marks_) {
    statements.push_back(
        {"SELECT outbox_mark($1, $2, $3, $4, $5)",
         {producer_, mark.lane.family, mark.lane.incarnation, std::to_string(mark.first), std::to_string(mark.last)}});
  }
  statements.push_back({"SELECT * FROM outbox_take($1, $2)", {producer_, std::to_string(batch_max_)}});
  QUANTUM_TRY(const auto answered, pool_.Batch(std::move(statements), kRepeatable));
  marks_.clear();
  const postgres::Rows& rows = answered.back();
  std::vector<Batch> batches;
  for (size_t row = 0; row < rows.size(); ++row) {
    EventPtr event = ToEvent(rows, row, RelayProducer());
    Lane lane{RelayProducer(), event->incarnation, std::string(rows.Text(row, "family"))};
    if (batches.empty() || LaneName(batches.back().lane) != LaneName(lane)) {
      // Rows that a marked one should precede do not exist any more only if the broker was set back further than marked
      // rows are kept.
      const uint64_t held = sent_[LaneName(lane)];
      const bool gap = event->sequence > held + 1;
      if (gap) {
        // Or another process of this name, that was frozen, has marked what an earlier master held.
        QUANTUM_TRY(const bool unmarked, Unmark(lane, held));
        if (unmarked) {
          look_ = true;
          return std::vector<Batch>();
        }
        log::Critical("the broker lost events whose rows are gone; they must be rebuilt from Postgres",
                      {{"family", lane.family}, {"held", held}, {"next", event->sequence}});
      }
      batches.push_back({lane, {}, gap});
    }
    batches.back().events.push_back(std::move(event));
  }
  return batches;
}

// On an error nothing is known but that a repeat is safe: the rows are in the table.
Status Relay::Send(const std::vector<Batch>& batches) {
  QUANTUM_TRY(const auto answers, broker_.Append(batches));
  Status refused;
  for (size_t i = 0; i < batches.size(); ++i) {
    if (!answers[i].taken) {
      refused = answers[i].taken;
      continue;
    }
    const Lane& lane = batches[i].lane;
    sent_[LaneName(lane)] = answers[i].last;
    // All of a lane up to what was sent is with the broker, whatever it was that was sent between.
    const uint64_t first = batches[i].events.front()->sequence;
    const uint64_t last = std::min(answers[i].last, batches[i].events.back()->sequence);
    Mark& mark = marks_.try_emplace(LaneName(lane), Mark{lane, first, last}).first->second;
    mark.first = std::min(mark.first, first);
    mark.last = std::max(mark.last, last);
    for (const EventPtr& event : batches[i].events) {
      ProbeOf(event->type).published.Add();
    }
  }
  return refused;
}

// After a connect: what does the broker have of each stream?
Status Relay::Resume() {
  QUANTUM_TRY(const auto before, pool_.Query("SELECT family, incarnation FROM outbox_stream WHERE producer = $1",
                                             {producer_}, kRepeatable));
  std::vector<Lane> lanes;
  for (size_t row = 0; row < before.size(); ++row) {
    lanes.push_back(
        {RelayProducer(), std::string(before.Text(row, "incarnation")), std::string(before.Text(row, "family"))});
  }
  QUANTUM_TRY(const auto held, broker_.Last(lanes));
  sent_.clear();
  for (size_t i = 0; i < lanes.size(); ++i) {
    // Read after the broker was asked: a number is given before it is sent, so a database that was not set back has
    // given at least as many.
    QUANTUM_TRY(const auto now,
                pool_.Query("SELECT last_sequence FROM outbox_stream WHERE producer = $1 AND family = $2 "
                            "AND incarnation = $3",
                            {producer_, lanes[i].family, lanes[i].incarnation}, kRepeatable));
    if (now.empty()) {
      continue;
    }
    if (held[i] > static_cast<uint64_t>(now.Int(0, "last_sequence"))) {
      QUANTUM_CHECK(Renew(lanes[i].family, lanes[i].incarnation));
      continue;
    }
    sent_[LaneName(lanes[i])] = held[i];
    QUANTUM_TRY(const bool unmarked, Unmark(lanes[i], held[i]));
    static_cast<void>(unmarked);
  }
  return {};
}

Result<bool> Relay::Unmark(const Lane& lane, uint64_t held) {
  QUANTUM_TRY(
      const auto again,
      pool_.Query("UPDATE outbox SET relayed_at = NULL WHERE producer = $1 AND family = $2 AND incarnation = $3 "
                  "AND sequence > $4 AND relayed_at IS NOT NULL",
                  {producer_, lane.family, lane.incarnation, std::to_string(held)}, kRepeatable));
  if (again.affected() > 0) {
    log::Warning("the master lacks events that were marked as relayed; relaying them again",
                 {{"family", lane.family}, {"events", again.affected()}});
  }
  return again.affected() > 0;
}

// What was numbered before the database was set back, and is in it, the broker has: it holds more than that.
Status Relay::Renew(const std::string& family, const std::string& incarnation) {
  log::Warning("the broker holds more events than the database has numbered; it was set back, so numbering starts anew",
               {{"family", family}, {"incarnation", incarnation}});
  QUANTUM_TRY(const auto done, pool_.Batch({{"UPDATE outbox_stream SET incarnation = $4, last_sequence = 0 "
                                             "WHERE producer = $1 AND family = $2 AND incarnation = $3",
                                             {producer_, family, incarnation, NewIncarnation(random_)}},
                                            {"UPDATE outbox SET relayed_at = now() WHERE producer = $1 AND family = $2 "
                                             "AND incarnation = $3 AND relayed_at IS NULL",
                                             {producer_, family, incarnation}}},
                                           kRepeatable));
  return {};
}

// Marked rows go half a minute later: by the database's clock as it stood before the master was seen to be the one that
// holds them. From then on this process may be frozen and a replica that lagged be promoted, which lacks later ones.
void Relay::Sweep() {
  const SteadyTime now = clock_.Steady();
  if (now - swept_ < kSweep) {
    return;
  }
  swept_ = now;
  const auto before = pool_.Query("SELECT now() - interval '30 seconds' AS relayed", {}, kRepeatable);
  if (!broker_.Ping()) {
    broker_.Disconnect();
    return;
  }
  const auto gone = before ? pool_.Query("DELETE FROM outbox WHERE producer = $1 AND relayed_at < $2",
                                         {producer_, std::string(before->Text(0, "relayed"))}, kRepeatable)
                           : before;
  if (!gone) {
    log::Warning("relayed rows stay in the outbox table", {{"reason", gone.error().message}});
  }
}

}  // namespace quantum::bus
