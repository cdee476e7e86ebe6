#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/bus/broker.h"
#include "platform/bus/offers.h"
#include "platform/fiber/fiber.h"
#include "platform/postgres/pool.h"

namespace quantum::bus {

// Moves rows of the table `outbox` to the broker. Each process relays the rows it wrote itself (column producer).
//
// Why a row's id cannot be its number: ids come in the order of INSERT, rows appear in the order of COMMIT. A row with
// id 5 may appear after the row with id 7 was relayed, so "the last id seen" would drop it as a repeat, and ids have
// gaps wherever a transaction rolled back. The numbers of a stream are gapless and follow the commits (the functions
// outbox_* of infra/postgres/migrations):
//
//   1. number:  the transaction that adds the row gives it the next number of its stream, if no other one is about to
//               and the relay is connected; else the relay does, in the order of ids, in a transaction of its own
//   2. send:    what is committed, by the broker's idempotent append, confirmed by WAIT
//   3. mark:    relayed_at; the row goes half a minute later
//
// What this process has committed and numbered itself is sent from memory. Twice a second the relay looks at the
// table: for what was not offered, and to mark what was sent.
//
// A crash after 1 or 2 sends the same rows under the same numbers again, and the broker skips them. Two relays of one
// producer at once (a twin that is not dead yet) send the same numbers for the same rows: harmless too. After a
// reconnect, marked rows that the new master lacks are sent again.
//
// Events of one key keep their order if their transactions are ordered by a row lock taken before the event is written.
//
// A database set back to an earlier state would give numbers a second time, and the broker would take new events for
// repeats. So on every connect the relay compares, before this process gives any number: if the broker holds more than
// the database has given, the stream gets a new incarnation.
class Relay {
 public:
  Relay(redis::Client& redis, postgres::Pool& pool, std::string producer, size_t batch_max, int replicas_required,
        const Clock& clock, Random& random)
      : broker_(redis, replicas_required),
        pool_(pool),
        producer_(std::move(producer)),
        batch_max_(batch_max),
        clock_(clock),
        random_(random),
        offers_(4 * batch_max) {}

  // Adds events that are complete but for their sequences to the outbox, in their order. ReadNumbers is for what it
  // answers, and Offer for each of them once that is committed.
  postgres::Statement Add(const std::vector<std::shared_ptr<Event>>& events) const;
  static void ReadNumbers(const postgres::Rows& rows, const std::vector<std::shared_ptr<Event>>& events);
  void Offer(std::shared_ptr<Event> event);

  void Run();  // the fiber's body; returns after Stop()
  void Stop();
  void Wake() {  // looks at the table without waiting for the next poll
    look_ = true;
    work_.Set();
  }
  // How many rows wait: counted by the pass after one that failed, up to kCountMax; 0 when everything was relayed.
  size_t waiting() const { return waiting_; }
  // When the oldest row that waits was written, as far as the last pass knows; nothing when none waits.
  std::optional<WallTime> oldest() const { return oldest_; }
  // True when everything that was committed before the call is with the broker.
  bool AwaitEmpty(Duration timeout);
  const std::string& trouble() const { return trouble_; }  // why the last pass failed; empty when it did not

 private:
  static constexpr int64_t kCountMax = 100'000;  // counting more would be work for a database that has enough of it

  enum class Found { kNothing, kSome, kMore };  // kNothing: in the table; kMore: there may be more than was taken
  Result<Found> Pass();
  Status Connect();
  Result<std::vector<Batch>> TakeRows();
  Status Send(const std::vector<Batch>& batches);
  Status ReadOldest();  // while none can be sent
  void CountWaiting();
  Status Resume();
  // Whether rows were marked that the broker, which holds the lane up to `held`, does not have.
  Result<bool> Unmark(const Lane& lane, uint64_t held);
  Status Renew(const std::string& family, const std::string& incarnation);
  void Sweep();
  std::string RelayProducer() const { return producer_ + ".outbox"; }

  Broker broker_;
  postgres::Pool& pool_;
  const std::string producer_;
  const size_t batch_max_;
  const Clock& clock_;
  Random& random_;
  bool compared_ = false;  // what the broker holds with what was given, since the last connect
  Offers offers_;
  bool look_ = true;     // at the table: not all that waits there was offered
  SteadyTime looked_{};  // when, by the system's clock, as all waiting
  struct Mark {
    Lane lane;
    uint64_t first;
    uint64_t last;
  };
  std::map<std::string, Mark> marks_;     // by lane: what was sent; written when the relay looks at the table
  std::map<std::string, uint64_t> sent_;  // by lane: the last sequence the broker holds
  SteadyTime swept_{};
  std::string trouble_;
  size_t waiting_ = 0;
  std::optional<WallTime> oldest_;
  fiber::Event work_;
  fiber::Event stop_;
  fiber::Event emptied_;  // set after each pass that found nothing
  uint64_t empty_passes_ = 0;
};

}  // namespace quantum::bus
