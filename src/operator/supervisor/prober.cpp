#include "operator/supervisor/prober.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <csignal>
#include <sstream>

#include "operator/supervisor/servers.h"
#include "platform/fiber/await.h"

namespace quantum::operate {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Descriptor = asio::posix::basic_stream_descriptor<Executor>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

namespace {

constexpr size_t kAnswerBytesMax = 16 * 1024;
constexpr auto kAskAgain = std::chrono::milliseconds(50);

Status Connect(Socket& socket, const std::string& host, int port) {
  boost::system::error_code error;
  const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(host, error), static_cast<uint16_t>(port));
  if (!error) {
    fiber::Await([&](fiber::Yield& yield) { socket.async_connect(endpoint, yield[error]); });
  }
  if (error) {
    return Error{Errc::kUnavailable, fmt::format("port {}: {}", port, error.message())};
  }
  return {};
}

Status Send(Socket& socket, std::string_view request) {
  boost::system::error_code error;
  fiber::Await([&](fiber::Yield& yield) {
    asio::async_write(socket, asio::buffer(request.data(), request.size()), yield[error]);
  });
  return error ? Status(Error{Errc::kUnavailable, error.message()}) : Status();
}

// Reads until `enough` says so, the other side has closed or kAnswerBytesMax have come.
template <class Enough>
Result<std::string> Receive(Socket& socket, Enough enough) {
  std::string answer;
  while (!enough(answer)) {
    char chunk[1024];
    boost::system::error_code error;
    size_t got = 0;
    fiber::Await([&](fiber::Yield& yield) { got = socket.async_read_some(asio::buffer(chunk), yield[error]); });
    answer.append(chunk, got);
    if (error == asio::error::eof || answer.size() >= kAnswerBytesMax) {
      break;
    }
    if (error) {
      return Error{Errc::kUnavailable, error.message()};
    }
  }
  return answer;
}

// The `detail` of a problem (RFC 9457): why a service is not ready. Empty: it does not say.
std::string DetailOf(std::string_view answer) {
  const size_t body = answer.find("\r\n\r\n");
  if (body == std::string_view::npos) {
    return {};
  }
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(answer.substr(body + 4), error);
  const boost::json::value* detail = error || !value.is_object() ? nullptr : value.as_object().if_contains("detail");
  return detail != nullptr && detail->is_string() ? std::string(detail->as_string()) : std::string();
}

bool IsGood(int status) { return status >= 200 && status <= 299; }

// 0 until the status line is there.
int StatusOf(const std::string& answer) {
  if (answer.find("\r\n") == std::string::npos) {
    return 0;
  }
  std::istringstream stream(answer);
  std::string version;
  int status = 0;
  stream >> version >> status;
  return status;
}

Status Get(Socket& socket, const std::string& host, int port, const std::string& path) {
  QUANTUM_CHECK(Connect(socket, host, port));
  const std::string request =
      fmt::format("GET {} HTTP/1.1\r\nHost: {}:{}\r\nUser-Agent: quantum-supervisor\r\nConnection: close\r\n\r\n", path,
                  config::InUrl(host), port);
  QUANTUM_CHECK(Send(socket, request));
  // Of a good answer the first line is enough; a refusal is read to its end, for its reason.
  QUANTUM_TRY(const std::string answer,
              Receive(socket, [](const std::string& text) { return IsGood(StatusOf(text)); }));
  const int status = StatusOf(answer);
  if (IsGood(status)) {
    return {};
  }
  const std::string detail = DetailOf(answer);
  return Error{Errc::kUnavailable, detail.empty() ? fmt::format("{} answered {}", path, status) : detail};
}

Status AskRedis(Socket& socket, const Question& question) {
  QUANTUM_CHECK(Connect(socket, question.host, question.port));
  QUANTUM_CHECK(Send(socket, RedisPing(question.probe.user, question.password)));
  const int replies = question.password.empty() ? 1 : 2;
  QUANTUM_TRY(const std::string answer,
              Receive(socket, [&](const std::string& text) { return HasLines(text, replies); }));
  if (question.probe.target == "any") {
    return answer.empty() ? Status(Error{Errc::kUnavailable, "it closed the connection"}) : Status();
  }
  return JudgePong(answer);
}

Status AskPostgres(Socket& socket, const Question& question) {
  QUANTUM_CHECK(Connect(socket, question.host, question.port));
  QUANTUM_CHECK(Send(socket, PostgresHello()));
  QUANTUM_TRY(const std::string answer, Receive(socket, [](const std::string& text) { return !text.empty(); }));
  return JudgePostgres(answer);
}

// Runs the body with a socket that is closed when the time is over, which ends whatever it waits for.
template <class Body>
Status WithDeadline(Duration timeout, Body body) {
  auto& context = fiber::CurrentLoop().context();
  auto socket = std::make_shared<Socket>(context);
  auto timed_out = std::make_shared<bool>(false);
  Timer timer(context);
  timer.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(timeout));
  timer.async_wait([socket, timed_out](boost::system::error_code error) {
    if (!error) {
      *timed_out = true;
      boost::system::error_code ignored;
      socket->close(ignored);
    }
  });
  Status status = body(*socket);
  timer.cancel();
  if (*timed_out) {
    return Error{Errc::kTimeout, fmt::format("no answer within {} ms",
                                             std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count())};
  }
  return status;
}

Status RunCommand(const ProcessSpec& spec, Duration timeout) {
  QUANTUM_TRY(const pid_t pid, Spawn(spec));
  const int pidfd = OpenPidfd(pid);
  bool ended = pidfd >= 0 && WaitForExit(pidfd, timeout);
  if (!ended) {
    ::kill(-pid, SIGKILL);
    ::kill(pid, SIGKILL);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) {
    return Error{Errc::kTimeout, fmt::format("{} did not answer in time", spec.command[0])};
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return Error{Errc::kUnavailable, fmt::format("{} exited with code {}", spec.command[0], WEXITSTATUS(status))};
  }
  return {};
}

}  // namespace

bool WaitForExit(int pidfd, Duration timeout) {
  auto& context = fiber::CurrentLoop().context();
  auto descriptor = std::make_shared<Descriptor>(context, pidfd);
  Timer timer(context);
  auto timed_out = std::make_shared<bool>(false);
  if (timeout > Duration::zero()) {
    timer.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(timeout));
    timer.async_wait([descriptor, timed_out](boost::system::error_code error) {
      if (!error) {
        *timed_out = true;
        boost::system::error_code ignored;
        descriptor->cancel(ignored);
      }
    });
  }
  // The reactor may wake us for an event of the descriptor that had this number before: the pidfd itself must say it.
  bool ended = false;
  while (!ended && !*timed_out) {
    boost::system::error_code error;
    fiber::Await(
        [&](fiber::Yield& yield) { descriptor->async_wait(asio::posix::descriptor_base::wait_read, yield[error]); });
    pollfd asked{.fd = pidfd, .events = POLLIN, .revents = 0};
    ended = ::poll(&asked, 1, 0) != 0;
    if (error && !ended && !*timed_out) {
      fiber::SleepFor(kAskAgain);
    }
  }
  timer.cancel();
  return ended;
}

Status RunProbe(const Question& question) {
  const config::Probe& probe = question.probe;
  switch (probe.kind) {
    case config::Probe::Kind::kNone:
      return {};
    case config::Probe::Kind::kTcp:
      return WithDeadline(probe.timeout, [&](Socket& socket) { return Connect(socket, question.host, question.port); });
    case config::Probe::Kind::kHttp:
      return WithDeadline(probe.timeout,
                          [&](Socket& socket) { return Get(socket, question.host, question.port, probe.target); });
    case config::Probe::Kind::kExec:
      return RunCommand(question.exec, probe.timeout);
    case config::Probe::Kind::kRedis:
      return WithDeadline(probe.timeout, [&](Socket& socket) { return AskRedis(socket, question); });
    case config::Probe::Kind::kPostgres:
      return WithDeadline(probe.timeout, [&](Socket& socket) { return AskPostgres(socket, question); });
  }
  return Error{Errc::kInternal, "unknown kind of probe"};
}

}  // namespace quantum::operate
