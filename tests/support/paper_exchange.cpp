#include "tests/support/paper_exchange.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <stdexcept>

#include "platform/base/id.h"

namespace quantum::testing {

PaperExchangeProcess::PaperExchangeProcess(std::string binaries, const std::string& units, const std::string& services,
                                           const std::string& bind)
    : binaries_(std::move(binaries)),
      bind_(bind),
      directory_("paper-exchange"),
      port_(FreePorts(1).front()),
      fault_port_(FreePorts(1).front()),
      fault_token_(NewIncarnation()),
      key_(NewIncarnation() + NewIncarnation()),
      secret_(NewIncarnation() + NewIncarnation()) {
  std::filesystem::create_directories(State() + "/secrets");
  WriteFile(Manifest(), fmt::format("version: 1\n"
                                    "mode: PAPER\n"
                                    "symbols: [BTCUSDT, ETHUSDT]\n"
                                    "bind: {}\n"
                                    "market: {{source: synthetic, seed: 7, rate: 0.5, warmup: 3min}}\n"
                                    "units:\n"
                                    "  paper-exchange: {{kind: service, command: x, port: {}, ports: {{faults: {}}}}}\n"
                                    "{}"
                                    "services:{}\n",
                                    bind_, port_, fault_port_, units, services.empty() ? " {}" : "\n" + services));
  WriteSecret("operator-token", NewIncarnation());
  WriteSecret("service-token", NewIncarnation());
  WriteSecret("exchange-key", key_);
  WriteSecret("exchange-secret", secret_);
  WriteSecret("exchange-fault-token", fault_token_);
}

void PaperExchangeProcess::WriteSecret(const std::string& name, const std::string& text) const {
  WriteFile(State() + "/secrets/" + name, text);
}

std::vector<std::string> PaperExchangeProcess::Environment() const {
  return {"QUANTUM_MANIFEST=" + Manifest(), "QUANTUM_STATE_DIR=" + State()};
}

void PaperExchangeProcess::Start() {
  const std::filesystem::path output = directory_.path() / "paper-exchange.output";
  process_.emplace(ProcessOptions{
      .command = {binaries_ + "/quantum-paper-exchange"}, .output = output, .environment = Environment()});
  const auto ready = [&] { return !process_->Running() || HttpGet(port_, "/health/ready", 200, bind_).has_value(); };
  if (!Eventually(std::chrono::seconds(60), ready) || !process_->Running()) {
    throw std::runtime_error("the paper exchange did not become ready: " + ReadFile(output));
  }
}

void PaperExchangeProcess::Kill() {
  process_->Kill();
  process_.reset();
}

void PaperExchangeProcess::Fault(const std::string& json) const {
  const auto answer =
      HttpSend(fault_port_, "POST", "/faults",
               fmt::format("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", fault_token_), json);
  if (!answer || answer->first != 201) {
    throw std::runtime_error("the fault was not taken: " + (answer ? answer->second : "no answer"));
  }
}

void PaperExchangeProcess::EndFaults() const {
  const auto answer =
      HttpSend(fault_port_, "DELETE", "/faults",
               fmt::format("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", fault_token_), "");
  if (!answer || answer->first != 200) {
    throw std::runtime_error("the faults were not taken away: " + (answer ? answer->second : "no answer"));
  }
}

std::optional<std::string> HttpGet(int port, const std::string& path, int status, const std::string& address) {
  auto answer = HttpSend(port, "GET", path, "", "", address);
  return answer && (status == 0 || answer->first == status) ? std::optional(std::move(answer->second)) : std::nullopt;
}

std::optional<std::pair<int, std::string>> HttpSend(int port, const std::string& method, const std::string& path,
                                                    const std::string& headers, const std::string& body,
                                                    const std::string& address) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct Closer {
    int fd;
    ~Closer() { ::close(fd); }
  } closer{fd};
  const timeval timeout{5, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(static_cast<uint16_t>(port));
  if (::inet_pton(AF_INET, address.c_str(), &server.sin_addr) != 1 ||
      ::connect(fd, reinterpret_cast<sockaddr*>(&server), sizeof(server)) != 0) {
    return std::nullopt;
  }
  const std::string length = method == "GET" ? std::string() : fmt::format("Content-Length: {}\r\n", body.size());
  const std::string request = fmt::format("{} {} HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\n{}{}\r\n{}", method,
                                          path, address, port, headers, length, body);
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    return std::nullopt;
  }
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
    text.append(buffer, static_cast<size_t>(n));
  }
  const size_t head = text.find("\r\n\r\n");
  if (head == std::string::npos) {
    return std::nullopt;
  }
  return std::pair(std::stoi(text.substr(9, 3)), text.substr(head + 4));
}

}  // namespace quantum::testing
