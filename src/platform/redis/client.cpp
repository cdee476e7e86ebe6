#include "platform/redis/client.h"

#include <fmt/format.h>

#include <exception>
#include <optional>

#include "platform/log/log.h"
#include "platform/redis/discovery.h"
#include "platform/redis/operations.h"
#include "platform/redis/pipeline.h"
#include "platform/redis/sentinels.h"
#include "platform/redis/wire.h"
#include "platform/resilience/resilience.h"

namespace quantum::redis {

namespace {

using namespace std::chrono_literals;
using resilience::Deadline;

constexpr Duration kIdlePing = 500ms;     // an idle connection shows within this that it is dead
constexpr Duration kSilenceMax = 2s;      // in flight and nothing read: the node hangs or is cut off
constexpr Duration kVerifyInterval = 5s;  // sentinels are asked at least this often, hints or not
constexpr Duration kVerifyAfterHint = 100ms;
constexpr Duration kHintLasts = 2s;
// After an election: how often, and for how long, the chosen node is looked at, whom the sentinels name later.
constexpr Duration kLookAtChosen = 20ms;
constexpr Duration kChosenIsNews = 1500ms;
constexpr Duration kFailoverMax = 5s;  // failover-timeout of infra/redis/sentinel.conf: they name the deposed no longer
constexpr Duration kEndMax = 3s;
constexpr Duration kDrainMax = 500ms;  // what a node that refuses may take to answer the rest

// A refused password names the secret to look at.
Error WithSecret(Error error, const std::string& secret) {
  if (error.code == Errc::kPermission && !secret.empty()) {
    error.message +=
        fmt::format("; check the secret {} (the servers know another password, or this user not at all)", secret);
  }
  return error;
}

}  // namespace

class Client::Impl : public std::enable_shared_from_this<Client::Impl> {
 public:
  Impl(fiber::Loop& loop, ClientOptions options, const Clock& clock, Random& random)
      : loop_(loop),
        clock_(clock),
        random_(random),
        options_(std::move(options)),
        watched_(options_.sentinels.size()),
        backoff_({.base = 20ms, .cap = 300ms, .floor = 10ms}, random) {}

  void Start() {
    Fiber([](Impl& self) { self.Keep(); });
    Fiber([](Impl& self) { self.Verify(); });
    for (size_t i = 0; i < options_.sentinels.size(); ++i) {
      Fiber([i](Impl& self) { self.Watch(i); });
    }
  }

  void Stop() {
    stop_.Set();
    retry_.Set();
    hint_.Set();
    work_.Set();
    connected_.Set();
    for (const auto& wire : watched_) {
      if (wire) {
        wire->Close();
      }
    }
    if (wire_) {
      wire_->Close();
    }
    gate_.Close();
  }

  // Waits until the client's fibers have ended, so that nobody speaks to Redis after the client is gone.
  void AwaitEnd() { gate_.WaitEmptyFor(kEndMax); }

  Result<std::vector<Reply>> Run(std::vector<Command> commands, Duration timeout);
  Result<std::unique_ptr<Connection>> Dedicated(Duration timeout);

  const ClientOptions& options() const { return options_; }
  const Clock& clock() const { return clock_; }
  Endpoint master() const { return master_.value_or(Endpoint{}); }
  const Found& found() const { return found_; }

 private:
  void Fiber(std::function<void(Impl&)> body) {
    loop_.Spawn([self = shared_from_this(), body = std::move(body)] {
      if (const auto pass = self->gate_.Enter()) {
        body(*self);
      }
    });
  }
  void Keep();
  Result<std::shared_ptr<Wire>> OpenMaster();
  Result<std::shared_ptr<Wire>> OpenVerified(const Discovery::Verdict& verdict);
  void PauseBeforeRetry();
  void OnElection(Election election);
  bool Elected(Duration since) const { return election_ && clock_.Steady() - elected_at_ < since; }
  void Serve(const std::shared_ptr<Wire>& wire);
  void Receive(const std::shared_ptr<Wire>& wire, fiber::Event& ended);
  void Verify();
  void Watch(size_t sentinel);
  bool MustDrop(SteadyTime& refused_since);
  Error NoMaster() const {
    return {why_.code, fmt::format("no Redis master \"{}\": {}", options_.master_name, why_.message)};
  }

  fiber::Loop& loop_;
  const Clock& clock_;
  Random& random_;
  const ClientOptions options_;
  std::vector<std::shared_ptr<Wire>> watched_;  // connections to the sentinels, for +switch-master
  resilience::Backoff backoff_;
  Pipeline pipeline_;
  std::shared_ptr<Wire> wire_;      // while connected
  std::optional<Endpoint> master_;  // the last one whose ROLE was verified
  Error why_{Errc::kUnavailable, "not connected yet"};
  Found found_;                       // the last round of asking the sentinels
  std::optional<Election> election_;  // the last one
  SteadyTime elected_at_{};
  SteadyTime heard_{};  // when the last answer came, or the first of a burst was sent
  fiber::Event work_;   // something waits to be written
  fiber::Event connected_;
  fiber::Event hint_;   // a sentinel spoke of a new master
  fiber::Event retry_;  // ends the pause between two attempts to connect
  fiber::Event stop_;
  fiber::Gate gate_;
};

void Client::Impl::Keep() {
  while (!stop_.is_set()) {
    auto wire = OpenMaster();
    if (!wire) {
      if (why_.message != wire.error().message) {
        why_ = wire.error();
        log::Warning("no Redis master", {{"master_name", options_.master_name}, {"reason", why_.message}});
      }
      PauseBeforeRetry();
      continue;
    }
    log::Info("connected to the Redis master", {{"host", master_->host}, {"port", master_->port}});
    why_ = {Errc::kUnavailable, "the connection broke"};
    Serve(*wire);
    PauseBeforeRetry();
  }
  why_ = {Errc::kUnavailable, "the client is stopping"};
  pipeline_.Abandon();
}

void Client::Impl::PauseBeforeRetry() {
  retry_.Reset();
  if (!stop_.is_set()) {
    retry_.WaitFor(Elected(kChosenIsNews) ? kLookAtChosen : backoff_.Next());
  }
}

Result<std::shared_ptr<Wire>> Client::Impl::OpenMaster() {
  const bool elected = Elected(kChosenIsNews);
  if (elected) {
    if (auto wire = OpenVerified({Discovery::Verdict::Kind::kElected, election_->chosen, {}})) {
      return wire;
    }
  }
  const Found found = found_ = AskSentinels(loop_, options_, master_, clock_);
  if (found.verdict.kind == Discovery::Verdict::Kind::kNone) {
    return WithSecret({found.verdict.code, found.verdict.reason}, options_.sentinel_secret);
  }
  if (elected && found.verdict.master == election_->deposed) {
    return Error{Errc::kUnavailable, "the sentinels have chosen another master, which is not ready yet"};
  }
  return OpenVerified(found.verdict);
}

Result<std::shared_ptr<Wire>> Client::Impl::OpenVerified(const Discovery::Verdict& verdict) {
  auto opened = Wire::Open(loop_, verdict.master, options_.user, options_.password, options_.connect_timeout, clock_);
  if (!opened) {
    return WithSecret(opened.error(), options_.secret);
  }
  auto wire = *std::move(opened);
  QUANTUM_TRY(auto replies, wire->Run({{"ROLE"}}, options_.connect_timeout));
  const Result<Role> role = ParseRole(replies.front());
  if (!role) {
    return WithSecret(role.error(), options_.secret);
  }
  QUANTUM_CHECK(VerifyRole(verdict, *role));
  master_ = verdict.master;
  return wire;
}

void Client::Impl::Serve(const std::shared_ptr<Wire>& wire) {
  wire_ = wire;
  connected_.Set();
  heard_ = clock_.Steady();
  fiber::Event ended;
  loop_.Spawn([self = shared_from_this(), wire, &ended] { self->Receive(wire, ended); });
  SteadyTime refused_since{};
  while (!stop_.is_set() && !wire->closed() && !MustDrop(refused_since)) {
    if (pipeline_.refused()) {
      stop_.WaitFor(5ms);  // the rest of the answers is on its way
      continue;
    }
    if (pipeline_.idle()) {
      work_.Reset();
      if (!work_.WaitFor(kIdlePing) && !pipeline_.in_flight()) {
        auto ping = std::make_shared<Request>();
        ping->commands = 1;
        ping->bytes = Encode(Command{"PING"});
        pipeline_.Push(std::move(ping));
      }
      continue;
    }
    if (!pipeline_.in_flight()) {
      heard_ = clock_.Steady();
    }
    const std::string bytes = pipeline_.TakeBytes();
    if (!wire->Write(bytes, kSilenceMax)) {
      break;
    }
  }
  connected_.Reset();
  wire_.reset();
  wire->Close();
  ended.Wait();
  pipeline_.OnBroken();
}

bool Client::Impl::MustDrop(SteadyTime& refused_since) {
  const SteadyTime now = clock_.Steady();
  if (pipeline_.refused()) {
    if (refused_since == SteadyTime{}) {
      refused_since = now;
    }
    return !pipeline_.in_flight() || now - refused_since > kDrainMax;
  }
  return pipeline_.in_flight() && now - heard_ > kSilenceMax;
}

void Client::Impl::Receive(const std::shared_ptr<Wire>& wire, fiber::Event& ended) {
  while (true) {
    auto reply = wire->Read(Duration::zero());
    if (!reply) {
      break;
    }
    heard_ = clock_.Steady();
    const bool good = !reply->is_error();
    if (!pipeline_.OnReply(std::move(*reply))) {
      log::Error("Redis answered what nobody asked",
                 {{"host", wire->endpoint().host}, {"port", wire->endpoint().port}});
      break;
    }
    if (good) {
      backoff_.Reset();
    }
  }
  wire->Close();
  work_.Set();
  ended.Set();
}

// Drops the connection when a majority of sentinels names another master.
void Client::Impl::Verify() {
  SteadyTime hurry_until{};
  while (!stop_.is_set()) {
    // The sentinel that hinted knows of the switch before the others do: ask again soon.
    const bool hurry = clock_.Steady() < hurry_until;
    if (hint_.WaitFor(hurry ? kVerifyAfterHint : kVerifyInterval)) {
      hurry_until = clock_.Steady() + kHintLasts;
    }
    hint_.Reset();
    if (hurry) {
      stop_.WaitFor(kVerifyAfterHint);
    }
    if (stop_.is_set() || !wire_) {
      continue;
    }
    const auto wire = wire_;
    const auto drop = [&](const char* why, int new_port) {
      log::Warning(why, {{"old_port", wire->endpoint().port}, {"new_port", new_port}});
      wire->Close();
      work_.Set();
      hurry_until = {};
    };
    if (Elected(kChosenIsNews) && wire->endpoint() == election_->deposed) {
      // A planned failover: the deposed lives, without its replicas.
      if (OpenVerified({Discovery::Verdict::Kind::kElected, election_->chosen, {}})) {
        drop("the sentinels chose another Redis master; dropping the connection", election_->chosen.port);
      }
      continue;
    }
    const Found found = found_ = AskSentinels(loop_, options_, std::nullopt, clock_);
    // They name the deposed until their leader has seen that the chosen one is master.
    const bool behind =
        Elected(kFailoverMax) && wire->endpoint() == election_->chosen && found.verdict.master == election_->deposed;
    if (found.verdict.kind == Discovery::Verdict::Kind::kMaster && found.verdict.master != wire->endpoint() &&
        !behind) {
      drop("the sentinels name another Redis master; dropping the connection", found.verdict.master.port);
    }
  }
}

void Client::Impl::OnElection(Election election) {
  if (election.master_name != options_.master_name) {
    return;
  }
  election_ = std::move(election);
  elected_at_ = clock_.Steady();
  retry_.Set();
  hint_.Set();
}

// Listens to one sentinel for a failover that began or ended: hints only.
void Client::Impl::Watch(size_t sentinel) {
  resilience::Backoff backoff({.base = 200ms, .cap = 5s, .floor = 100ms}, random_);
  while (!stop_.is_set()) {
    auto wire = Wire::Open(loop_, options_.sentinels[sentinel], "", options_.sentinel_password,
                           options_.connect_timeout, clock_);
    if (wire &&
        (*wire)->Run({{"SUBSCRIBE", "+switch-master"}, {"SUBSCRIBE", "+selected-slave"}}, options_.connect_timeout)) {
      backoff.Reset();
      watched_[sentinel] = *wire;
      hint_.Set();  // it may have switched while we were not listening
      while (!stop_.is_set()) {
        auto push = (*wire)->Read(1s);
        if (push && SwitchedMaster(*push) == options_.master_name) {
          hint_.Set();
        } else if (auto election = push ? ElectionOf(*push) : std::nullopt) {
          OnElection(*std::move(election));
        } else if (!push && push.error().code != Errc::kTimeout) {
          break;
        }
      }
    }
    stop_.WaitFor(backoff.Next());
  }
}

Result<std::vector<Reply>> Client::Impl::Run(std::vector<Command> commands, Duration timeout) {
  QUANTUM_ASSERT(!commands.empty());
  if (stop_.is_set()) {
    return Error{Errc::kCancelled, "the Redis client is stopping"};
  }
  if (pipeline_.commands() + commands.size() > options_.pipeline_max) {
    return Error{Errc::kExhausted, fmt::format("{} Redis commands wait or are in flight (limit {}); retry later",
                                               pipeline_.commands(), options_.pipeline_max)};
  }
  const std::string name = commands.size() == 1 ? commands.front().front() : "pipeline of " + commands.front().front();
  const auto request = std::make_shared<Request>();
  request->commands = commands.size();
  request->bytes = Encode(commands);
  const SteadyTime started = clock_.Steady();
  pipeline_.Push(request);
  work_.Set();
  request->done.WaitFor(timeout > Duration::zero() ? timeout : options_.command_timeout);
  const Duration elapsed = clock_.Steady() - started;
  const auto count = [&](Outcome outcome) {
    for (const Command& command : commands) {
      CountOperation(command.front(), outcome, elapsed);
    }
  };
  if (request->state == Request::State::kAnswered) {
    for (size_t i = 0; i < commands.size(); ++i) {
      CountOperation(commands[i].front(), request->replies[i].is_error() ? Outcome::kError : Outcome::kOk, elapsed);
    }
    return std::move(request->replies);
  }
  if (request->state == Request::State::kQueued && pipeline_.Withdraw(request)) {
    count(Outcome::kUnavailable);
    return NoMaster().Within("Redis " + name);
  }
  count(Outcome::kUnknown);
  return Error{
      Errc::kUnknownOutcome,
      fmt::format("Redis {}: sent, but {}; it may have been executed", name,
                  request->state == Request::State::kBroken ? "the connection broke" : "no answer came in time")};
}

Result<std::unique_ptr<Connection>> Client::Impl::Dedicated(Duration timeout) {
  const auto deadline = Deadline::After(timeout > Duration::zero() ? timeout : options_.command_timeout, clock_);
  while (!stop_.is_set()) {
    if (!connected_.WaitFor(std::max(deadline.left(), Duration(0)))) {
      return NoMaster();
    }
    if (stop_.is_set()) {
      break;
    }
    if (!master_) {
      return NoMaster();
    }
    auto connection =
        Connection::Open(loop_, *master_, options_.user, options_.password, options_.connect_timeout, clock_);
    if (connection) {
      auto role = (*connection)->Run(Command{"ROLE"}, options_.connect_timeout);
      if (role && ParseRole(*role) && ParseRole(*role)->master) {
        return connection;
      }
    }
    hint_.Set();
    if (deadline.passed()) {
      return connection ? NoMaster() : connection.error();
    }
    stop_.WaitFor(20ms);
  }
  return Error{Errc::kCancelled, "the Redis client is stopping"};
}

Client::Client(fiber::Loop& loop, ClientOptions options, const Clock& clock, Random& random)
    : impl_(std::make_shared<Impl>(loop, std::move(options), clock, random)) {
  impl_->Start();
}

Client::~Client() {
  impl_->Stop();
  // A fiber that is being unwound because its loop is gone cannot wait any more.
  if (fiber::InFiber() && std::uncaught_exceptions() == 0) {
    impl_->AwaitEnd();
  }
}

Result<Reply> Client::Run(Command command, Duration timeout) {
  const auto impl = impl_;  // outlives the handle while this fiber waits
  const std::string name = command.front();
  QUANTUM_TRY(auto replies, impl->Run({std::move(command)}, timeout));
  if (replies.front().is_error()) {
    return ToError(name, replies.front().text);
  }
  return std::move(replies.front());
}

Result<std::vector<Reply>> Client::Run(std::vector<Command> commands, Duration timeout) {
  const auto impl = impl_;
  return impl->Run(std::move(commands), timeout);
}

Result<std::unique_ptr<Connection>> Client::Dedicated(Duration timeout) {
  const auto impl = impl_;
  return impl->Dedicated(timeout);
}

Result<Client::Health> Client::Check(Duration timeout) {
  const auto impl = impl_;
  const SteadyTime started = impl->clock().Steady();
  QUANTUM_TRY(const auto replies, impl->Run({{"ROLE"}}, timeout));
  QUANTUM_TRY(Role role, ParseRole(replies.front()));
  return Health{impl->clock().Steady() - started, impl->master(), std::move(role.attached),
                impl->found().sentinels_reached, impl->found().sentinels_agree};
}

const ClientOptions& Client::options() const { return impl_->options(); }
Endpoint Client::master() const { return impl_->master(); }

}  // namespace quantum::redis
