#include "operator/supervisor/prober.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <istream>

#include "platform/fiber/await.h"

namespace quantum::operate {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Descriptor = asio::posix::basic_stream_descriptor<Executor>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

namespace {

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

Status Get(Socket& socket, const std::string& host, int port, const std::string& path) {
  QUANTUM_CHECK(Connect(socket, host, port));
  const std::string request =
      fmt::format("GET {} HTTP/1.1\r\nHost: {}:{}\r\nUser-Agent: quantum-supervisor\r\nConnection: close\r\n\r\n", path,
                  host, port);
  boost::system::error_code error;
  fiber::Await([&](fiber::Yield& yield) { asio::async_write(socket, asio::buffer(request), yield[error]); });
  asio::streambuf answer(4096);
  if (!error) {
    fiber::Await([&](fiber::Yield& yield) { asio::async_read_until(socket, answer, "\r\n", yield[error]); });
  }
  if (error) {
    return Error{Errc::kUnavailable, fmt::format("{}: {}", path, error.message())};
  }
  std::istream stream(&answer);
  std::string version;
  int status = 0;
  stream >> version >> status;
  if (status < 200 || status > 299) {
    return Error{Errc::kUnavailable, fmt::format("{} answered {}", path, status)};
  }
  return {};
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
  boost::system::error_code error;
  fiber::Await(
      [&](fiber::Yield& yield) { descriptor->async_wait(asio::posix::descriptor_base::wait_read, yield[error]); });
  timer.cancel();
  return !*timed_out;
}

Status RunProbe(const config::Probe& probe, const std::string& host, int port, const ProcessSpec& exec) {
  switch (probe.kind) {
    case config::Probe::Kind::kNone:
      return {};
    case config::Probe::Kind::kTcp:
      return WithDeadline(probe.timeout, [&](Socket& socket) { return Connect(socket, host, port); });
    case config::Probe::Kind::kHttp:
      return WithDeadline(probe.timeout, [&](Socket& socket) { return Get(socket, host, port, probe.target); });
    case config::Probe::Kind::kExec:
      return RunCommand(exec, probe.timeout);
  }
  return Error{Errc::kInternal, "unknown kind of probe"};
}

}  // namespace quantum::operate
