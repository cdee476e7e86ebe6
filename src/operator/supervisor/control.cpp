#include "operator/supervisor/control.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <istream>

#include "operator/supervisor/record.h"
#include "platform/fiber/await.h"

namespace quantum::operate {

namespace asio = boost::asio;
namespace json = boost::json;
using Executor = asio::io_context::executor_type;
using Local = asio::local::stream_protocol;
using Socket = asio::basic_stream_socket<Local, Executor>;
using Acceptor = asio::basic_socket_acceptor<Local, Executor>;

namespace {
constexpr size_t kRequestBytesMax = 4096;
constexpr size_t kChangesKept = 1024;
constexpr std::chrono::milliseconds kPoll(20);
constexpr std::chrono::seconds kStillMax(60);  // beyond any start deadline and back-off of a usual manifest

struct Refusal {
  std::string message;  // begins with the verb where `unit` is the subject: "exited with code 3"
  std::string unit{};
};
}  // namespace

struct ControlServer::Impl : std::enable_shared_from_this<Impl> {
  Impl(fiber::Loop& the_loop, SupervisorCore& the_core, Hooks the_hooks)
      : loop(the_loop), core(the_core), hooks(std::move(the_hooks)), acceptor(the_loop.context()) {}

  void AcceptFiber() {
    while (acceptor.is_open()) {
      Socket socket(loop.context());
      boost::system::error_code error;
      fiber::Await([&](fiber::Yield& yield) { acceptor.async_accept(socket, yield[error]); });
      if (!error) {
        loop.Spawn([self = shared_from_this(), peer = std::make_shared<Socket>(std::move(socket))] {
          auto pass = self->gate.Enter();
          if (pass) {
            self->Session(*peer);
          }
        });
      } else if (acceptor.is_open()) {
        fiber::SleepFor(std::chrono::milliseconds(100));  // out of descriptors, most likely
      }
    }
  }

  bool Send(Socket& socket, const json::object& object) {
    const std::string line = json::serialize(object) + "\n";
    boost::system::error_code error;
    fiber::Await([&](fiber::Yield& yield) { asio::async_write(socket, asio::buffer(line), yield[error]); });
    return !error;
  }

  void Session(Socket& socket) {
    asio::streambuf buffer(kRequestBytesMax);
    boost::system::error_code error;
    fiber::Await([&](fiber::Yield& yield) { asio::async_read_until(socket, buffer, "\n", yield[error]); });
    if (error) {
      return;
    }
    std::istream stream(&buffer);
    std::string line;
    std::getline(stream, line);
    const std::optional<Refusal> refusal = Handle(socket, line);
    json::object last{{"done", true}, {"ok", !refusal}};
    if (refusal) {
      last["error"] = refusal->message;
      last["stopped"] = core.shutting_down() && core.all_stopped();
      last["disk_full"] = hooks.disk_full();
      if (!refusal->unit.empty()) {
        last["cause"] = refusal->unit;
        last["last_words"] = hooks.last_words(refusal->unit);
      }
    }
    last["phase"] = core.startup_failure() ? "failed"
                    : core.shutting_down() ? "stopping"
                    : core.starting_up()   ? "starting"
                                           : "running";
    json::array units;
    for (const UnitStatus& unit : core.List()) {
      units.push_back(json::parse(StatusToJson(unit)));
    }
    last["units"] = std::move(units);
    if (Send(socket, last) && core.startup_failure() && refusal) {
      failure_told = true;
    }
  }

  // Nothing: it was done.
  std::optional<Refusal> Handle(Socket& socket, const std::string& line) {
    boost::system::error_code error;
    const json::value request = json::parse(line, error);
    const json::value* op = error || !request.is_object() ? nullptr : request.as_object().if_contains("op");
    if (op == nullptr || !op->is_string()) {
      return Refusal{"a request is a JSON object with \"op\""};
    }
    std::string unit;
    if (const json::value* name = request.as_object().if_contains("unit"); name != nullptr && name->is_string()) {
      unit = std::string(name->as_string());
    }
    const std::string_view verb = op->as_string();
    const uint64_t from = next_change;
    if (verb == "list") {
      return std::nullopt;
    }
    if (verb == "watch") {
      const bool from_the_beginning = core.starting_up() || core.startup_failure();
      return Follow(socket, from_the_beginning ? first_change : next_change,
                    [this](bool still) { return StartOutcome(still); });
    }
    if (verb == "down") {
      core.StopAll();
      hooks.wake();
      return Follow(socket, from, [this](bool) { return core.all_stopped() ? Done() : Pending(); });
    }
    if (verb == "start" || verb == "restart" || verb == "stop") {
      const Status taken = verb == "start" ? core.Start(unit) : verb == "stop" ? core.Stop(unit) : core.Restart(unit);
      if (!taken.ok()) {
        return Refusal{taken.error().message};
      }
      hooks.wake();
      // The change itself is due in the next round of the supervisor.
      fiber::SleepFor(kPoll);
      return Follow(socket, from, [this, unit, up = verb != "stop"](bool) { return UnitOutcome(unit, up); });
    }
    return Refusal{fmt::format("there is no op '{}'", verb)};
  }

  // Nothing yet; done; or a refusal.
  struct Outcome {
    bool final = false;
    std::optional<Refusal> refusal;
  };
  static Outcome Pending() { return {}; }
  static Outcome Done() { return {.final = true, .refusal = std::nullopt}; }
  static Outcome Refuse(std::string message, std::string unit) {
    return {.final = true, .refusal = Refusal{std::move(message), std::move(unit)}};
  }
  static Outcome NotReady(const UnitStatus& unit) {
    const std::string why = unit.detail.empty() ? "" : fmt::format(" ({})", unit.detail);
    const std::string advice =
        unit.state == State::kStopped ? fmt::format("; ./quantum start {} starts it", unit.name) : "";
    return Refuse(fmt::format("is {}{}{}", ToString(unit.state), why, advice), unit.name);
  }

  // `still`: nothing has changed for kStillMax.
  Outcome StartOutcome(bool still) const {
    if (const auto& failure = core.startup_failure()) {
      return core.all_stopped() ? Refuse(failure->what, failure->unit) : Pending();
    }
    if (core.shutting_down()) {
      return Refuse("the platform is being stopped; try again when it is", {});
    }
    if (core.starting_up()) {
      return Pending();
    }
    const std::vector<UnitStatus> missing = core.NotReady();
    for (const UnitStatus& unit : missing) {
      if (unit.state == State::kFailed || unit.state == State::kStopped || core.IsLate(unit.name) || still) {
        return NotReady(unit);
      }
    }
    return missing.empty() ? Done() : Pending();
  }

  Outcome UnitOutcome(const std::string& name, bool up) const {
    const UnitStatus& unit = core.Find(name);
    if (!up) {
      return unit.pid == 0 ? Done() : Pending();
    }
    if (unit.state == State::kScheduled && unit.last_run && !unit.last_run->ok) {
      return Refuse(unit.last_run->detail, name);
    }
    if (unit.state == State::kReady || unit.state == State::kDone || unit.state == State::kScheduled) {
      return Done();
    }
    const bool given_up = unit.state == State::kFailed || unit.state == State::kStopped || core.IsLate(name);
    return given_up ? NotReady(unit) : Pending();
  }

  template <class Finished>
  std::optional<Refusal> Follow(Socket& socket, uint64_t from, Finished finished) {
    SteadyTime changed = SystemClock().Steady();
    while (true) {
      for (from = std::max(from, first_change); from < next_change; ++from) {
        changed = SystemClock().Steady();
        if (!Send(socket, {{"unit", json::parse(changes[from - first_change])}})) {
          return std::nullopt;  // nobody listens any more
        }
      }
      if (Outcome outcome = finished(SystemClock().Steady() - changed > kStillMax); outcome.final) {
        return std::move(outcome.refusal);
      }
      fiber::SleepFor(kPoll);
    }
  }

  fiber::Loop& loop;
  SupervisorCore& core;
  Hooks hooks;
  Acceptor acceptor;
  fiber::Gate gate;
  std::string path;
  std::deque<std::string> changes;  // the newest kChangesKept, as JSON
  uint64_t first_change = 0;        // the number of changes.front()
  uint64_t next_change = 0;
  bool failure_told = false;
};

ControlServer::ControlServer(fiber::Loop& loop, SupervisorCore& core, Hooks hooks)
    : impl_(std::make_shared<Impl>(loop, core, std::move(hooks))) {}

ControlServer::~ControlServer() = default;

Status ControlServer::Listen(const std::string& path) {
  ::unlink(path.c_str());
  boost::system::error_code error;
  impl_->path = path;
  const mode_t before = ::umask(0177);
  impl_->acceptor.open(Local(), error);
  if (!error) {
    impl_->acceptor.bind(Local::endpoint(path), error);
  }
  if (!error) {
    impl_->acceptor.listen(16, error);
  }
  ::umask(before);
  if (error) {
    return Error{Errc::kInternal, fmt::format("listening on {}: {}", path, error.message())};
  }
  impl_->loop.Spawn([impl = impl_] { impl->AcceptFiber(); });
  return {};
}

void ControlServer::Changed(const UnitStatus& status) {
  impl_->changes.push_back(StatusToJson(status));
  impl_->next_change++;
  if (impl_->changes.size() > kChangesKept) {
    impl_->changes.pop_front();
    impl_->first_change++;
  }
}

bool ControlServer::failure_told() const { return impl_->failure_told; }

void ControlServer::Close() {
  boost::system::error_code ignored;
  impl_->acceptor.close(ignored);
  impl_->gate.Close();
  impl_->gate.WaitEmptyFor(std::chrono::seconds(1));
  ::unlink(impl_->path.c_str());
}

}  // namespace quantum::operate
