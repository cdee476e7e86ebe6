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
}  // namespace

struct ControlServer::Impl : std::enable_shared_from_this<Impl> {
  Impl(fiber::Loop& the_loop, SupervisorCore& the_core, std::function<void()> the_wake)
      : loop(the_loop), core(the_core), wake(std::move(the_wake)), acceptor(the_loop.context()) {}

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
    const Status status = Handle(socket, line);
    json::object last{{"done", true}, {"ok", status.ok()}};
    if (!status.ok()) {
      last["error"] = status.error().message;
    }
    last["phase"] = core.shutting_down()   ? "stopping"
                    : core.startup_error() ? "failed"
                    : core.starting_up()   ? "starting"
                                           : "running";
    json::array units;
    for (const UnitStatus& unit : core.List()) {
      units.push_back(json::parse(StatusToJson(unit)));
    }
    last["units"] = std::move(units);
    Send(socket, last);
  }

  Status Handle(Socket& socket, const std::string& line) {
    boost::system::error_code error;
    const json::value request = json::parse(line, error);
    const json::value* op = error ? nullptr : request.as_object().if_contains("op");
    if (op == nullptr || !op->is_string()) {
      return Error{Errc::kInvalidArgument, "a request is a JSON object with \"op\""};
    }
    std::string unit;
    if (const json::value* name = request.as_object().if_contains("unit"); name != nullptr && name->is_string()) {
      unit = std::string(name->as_string());
    }
    const std::string_view verb = op->as_string();
    const uint64_t from = next_change;
    if (verb == "list") {
      return {};
    }
    if (verb == "watch") {
      return Follow(socket, first_change, [this] { return StartOutcome(); });
    }
    if (verb == "down") {
      core.StopAll();
      wake();
      return Follow(socket, from, [this] { return core.all_stopped() ? Done() : Pending(); });
    }
    if (verb == "start" || verb == "restart" || verb == "stop") {
      QUANTUM_CHECK(verb == "start" ? core.Start(unit) : verb == "stop" ? core.Stop(unit) : core.Restart(unit));
      wake();
      // The change itself is due in the next round of the supervisor.
      fiber::SleepFor(kPoll);
      return Follow(socket, from, [this, unit, up = verb != "stop"] { return UnitOutcome(unit, up); });
    }
    return Error{Errc::kInvalidArgument, fmt::format("there is no op '{}'", verb)};
  }

  using Outcome = std::optional<Status>;
  static Outcome Done() { return Status(); }
  static Outcome Pending() { return std::nullopt; }

  Outcome StartOutcome() const {
    if (core.startup_error()) {
      return Status(Error{Errc::kInternal, *core.startup_error()});
    }
    if (core.shutting_down()) {
      return Status(Error{Errc::kConflict, "the platform is being stopped"});
    }
    return core.starting_up() ? Pending() : Done();
  }

  Outcome UnitOutcome(const std::string& name, bool up) const {
    const UnitStatus& status = core.Find(name);
    if (!up) {
      return status.pid == 0 ? Done() : Pending();
    }
    if (status.state == State::kReady || status.state == State::kDone) {
      return Done();
    }
    if (status.state == State::kFailed || status.state == State::kStopped) {
      return Status(Error{Errc::kInternal, fmt::format("{} {}", name, status.detail)});
    }
    return Pending();
  }

  template <class Finished>
  Status Follow(Socket& socket, uint64_t from, Finished finished) {
    while (true) {
      for (from = std::max(from, first_change); from < next_change; ++from) {
        if (!Send(socket, {{"unit", json::parse(changes[from - first_change])}})) {
          return {};  // nobody listens any more
        }
      }
      if (auto outcome = finished()) {
        return *outcome;
      }
      fiber::SleepFor(kPoll);
    }
  }

  fiber::Loop& loop;
  SupervisorCore& core;
  std::function<void()> wake;
  Acceptor acceptor;
  fiber::Gate gate;
  std::string path;
  std::deque<std::string> changes;  // the newest kChangesKept, as JSON
  uint64_t first_change = 0;        // the number of changes.front()
  uint64_t next_change = 0;
};

ControlServer::ControlServer(fiber::Loop& loop, SupervisorCore& core, std::function<void()> wake)
    : impl_(std::make_shared<Impl>(loop, core, std::move(wake))) {}

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

void ControlServer::Close() {
  boost::system::error_code ignored;
  impl_->acceptor.close(ignored);
  impl_->gate.Close();
  impl_->gate.WaitEmptyFor(std::chrono::seconds(1));
  ::unlink(impl_->path.c_str());
}

}  // namespace quantum::operate
