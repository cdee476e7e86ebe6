#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "platform/base/clock.h"
#include "platform/base/random.h"
#include "platform/base/result.h"
#include "platform/bus/event.h"
#include "platform/bus/together.h"
#include "platform/fiber/fiber.h"
#include "platform/postgres/pool.h"
#include "platform/redis/client.h"

// The event bus on Redis Streams: durable events are delivered to every group at least once and applied once.
//
//   bus.Subscribe({.group = "execution-service", .types = {kRiskApproved}, .handler = [&](const Event& e) {...}});
//   QUANTUM_CHECK(bus.Publish({.type = kOrderPlaced, .key = symbol, .payload = json}));
namespace quantum::bus {

struct PublishOptions {
  // Return only when at least one replica has the event too.
  bool await_replicated = false;
  Duration timeout = std::chrono::seconds(5);
};

// What a handler says of an event. Success acknowledges. kInvalidArgument is a poisoned event: to the dead letters at
// once. Every other error is tried again, five times within 5 s, then goes to the dead letters with its reason;
// meanwhile only events of the same key wait. Two errors are not the event's fault and are tried without limit:
// kCancelled (this process is stopping) and, of transactional handlers, those that say that the database is away
// (kUnavailable, kTimeout, kUnknownOutcome, kExhausted). An exception counts as kInternal.
using Handler = std::function<Status(const Event&)>;

// For effects in Postgres: the handler writes inside the transaction in which the bus records the event as applied, so
// that the effect happens exactly once.
using TransactionalHandler = std::function<Status(const Event&, postgres::Transaction&)>;

struct Subscription {
  std::string group;               // the service's name
  std::vector<std::string> types;  // their streams are read; other types of these streams are passed over
  Handler handler;
  TransactionalHandler transactional;  // instead of handler
  Together together = Together::kNone;
  // Of a transactional handler that soon has a statement to send: the inbox's row travels with it, a round trip less.
  // So the handler is begun for a repeat too, and its first round trip fails. Of an event for which it sends and queues
  // nothing the inbox gets no row, and a repeat comes to the handler again. So whether it does anything must follow
  // from the event alone, and what it has to follow a commit (AfterCommit) must bear to happen again.
  bool at_once = false;
  // Volatile types only: how old an event may be and still be handed out.
  Duration newest_within = std::chrono::seconds(5);
};

struct BusOptions {
  std::string producer;  // this process's stable name, also its consumer name
  std::string outbox;    // under which its rows of the table `outbox` stand, which the processes of one service
                         // share: whichever runs relays them; empty: the producer
  std::string group;     // default group of its subscriptions
  std::string journal_directory;  // of this producer alone; empty: events are kept in memory until the broker has them
  // Of the processes of this service one works at a time, from its Start on, and the service sees to that itself.
  // Before, this one does not relay rows of that table: of two neither knows what the other has sent. From then on it
  // reads the service's streams at once, without waiting out the lease of the one that worked before.
  bool works_from_start = false;
  size_t outbox_events_max = 100'000;
  size_t batch_max = 256;     // events moved in one call
  int replicas_required = 1;  // replicas that must have an event before it counts as published; 0 where there are none
  size_t handlers_max = 32;   // events handled at once by one group
  size_t fetched_max = 1024;  // events fetched and not acknowledged yet by one group, before it fetches again
  // Called once when another process has taken over this producer's name: nothing of this one is sent any more, and it
  // must end. (What waits stays in the journal.)
  std::function<void(const std::string& reason)> fenced = [](const std::string&) {};
  // Called, on the loop, when the broker is back after it was lost: with the number of events that waited, and of those
  // that it had confirmed and does not have any more, which are sent again. May not wait.
  std::function<void(size_t buffered, uint64_t replayed)> recovered = [](size_t, uint64_t) {};
  Duration consumer_forgotten = std::chrono::hours(1);  // names with nothing pending that are silent for so long go
  // Of the processes of one group one reads a stream; one that stands by takes over when that one stops, or is silent
  // for so long. Zero: there are no leases, the processes split the stream, and a key's events may run in two at once.
  Duration lease = std::chrono::seconds(3);
};

// For fibers of the loop it was made on. `pool` may be null: then there is neither outbox table nor inbox.
class Bus {
 public:
  // Opens the journal (blocking: before the loop runs) and takes over what an earlier life left in it. kConflict:
  // another process has it open; kUnavailable, kExhausted: it cannot be read.
  static Result<std::unique_ptr<Bus>> Open(fiber::Loop& loop, redis::Client& redis, postgres::Pool* pool,
                                           BusOptions options, const Clock& clock = SystemClock(),
                                           Random& random = SystemRandom());
  // Without a journal.
  Bus(fiber::Loop& loop, redis::Client& redis, postgres::Pool* pool, BusOptions options,
      const Clock& clock = SystemClock(), Random& random = SystemRandom());
  ~Bus();

  // Durable: returns when the event is safe (it will be delivered even if this process dies now): on disk where there
  // is a journal, else with the broker. Volatile: returns at once; newest wins. kExhausted when the outbox or its disk
  // is full, with the reason in the message: nothing was taken. kUnknownOutcome when the timeout passed first: the
  // event stays in the outbox and will be delivered as soon as the broker is back, unless this process dies before;
  // publishing it again would double it.
  Result<std::string> Publish(Event event, PublishOptions options = {});  // the event's id
  // Many at once, in their order, each answered as Publish would: they share the disk's sync and the wait for it. Once
  // one is refused, so are those behind it, with the same error.
  std::vector<Result<std::string>> PublishAll(std::vector<Event> events, PublishOptions options = {});

  // Rows of the table `outbox` in the caller's transaction: published if and only if it commits. This process's relay
  // moves them (after a crash, that of its successor of the same name). Write them after taking the row lock that
  // orders the transactions of their key.
  Status PublishWithin(postgres::Transaction& transaction, std::vector<Event> events);

  // Before Start.
  void Subscribe(Subscription subscription);

  // Creates the groups and begins to deliver. While the broker is away it succeeds too and the groups come later;
  // an error means that the broker refuses (kPermission).
  Status Start();
  // Stops handing out events; what is being handled may finish.
  void StopConsuming(Duration timeout);
  // Waits until everything published so far is with the broker.
  Status Flush(Duration timeout);
  void Stop();

  // Who reads a stream for a group that this process belongs to.
  struct Reader {
    std::string group;  // the service's name
    std::string family;
    bool active = false;  // this process does; else it stands by
    std::string process;  // who does, as last heard; empty: nobody, or not heard yet
  };
  struct Health {
    size_t outbox_pending = 0;  // events of the journal and, once relaying has failed, rows of the outbox table
    Duration oldest_waiting{};  // since the oldest event was published that the broker does not have yet; 0: none waits
    std::string trouble;        // why events wait; empty when the last attempt to send them succeeded
    size_t volatile_waiting = 0;  // volatile events; never more than a bound
    bool connected = false;
    uint64_t journal_bytes = 0;   // on disk
    std::string journal_trouble;  // why it cannot be written; empty when it can
    std::vector<Reader> readers;
    std::string
        dead_letters_trouble;  // why failed events cannot go there, and stay with their group; empty when they can
  };
  Health health() const;

 private:
  class Impl;
  explicit Bus(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace quantum::bus
