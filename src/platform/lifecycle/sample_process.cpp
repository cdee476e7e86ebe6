#include "platform/lifecycle/sample_process.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "platform/config/secrets.h"
#include "tests/support/checkout/checkout.h"

namespace quantum::lifecycle {

namespace support = quantum::testing;

Answer Caller::Call(const std::string& method, const std::string& path, const std::string& token,
                    const std::string& body) {
  if (fd_ < 0 && !Connect()) {
    return {Answer::Kind::kRefused};
  }
  const std::string authorization = token.empty() ? "" : "Authorization: Bearer " + token + "\r\n";
  const std::string request = fmt::format(
      "{} {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      method, path, port_, authorization, body.size(), body);
  if (send(fd_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    Close();
    return {.silent = true};
  }
  return Receive();
}

void Caller::Close() {
  if (fd_ >= 0) {
    close(std::exchange(fd_, -1));
  }
}

bool Caller::Connect() {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval timeout{30, 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    Close();
    return false;
  }
  return true;
}

Answer Caller::Receive() {
  std::string text;
  size_t head = std::string::npos;
  size_t length = 0;
  while (head == std::string::npos || text.size() < head + 4 + length) {
    char buffer[4096];
    const ssize_t n = recv(fd_, buffer, sizeof(buffer), 0);
    if (n <= 0) {
      Close();
      return {.silent = text.empty()};
    }
    text.append(buffer, static_cast<size_t>(n));
    if (head == std::string::npos && (head = text.find("\r\n\r\n")) != std::string::npos) {
      const size_t at = text.find("Content-Length: ");
      length = at < head ? std::stoul(text.substr(at + 16)) : 0;
    }
  }
  Answer answer{Answer::Kind::kAnswered, std::stoi(text.substr(9, 3)), text.substr(head + 4)};
  if (text.substr(0, head).find("Connection: close") != std::string::npos) {
    Close();
  }
  return answer;
}

ServiceProcessTest::ServiceProcessTest() : directory_("lifecycle"), port_(support::FreePorts(1).front()) {
  WriteManifest();
  operator_token_ = *config::EnsureSecret(State() + "/secrets", config::kOperatorToken);
  service_token_ = *config::EnsureSecret(State() + "/secrets", config::kServiceToken);
}

std::string ServiceProcessTest::Log() const { return support::ReadFile(State() + "/log/services/sample-service.log"); }
std::string ServiceProcessTest::Output() const { return support::ReadFile(directory_.path() / "output"); }

void ServiceProcessTest::UsePeer() {
  WriteManifest("{sample: {peer: peer}}",
                fmt::format("  peer: {{kind: service, command: x, port: {}}}\n", support::FreePorts(1).front()));
}

void ServiceProcessTest::WriteManifest(const std::string& services, const std::string& more_units) {
  support::WriteFile(directory_.path() / "quantum.yml",
                     fmt::format("version: 1\nmode: PAPER\nsymbols: [BTCUSDT]\nunits:\n  sample: {{kind: service, "
                                 "command: x, port: {}}}\n{}services: {}\n",
                                 port_, more_units, services));
}

support::Process ServiceProcessTest::Start(const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {checkout::BinaryDirectory() + "/lifecycle-sample-service"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  std::vector<std::string> environment = {"QUANTUM_MANIFEST=" + directory_.path().string() + "/quantum.yml",
                                          "QUANTUM_STATE_DIR=" + State()};
  environment.insert(environment.end(), environment_.begin(), environment_.end());
  return support::Process({.command = command, .output = directory_.path() / "output", .environment = environment});
}

support::Process ServiceProcessTest::StartAndWait() {
  support::Process process = Start();
  EXPECT_TRUE(support::Eventually(std::chrono::seconds(30), [&] { return Get("/health/ready").status == 200; }))
      << Output();
  return process;
}

bool ServiceProcessTest::SlowIsInFlight() const {
  const std::string one = "http_requests_in_progress{endpoint=\"/api/sample/slow\",method=\"GET\"} 1\n";
  return support::Eventually(std::chrono::seconds(3),
                             [&] { return Get("/metrics").body.find(one) != std::string::npos; });
}

int ServiceProcessTest::ExitCode(support::Process& process, std::chrono::milliseconds timeout, int signal) {
  const std::optional<int> status = process.Stop(timeout, signal);
  return status && WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
}

}  // namespace quantum::lifecycle
