#include "platform/bus/bus.h"

#include <fmt/format.h>

#include <exception>

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/bus/consumer.h"
#include "platform/bus/janitor.h"
#include "platform/bus/journal/journal.h"
#include "platform/bus/journal/storage.h"
#include "platform/bus/journal/writer.h"
#include "platform/bus/live_feed.h"
#include "platform/bus/relay.h"
#include "platform/bus/sender.h"
#include "platform/log/log.h"
#include "platform/resilience/resilience.h"

namespace quantum::bus {

namespace {

using namespace std::chrono_literals;
using resilience::Deadline;

Duration Left(const Deadline& deadline) { return std::max(deadline.left(), Duration(0)); }

BusOptions WithDefaults(BusOptions options) {
  if (options.outbox.empty()) {
    options.outbox = options.producer;
  }
  return options;
}

}  // namespace

// The outbox on disk, and who writes it. Empty: the outbox is kept in memory.
struct OnDisk {
  std::unique_ptr<journal::Storage> storage;
  std::unique_ptr<journal::Journal> journal;
};

class Bus::Impl : public std::enable_shared_from_this<Bus::Impl> {
 public:
  Impl(fiber::Loop& loop, redis::Client& redis, postgres::Pool* pool, BusOptions options, const Clock& clock,
       Random& random, std::string incarnation, OnDisk on_disk)
      : loop_(loop),
        redis_(redis),
        pool_(pool),
        options_(WithDefaults(std::move(options))),
        clock_(clock),
        random_(random),
        incarnation_(std::move(incarnation)),
        session_(fmt::format("{:020}-{}", ToUnixNs(clock.Now()), incarnation_)),
        on_disk_(std::move(on_disk)),
        memory_(options_.producer, incarnation_, options_.outbox_events_max),
        sender_(redis, outbox(), options_.batch_max, options_.replicas_required, session_, clock, random,
                {.recovered = options_.recovered, .fenced = options_.fenced}),
        volatile_sender_(redis),
        janitor_({loop, redis, pool, options_, clock, random}, [this] { return health(); }) {
    QUANTUM_ASSERT(!options_.producer.empty());
    if (on_disk_.journal) {
      writer_ =
          std::make_unique<journal::Writer>(*on_disk_.journal, *on_disk_.storage, clock, random,
                                            [this](size_t lane, uint64_t sequence) { safe_.Reach(lane, sequence); });
    }
    if (pool != nullptr) {
      relay_ = std::make_unique<bus::Relay>(redis, *pool, options_.outbox, options_.batch_max,
                                            options_.replicas_required, clock, random);
    }
  }

  void Begin() {
    Fiber([](Impl& self) { self.sender_.Run(); });
    Fiber([](Impl& self) { self.volatile_sender_.Run(); });
    Fiber([](Impl& self) { self.janitor_.Run(); });
    if (writer_) {
      Fiber([](Impl& self) { self.writer_->Run(); });
    }
    if (!options_.works_from_start) {
      BeginToRelay();
    }
  }

  std::vector<Result<std::string>> PublishAll(std::vector<Event> events, const PublishOptions& options);
  Status PublishWithin(postgres::Transaction& transaction, std::vector<Event> events);
  void Subscribe(Subscription subscription);
  Status Start();
  void StopConsuming(Duration timeout);
  Status Flush(Duration timeout);
  void SignalStop();
  void Stop();
  Health health();

 private:
  void BeginToRelay() {
    if (relay_ && !std::exchange(relaying_, true)) {
      Fiber([](Impl& self) { self.relay_->Run(); });
    }
  }
  void Fiber(std::function<void(Impl&)> body) {
    loop_.Spawn([self = shared_from_this(), body = std::move(body)] {
      if (const auto pass = self->gate_.Enter()) {
        body(*self);
      }
    });
  }
  const EventType& Stamp(Event& event) const;
  // An event that is on its way; without a ticket nothing is to be awaited.
  struct Taken {
    std::string type;
    std::string id;
    std::optional<Outbox::Ticket> ticket;
  };
  Result<Taken> Take(Event event);
  Result<std::string> AwaitTaken(const Taken& taken, bool replicated, Duration timeout);
  // Why events wait for the broker. Of a full one the janitor knows more than its refusal says.
  const std::string& Trouble() const { return janitor_.full().empty() ? sender_.trouble() : janitor_.full(); }
  Outbox& outbox() { return on_disk_.journal ? static_cast<Outbox&>(*on_disk_.journal) : memory_; }
  bool AwaitSafe(const Outbox::Ticket& ticket, Duration timeout);

  fiber::Loop& loop_;
  redis::Client& redis_;
  postgres::Pool* const pool_;
  const BusOptions options_;
  const Clock& clock_;
  Random& random_;
  const std::string incarnation_;
  const std::string session_;  // of this life of the process; a later life's is greater
  OnDisk on_disk_;
  MemoryOutbox memory_;
  Sender sender_;
  SequenceWaiters safe_;  // on disk
  std::unique_ptr<journal::Writer> writer_;
  VolatileSender volatile_sender_;
  uint64_t volatile_sequence_ = 0;
  std::unique_ptr<bus::Relay> relay_;
  Janitor janitor_;
  std::map<std::string, std::shared_ptr<Consumer>> consumers_;  // by service
  std::vector<std::shared_ptr<LiveFeed>> feeds_;
  bool consuming_ = false;
  bool relaying_ = false;
  bool stopped_ = false;
  fiber::Gate gate_;
};

const EventType& Bus::Impl::Stamp(Event& event) const {
  const EventType* const type = FindEventType(event.type);
  QUANTUM_ASSERT(type != nullptr);  // every type is registered before the services start
  event.id = NewUuid(clock_, random_);
  event.version = type->version;
  event.producer = options_.producer;
  if (event.source.empty()) {
    event.source = options_.group.empty() ? options_.producer : options_.group;
  }
  if (event.correlation_id.empty()) {
    event.correlation_id = CurrentCorrelationId();
  }
  event.timestamp_ns = ToUnixNs(clock_.Now());
  return *type;
}

std::vector<Result<std::string>> Bus::Impl::PublishAll(std::vector<Event> events, const PublishOptions& options) {
  const auto deadline = Deadline::After(options.timeout, clock_);
  std::vector<Result<Taken>> taken;
  taken.reserve(events.size());
  for (Event& event : events) {
    taken.push_back(taken.empty() || taken.back().ok() ? Take(std::move(event)) : taken.back().error());
  }
  std::vector<Result<std::string>> published(taken.size(), Error{Errc::kCancelled, ""});
  // From the last: it wakes this fiber once, and then the others are there.
  for (size_t i = taken.size(); i-- > 0;) {
    published[i] = taken[i].ok() ? AwaitTaken(*taken[i], options.await_replicated, Left(deadline)) : taken[i].error();
  }
  return published;
}

Result<Bus::Impl::Taken> Bus::Impl::Take(Event event) {
  const EventType& type = Stamp(event);
  if (stopped_) {
    return Error{Errc::kCancelled, fmt::format("publishing {}: the bus is stopped", event.type)};
  }
  if (event.payload.empty()) {
    return Error{Errc::kInvalidArgument, fmt::format("publishing {}: the payload is empty", event.type)};
  }
  Taken taken{.type = event.type, .id = event.id, .ticket = std::nullopt};
  if (type.durability == Durability::kVolatile) {
    event.incarnation = incarnation_;
    event.sequence = ++volatile_sequence_;
    volatile_sender_.Put(std::move(event));
    return taken;
  }
  janitor_.Tend(FamilyOf(taken.type));
  const auto ticket = outbox().Append(std::move(event));
  if (!ticket) {
    return Error{ticket.error().code, fmt::format("publishing {}: {}; {}", taken.type, ticket.error().message,
                                                  Trouble().empty() ? "retry later" : Trouble())};
  }
  taken.ticket = *ticket;
  sender_.Wake();
  return taken;
}

Result<std::string> Bus::Impl::AwaitTaken(const Taken& taken, bool replicated, Duration timeout) {
  const bool on_disk = writer_ && !replicated;
  const bool done =
      !taken.ticket || (on_disk ? AwaitSafe(*taken.ticket, timeout) : sender_.AwaitConfirmed(*taken.ticket, timeout));
  if (!done) {
    const std::string& reason =
        on_disk && !on_disk_.journal->trouble().empty() ? on_disk_.journal->trouble() : Trouble();
    return Error{Errc::kUnknownOutcome,
                 fmt::format("publishing {} {}: not safe in time ({}); it waits in the outbox and will be delivered, "
                             "do not publish it again",
                             taken.type, taken.id, reason.empty() ? "the broker is slow" : reason)};
  }
  return taken.id;
}

bool Bus::Impl::AwaitSafe(const Outbox::Ticket& ticket, Duration timeout) {
  writer_->Wake();
  return on_disk_.journal->durable(ticket.lane) >= ticket.sequence ||
         safe_.Await(ticket.lane, ticket.sequence, timeout);
}

Status Bus::Impl::PublishWithin(postgres::Transaction& transaction, std::vector<Event> events) {
  QUANTUM_ASSERT(pool_ != nullptr);
  std::vector<std::shared_ptr<Event>> added;
  for (Event& event : events) {
    const EventType& type = Stamp(event);
    QUANTUM_ASSERT(type.durability == Durability::kDurable);
    if (event.payload.empty()) {
      return Error{Errc::kInvalidArgument, fmt::format("publishing {}: the payload is empty", event.type)};
    }
    janitor_.Tend(FamilyOf(event.type));
    added.push_back(std::make_shared<Event>(std::move(event)));
  }
  if (added.empty()) {
    return {};
  }
  transaction.Queue(relay_->Add(added), [added](const postgres::Rows& rows) { Relay::ReadNumbers(rows, added); });
  transaction.AfterCommit([weak = weak_from_this(), added] {
    if (const auto self = weak.lock()) {
      for (const auto& event : added) {
        self->relay_->Offer(event);
      }
    }
  });
  return {};
}

void Bus::Impl::Subscribe(Subscription subscription) {
  QUANTUM_ASSERT(!consuming_);
  QUANTUM_ASSERT(static_cast<bool>(subscription.handler) != static_cast<bool>(subscription.transactional));
  QUANTUM_ASSERT(!subscription.transactional || pool_ != nullptr);
  QUANTUM_ASSERT(subscription.together == Together::kNone || subscription.transactional);
  if (subscription.group.empty()) {
    subscription.group = options_.group;
  }
  QUANTUM_ASSERT(!subscription.group.empty());
  const Context context{loop_, redis_, pool_, options_, clock_, random_, session_};
  const auto shared = std::make_shared<const Subscription>(std::move(subscription));
  std::vector<std::string> live;
  for (const std::string& name : shared->types) {
    const EventType* const type = FindEventType(name);
    QUANTUM_ASSERT(type != nullptr);
    if (type->durability == Durability::kVolatile) {
      live.push_back(name);
      continue;
    }
    auto& consumer = consumers_[shared->group];
    if (!consumer) {
      consumer = std::make_shared<Consumer>(context, shared->group);
    }
    consumer->Add(shared, name);
    janitor_.Watch(FamilyOf(name), consumer->group());
  }
  if (!live.empty()) {
    feeds_.push_back(std::make_shared<LiveFeed>(context, shared, std::move(live)));
  }
}

Status Bus::Impl::Start() {
  QUANTUM_ASSERT(!consuming_);
  for (const auto& [service, consumer] : consumers_) {
    const Status status = consumer->CreateGroups(1s);
    if (!status && status.error().code == Errc::kPermission) {
      return status.error().Within("creating the groups of " + service);
    }
    if (!status) {
      log::Warning("the groups cannot be created yet",
                   {{"group", consumer->group()}, {"reason", status.error().message}});
    }
  }
  consuming_ = true;
  BeginToRelay();
  for (const auto& [service, consumer] : consumers_) {
    consumer->Start();
  }
  for (const auto& feed : feeds_) {
    feed->Start();
  }
  return {};
}

void Bus::Impl::StopConsuming(Duration timeout) {
  if (!std::exchange(consuming_, false)) {
    return;
  }
  const auto deadline = Deadline::After(timeout, clock_);
  for (const auto& feed : feeds_) {
    static_cast<void>(feed->Stop(Duration(0)));
  }
  for (const auto& [service, consumer] : consumers_) {
    if (!consumer->StopConsuming(Left(deadline))) {
      log::Warning("events were still being handled when the time for it passed; they stay pending",
                   {{"group", consumer->group()}});
    }
  }
  for (const auto& feed : feeds_) {
    static_cast<void>(feed->Stop(Left(deadline)));
  }
}

Status Bus::Impl::Flush(Duration timeout) {
  const auto deadline = Deadline::After(timeout, clock_);
  if (!sender_.AwaitEmpty(Left(deadline))) {
    return Error{Errc::kTimeout, fmt::format("{} events still wait for the broker: {}", outbox().pending(), Trouble())};
  }
  if (relay_ && !relay_->AwaitEmpty(Left(deadline))) {
    return Error{Errc::kTimeout,
                 "rows of the outbox table still wait for the broker; they are relayed at the next start"};
  }
  return {};
}

Bus::Health Bus::Impl::health() {
  Health health{.outbox_pending = outbox().pending(), .connected = sender_.connected()};
  const WallTime now = clock_.Now();
  WallTime oldest = now;
  for (size_t lane = 0; lane < outbox().lanes(); ++lane) {
    for (const EventPtr& event : outbox().Read(lane, outbox().confirmed(lane), 1)) {
      oldest = std::min(oldest, FromUnixNs(event->timestamp_ns));
    }
  }
  health.trouble = Trouble();
  health.volatile_waiting = volatile_sender_.size();
  health.outbox_pending += relay_ ? relay_->waiting() : 0;
  if (relay_ && relay_->oldest() && *relay_->oldest() < oldest) {
    oldest = *relay_->oldest();
    health.trouble = relay_->trouble();
  }
  health.oldest_waiting = now - oldest;
  if (on_disk_.journal) {
    health.journal_bytes = on_disk_.journal->bytes();
    health.journal_trouble = on_disk_.journal->trouble();
  }
  for (const auto& [service, consumer] : consumers_) {
    const auto readers = consumer->readers();
    health.readers.insert(health.readers.end(), readers.begin(), readers.end());
    if (health.dead_letters_trouble.empty()) {
      health.dead_letters_trouble = consumer->trouble();
    }
  }
  return health;
}

void Bus::Impl::SignalStop() {
  stopped_ = true;
  sender_.Stop();
  volatile_sender_.Stop();
  janitor_.Stop();
  if (writer_) {
    writer_->Stop();
  }
  if (relay_) {
    relay_->Stop();
  }
}

void Bus::Impl::Stop() {
  StopConsuming(2s);
  SignalStop();
  gate_.Close();
  if (!gate_.WaitEmptyFor(10s)) {
    log::Error("the bus's fibers do not end");
  }
}

Result<std::unique_ptr<Bus>> Bus::Open(fiber::Loop& loop, redis::Client& redis, postgres::Pool* pool,
                                       BusOptions options, const Clock& clock, Random& random) {
  OnDisk on_disk;
  const std::string incarnation = NewIncarnation(random);
  if (!options.journal_directory.empty()) {
    QUANTUM_TRY(on_disk.storage, journal::DirectoryStorage::Open(options.journal_directory));
    QUANTUM_TRY(on_disk.journal,
                journal::Journal::Open(*on_disk.storage,
                                       {.producer = options.producer, .events_max = options.outbox_events_max},
                                       incarnation, clock.Steady(), clock.Now()));
    for (const std::string& segment : on_disk.journal->damaged()) {
      log::Critical(
          "a segment of the journal is damaged; the events behind the damage are not sent. Compare the disk, "
          "and rebuild them from Postgres",
          {{"directory", options.journal_directory}, {"segment", segment}});
    }
    if (const size_t waiting = on_disk.journal->pending(); waiting > 0) {
      log::Info("an earlier life left events for the broker", {{"waiting", waiting}});
    }
  }
  return std::unique_ptr<Bus>(new Bus(
      std::make_shared<Impl>(loop, redis, pool, std::move(options), clock, random, incarnation, std::move(on_disk))));
}

Bus::Bus(fiber::Loop& loop, redis::Client& redis, postgres::Pool* pool, BusOptions options, const Clock& clock,
         Random& random)
    : Bus(std::make_shared<Impl>(loop, redis, pool, std::move(options), clock, random, NewIncarnation(random),
                                 OnDisk())) {}

Bus::Bus(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) { impl_->Begin(); }

Bus::~Bus() {
  // A fiber that is being unwound because its loop is gone cannot wait any more.
  if (fiber::InFiber() && std::uncaught_exceptions() == 0) {
    impl_->Stop();  // its fibers use the Redis client and the pool, which may go away next
  } else {
    impl_->SignalStop();
  }
}

Result<std::string> Bus::Publish(Event event, PublishOptions options) {
  return std::move(PublishAll({std::move(event)}, options).front());
}

std::vector<Result<std::string>> Bus::PublishAll(std::vector<Event> events, PublishOptions options) {
  return impl_->PublishAll(std::move(events), options);
}
Status Bus::PublishWithin(postgres::Transaction& transaction, std::vector<Event> events) {
  return impl_->PublishWithin(transaction, std::move(events));
}
void Bus::Subscribe(Subscription subscription) { impl_->Subscribe(std::move(subscription)); }
Status Bus::Start() { return impl_->Start(); }
void Bus::StopConsuming(Duration timeout) { impl_->StopConsuming(timeout); }
Status Bus::Flush(Duration timeout) { return impl_->Flush(timeout); }
void Bus::Stop() { impl_->Stop(); }
Bus::Health Bus::health() const { return impl_->health(); }

}  // namespace quantum::bus
